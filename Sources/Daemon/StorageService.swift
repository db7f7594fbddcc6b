import Glibc
import Host
import Logging
import Metering
import ServiceLifecycle
import Synchronization
import Units

/// The service that measures the space of folders that tenants' rules name.
///
/// It runs on a thread of its own. A walk through a large folder may take hours, and no tick waits
/// for it: the collector takes what is on the board.
actor StorageService: Service {
    /// Says which folders to measure, and receives the measurements.
    private let board: StorageBoard
    /// The planned time between two walks through a folder, in µs.
    private let every: Int64
    private let logger: Logger
    /// The collector's ticks.
    private let ticks: AsyncStream<TickNews>
    private let clock: @Sendable () -> Moment
    /// When to measure each folder again, in µs after boot.
    private var due: [String: Int64] = [:]
    /// Why a folder could not be measured, as it was last logged.
    private var told: [String: Absence] = [:]
    /// Whether the services shut down, which ends a walk.
    private let isStopping = Atomic(false)

    private nonisolated let executor = BlockingExecutor("storage")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// The time between two questions to a file system that counts by itself, in µs.
    private static let quotaEvery: Int64 = 60_000_000

    /// Prepares the service; it listens to ticks from now on.
    ///
    /// - Parameters:
    ///   - everyMilliseconds: the planned time between two walks through a folder.
    ///   - earlier: what an earlier run measured; those folders are not due at once.
    init(
        _ board: StorageBoard, everyMilliseconds: Int64, earlier: [StorageReading] = [],
        ticks: TickFeed, logger: Logger, clock: @escaping @Sendable () -> Moment = Host.now
    ) {
        (self.board, self.every, self.logger) = (board, everyMilliseconds * 1000, logger)
        (self.ticks, self.clock) = (ticks.subscribe(), clock)
        for reading in earlier where reading.method == .walk {
            due[reading.folder] = reading.bootMicroseconds + everyMilliseconds * 1000
        }
    }

    /// Looks after each tick which folders are due, until the services shut down.
    func run() async {
        await withGracefulShutdownHandler {
            for await _ in ticks.cancelOnGracefulShutdown() { measure() }
        } onGracefulShutdown: {
            self.isStopping.store(true, ordering: .relaxed)
        }
    }

    /// Measures the folders that are due.
    ///
    /// Those that the file system counts come first, because they take no time.
    func measure() {
        let wanted = board.wanted
        due = due.filter { wanted.contains($0.key) }
        told = told.filter { wanted.contains($0.key) }
        let now = clock().bootMicroseconds
        var counted: Set<Project> = []
        var rest: [String] = []
        for folder in wanted.sorted() where due[folder, default: .min] <= now {
            if !ask(folder, &counted) { rest.append(folder) }
        }
        for folder in rest where !isStopping.load(ordering: .relaxed) { walk(folder) }
    }

    /// A project of a file system, whose count is that of all folders with its id.
    private struct Project: Hashable {
        var device: UInt64
        var id: UInt32
    }

    /// Asks the file system for a folder's space.
    ///
    /// - Parameter counted: the projects that other folders were measured by in this round. A second
    ///   folder of a project is walked through, because the count is that of both.
    /// - Returns: whether the folder is done; false if a walk is needed.
    private func ask(_ folder: String, _ counted: inout Set<Project>) -> Bool {
        do throws(Absence) {
            let space = try FolderSpace(opening: folder)
            guard let (project, bytes) = space.projectSpace(),
                counted.insert(Project(device: space.device, id: project)).inserted
            else { return false }
            post(folder, bytes, nil, .quota, again: Self.quotaEvery)
        } catch {
            post(folder, nil, error, .walk, again: Self.quotaEvery)
        }
        return true
    }

    /// Walks through a folder and adds up its blocks.
    private func walk(_ folder: String) {
        do throws(Absence) {
            var began = clock().bootMicroseconds
            let bytes = try FolderSpace(opening: folder).walk {
                // As long a pause as the slice of work before it, at most half a core in all.
                let spent = min(max(0, clock().bootMicroseconds - began), 100_000)
                if spent > 10_000 { usleep(UInt32(spent)) }
                began = clock().bootMicroseconds
                return !isStopping.load(ordering: .relaxed)
            }
            if let bytes { post(folder, bytes, nil, .walk, again: every) }
        } catch {
            post(folder, nil, error, .walk, again: every)
        }
    }

    /// Hands a measurement over, and logs a failure when it begins and when it changes.
    ///
    /// - Parameter again: when to measure again, in µs from now.
    private func post(
        _ folder: String, _ bytes: Int64?, _ absence: Absence?, _ method: StorageReading.Method,
        again: Int64
    ) {
        let now = clock().bootMicroseconds
        due[folder] = now + again
        if let absence, told[folder] != absence {
            logger.warning("storage \(quoted(folder)) is not measured: \(absence.detail)")
        }
        told[folder] = absence
        board.post(
            StorageReading(folder, bytes: bytes, absence: absence, by: method, at: now))
    }
}
