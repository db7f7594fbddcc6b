import CgroupFS
import Enforcing
import Foundation
import Logging
import Runtimes
import Store
import Synchronization
import Units

/// How the daemon enforces.
public struct Enforcement: Sendable {
    public var zone: BillingZone
    /// How often budgets are looked at, in ms.
    public var budgetsEveryMilliseconds: Int64

    public init(zone: BillingZone, budgetsEveryMilliseconds: Int64) {
        (self.zone, self.budgetsEveryMilliseconds) = (zone, budgetsEveryMilliseconds)
    }
}

/// The enforcing loop, on a thread of its own: an owner that is slow to answer delays no tick.
final class EnforcementService: Sendable {
    private let enforcement: Enforcement
    private let root: String
    private let storePath: String
    private let intervalMilliseconds: Int64
    private let logger: Logger
    private let wish = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    private struct State {
        var isStopped = false
        var isAwake = false
        /// Ticks that were committed, and when the last was, in µs after boot.
        var ticks = 0
        var lastTick: Int64 = 0
    }

    /// Starts the thread; it looks whenever it is woken.
    init(
        _ enforcement: Enforcement, root: String, store: Store, intervalMilliseconds: Int64,
        logger: Logger
    ) {
        (self.enforcement, self.root, storePath) = (enforcement, root, store.path)
        (self.intervalMilliseconds, self.logger) = (intervalMilliseconds, logger)
        Thread.detachNewThread { [self] in
            run()
            done.signal()
        }
    }

    /// Lets it look, after a tick.
    ///
    /// - Parameter isKept: whether the tick was committed: without, metering is behind.
    func wake(isKept: Bool) {
        let mustSignal = state.withLock { state in
            if isKept {
                state.ticks += 1
                state.lastTick = Host.now().bootMicroseconds
            }
            defer { state.isAwake = true }
            return !state.isAwake
        }
        if mustSignal { wish.signal() }
    }

    /// Ends the thread once it is done with what it does.
    ///
    /// Limits stay as they are; boosts have timers of their own.
    func stop() {
        state.withLock { $0.isStopped = true }
        wish.signal()
        done.wait()
    }

    private func run() {
        var enforcer: Enforcer?
        while true {
            wish.wait()
            let isStopped = state.withLock { state in
                state.isAwake = false
                return state.isStopped
            }
            if isStopped { return }
            do throws(Fault) {
                if enforcer == nil { enforcer = try make() }
                for message in try enforcer?.look()?.messages ?? [] {
                    logger.notice("\(harmless(message))")
                }
            } catch {
                logger.error("limits: \(error)")
                // A connection may be gone: the next look begins with new ones.
                enforcer = nil
            }
        }
    }

    private func make() throws(Fault) -> Enforcer {
        let store = try Store(at: storePath, for: .write)
        let changer = LimitChanger(
            tree: LimitedTree(root: try CgroupRoot(opening: root)), store: store,
            boot: try Host.bootID(), now: Host.wallTime)
        // It looks at other limits, too: what does not shrink at once is tried again later.
        changer.deadline = 3000
        func clock() -> Int64 { Host.now().bootMicroseconds / 1000 }
        let budgets = BudgetKeeper(
            changer: changer, store: store, ledger: try Store(at: storePath, for: .read),
            zone: enforcement.zone, everyMilliseconds: enforcement.budgetsEveryMilliseconds,
            clock: clock, isFresh: isFresh)
        return Enforcer(changer: changer, store: store, budgets: budgets, clock: clock)
    }

    /// Whether two ticks were kept, and the last of late.
    private func isFresh() -> Bool {
        state.withLock { state in
            let age = Host.now().bootMicroseconds - state.lastTick
            return state.ticks >= 2 && age <= 3 * intervalMilliseconds * 1000 + 1_000_000
        }
    }
}
