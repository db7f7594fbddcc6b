import Host
import Logging
import Metering
import Runtimes
import ServiceLifecycle
import Store
import Units

/// The service that asks runtimes for the names and labels of new containers, after each tick.
///
/// It runs on a thread of its own, so that a slow runtime delays no tick.
actor NameService: Service {
    private let store: Store
    /// Asks systemd, Docker, Podman and the other runtimes.
    private let finder: NameFinder
    private let logger: Logger
    /// The collector's ticks.
    private let ticks: AsyncStream<TickNews>
    /// How often a container's runtime answered without its name, by the container's row.
    private var attempts: [Int64: Int] = [:]
    /// Runtimes that did not answer, and when to ask them again.
    private var silences = Silences()

    private nonisolated let executor = BlockingExecutor("names")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// The number of answers without a name after which a container is not asked for again.
    ///
    /// A runtime may name a container a moment after it created the cgroup, so one attempt is not
    /// enough. If the runtime does not answer at all, that is not an attempt.
    private static let mostAttempts = 5

    /// Prepares the service; it listens to ticks from now on.
    init(store: Store, finder: NameFinder, ticks: TickFeed, logger: Logger) {
        (self.store, self.finder, self.logger) = (store, finder, logger)
        self.ticks = ticks.subscribe()
    }

    /// Asks after each tick, until the services shut down.
    func run() async {
        for await _ in ticks.cancelOnGracefulShutdown() {
            do throws(Fault) {
                try ask()
            } catch {
                logger.warning("the names of containers: \(error)")
            }
        }
    }

    /// Asks for the containers that have no name yet, and stores the answers.
    ///
    /// - Throws: the store's fault; the next tick asks again.
    private func ask() throws(Fault) {
        let unnamed = try store.unnamedContainers()
        let rows = Set(unnamed.map(\.row))
        // Forget containers that have ended or got a name.
        attempts = attempts.filter { rows.contains($0.key) }
        var found: [(Int64, ContainerDetails)] = []
        for container in unnamed where attempts[container.row, default: 0] < Self.mostAttempts {
            let runtime = container.runtime
            // A runtime that hangs costs its time limit with every question. So ask it one
            // question, not all.
            guard silences.mayAsk(runtime, at: Self.now) else { continue }
            switch finder.details(of: container.path, runtime: runtime) {
            case .silent: silences.silent(runtime, at: Self.now)
            case .unknown, .unclear:
                attempts[container.row, default: 0] += 1
                silences.answered(runtime)
            case .found(let details):
                silences.answered(runtime)
                found.append((container.row, details))
            }
        }
        if !found.isEmpty { try store.saveDetails(found, at: Host.wallTime()) }
    }

    /// The time since boot, in ms.
    private static var now: Int64 { Host.now().bootMicroseconds / 1000 }
}

/// The runtimes that did not answer, each with the time to ask it again.
///
/// The first pause is 10 s. Each further silence doubles it, up to 5 min.
struct Silences: Sendable {
    /// The first pause, in ms.
    static let first: Int64 = 10_000
    /// The longest pause, in ms.
    static let most: Int64 = 300_000

    /// When to ask each runtime again, and the length of its present pause in ms.
    private var silences: [String: (next: Int64, wait: Int64)] = [:]

    /// Whether a runtime may be asked now.
    ///
    /// - Parameter now: ms of a clock that is never set back.
    func mayAsk(_ runtime: String, at now: Int64) -> Bool {
        silences[runtime].map { now >= $0.next } ?? true
    }

    /// Notes that a runtime did not answer, and begins its next pause.
    mutating func silent(_ runtime: String, at now: Int64) {
        let wait = silences[runtime].map { min($0.wait * 2, Self.most) } ?? Self.first
        silences[runtime] = (now + wait, wait)
    }

    /// Notes that a runtime answered, whatever it said: its next pause is short again.
    mutating func answered(_ runtime: String) { silences[runtime] = nil }
}
