import Dispatch
import Logging
import Metering
import Runtimes
import Store
import Synchronization
import Units

/// Finds the names of new containers, on a thread of its own: whoever is slow to answer delays no
/// tick.
final class NameService: Sendable {
    private let store: Store
    private let finder: NameFinder
    private let logger: Logger
    private let queue = DispatchQueue(label: "octroi.names")
    private let state = Mutex(State())

    private struct State {
        var isAsking = false
        /// How often each container was asked for in vain.
        var attempts: [Int64: Int] = [:]
    }

    /// After so many silences, or "not known", nobody is asked again: a container may be named a
    /// moment after its cgroup is made.
    private static let mostAttempts = 5

    init(store: Store, finder: NameFinder, logger: Logger) {
        (self.store, self.finder, self.logger) = (store, finder, logger)
    }

    /// Asks for those that are new, unless it still asks.
    func wake() {
        let mayBegin = state.withLock { state in
            defer { state.isAsking = true }
            return !state.isAsking
        }
        guard mayBegin else { return }
        queue.async { [self] in
            ask()
            state.withLock { $0.isAsking = false }
        }
    }

    private func ask() {
        do throws(Fault) {
            let unnamed = try store.unnamedContainers()
            let attempts = state.withLock { state in
                let rows = Set(unnamed.map(\.row))
                state.attempts = state.attempts.filter { rows.contains($0.key) }
                return state.attempts
            }
            var found: [(Int64, ContainerDetails)] = []
            for container in unnamed where attempts[container.row, default: 0] < Self.mostAttempts {
                switch finder.details(of: container.path, runtime: container.runtime) {
                case .found(let details): found.append((container.row, details))
                case .unknown, .silent:
                    state.withLock { $0.attempts[container.row, default: 0] += 1 }
                }
            }
            if !found.isEmpty { try store.learn(found, at: Host.wallTime()) }
        } catch {
            logger.warning("the names of containers: \(error)")
        }
    }
}
