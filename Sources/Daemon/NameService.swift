import Host
import Logging
import Metering
import Runtimes
import ServiceLifecycle
import Store
import Units

/// Finds the names of new containers after each tick.
///
/// It runs on a thread of its own, so that a runtime that is slow to answer delays no tick.
actor NameService: Service {
    private let store: Store
    private let finder: NameFinder
    private let logger: Logger
    private let ticks: AsyncStream<TickNews>
    /// How often each container was asked for in vain.
    private var attempts: [Int64: Int] = [:]
    private var silences = Silences()

    private nonisolated let executor = BlockingExecutor("names")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// A container whose name no runtime knew this many times is not asked for again.
    ///
    /// It may be named a moment after its cgroup is made. A silence is no answer: whoever gives none is
    /// asked later.
    private static let mostAttempts = 5

    init(store: Store, finder: NameFinder, ticks: TickFeed, logger: Logger) {
        (self.store, self.finder, self.logger) = (store, finder, logger)
        self.ticks = ticks.subscribe()
    }

    func run() async {
        for await _ in ticks.cancelOnGracefulShutdown() {
            do throws(Fault) {
                try ask()
            } catch {
                logger.warning("the names of containers: \(error)")
            }
        }
    }

    /// Asks for the containers that have no name yet.
    private func ask() throws(Fault) {
        let unnamed = try store.unnamedContainers()
        let rows = Set(unnamed.map(\.row))
        attempts = attempts.filter { rows.contains($0.key) }
        var found: [(Int64, ContainerDetails)] = []
        for container in unnamed where attempts[container.row, default: 0] < Self.mostAttempts {
            let runtime = container.runtime
            // One that hangs takes its time limit for each question: it is not asked all of them.
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

    private static var now: Int64 { Host.now().bootMicroseconds / 1000 }
}
/// The runtimes that did not answer when they were last asked, and when to ask them again: after 10 s at
/// first, after 5 min at most.
struct Silences: Sendable {
    static let first: Int64 = 10_000
    static let most: Int64 = 300_000

    private var silences: [String: (next: Int64, wait: Int64)] = [:]

    /// - Parameter now: of a clock that only goes on, in ms.
    func mayAsk(_ runtime: String, at now: Int64) -> Bool {
        silences[runtime].map { now >= $0.next } ?? true
    }

    mutating func silent(_ runtime: String, at now: Int64) {
        let wait = silences[runtime].map { min($0.wait * 2, Self.most) } ?? Self.first
        silences[runtime] = (now + wait, wait)
    }

    mutating func answered(_ runtime: String) { silences[runtime] = nil }
}
