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
        let wanted = board.wanted.sorted()
        due = due.filter { wanted.contains($0.key) }
        told = told.filter { wanted.contains($0.key) }
        let now = clock().bootMicroseconds
        guard wanted.contains(where: { due[$0, default: .min] <= now }) else { return }
        let counts = Self.unshared(wanted.map { (folder: $0, count: ask($0)) })
        var rest: [String] = []
        for (folder, count) in counts where due[folder, default: .min] <= now {
            switch count {
            case .project(_, let bytes): post(folder, bytes, nil, .quota, again: Self.quotaEvery)
            case .failed(let absence): post(folder, nil, absence, .walk, again: Self.quotaEvery)
            case .none: rest.append(folder)
            }
        }
        for folder in rest where !isStopping.load(ordering: .relaxed) { walk(folder) }
    }

    /// A project of a file system, whose count is that of all folders with its id.
    struct Project: Hashable {
        var device: UInt64
        var id: UInt32
    }

    /// What a file system says of a folder.
    enum Count: Equatable {
        /// The count of the folder's project.
        case project(Project, bytes: Int64)
        /// It keeps no count of its own.
        case none
        /// The folder cannot be opened.
        case failed(Absence)
    }

    /// The counts that are those of one folder alone.
    ///
    /// Folders of one project have one count, which is the space of all of them. If each of them, or
    /// only one, were billed by it, space would be billed twice, so all of them are walked through.
    static func unshared(
        _ counts: [(folder: String, count: Count)]
    ) -> [(folder: String, count: Count)] {
        var folders: [Project: Int] = [:]
        for case .project(let project, _) in counts.map(\.count) {
            folders[project, default: 0] += 1
        }
        return counts.map { folder, count in
            guard case .project(let project, _) = count, folders[project] != 1 else {
                return (folder, count)
            }
            return (folder, .none)
        }
    }

    /// Asks the file system for a folder's space.
    private func ask(_ folder: String) -> Count {
        do throws(Absence) {
            let space = try FolderSpace(opening: folder)
            guard let (project, bytes) = space.projectSpace() else { return .none }
            return .project(Project(device: space.device, id: project), bytes: bytes)
        } catch {
            return .failed(error)
        }
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
