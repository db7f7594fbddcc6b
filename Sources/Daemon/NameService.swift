import Host
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
        var silences = Silences()
    }

    /// A container whose name no runtime knew this many times is not asked for again.
    ///
    /// It may be named a moment after its cgroup is made. A silence is no answer: whoever gives none is
    /// asked later.
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
                let runtime = container.runtime
                // One that hangs takes its time limit for each question: it is not asked all of them.
                guard mayAsk(runtime) else { continue }
                let answer = finder.details(of: container.path, runtime: runtime)
                state.withLock { state in
                    switch answer {
                    case .silent: state.silences.silent(runtime, at: Self.now)
                    case .unknown, .unclear:
                        state.attempts[container.row, default: 0] += 1
                        state.silences.answered(runtime)
                    case .found: state.silences.answered(runtime)
                    }
                }
                if case .found(let details) = answer { found.append((container.row, details)) }
            }
            if !found.isEmpty { try store.saveDetails(found, at: Host.wallTime()) }
        } catch {
            logger.warning("the names of containers: \(error)")
        }
    }

    private func mayAsk(_ runtime: String) -> Bool {
        state.withLock { $0.silences.mayAsk(runtime, at: Self.now) }
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
