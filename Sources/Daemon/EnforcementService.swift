import Host
import CgroupFS
import Enforcing
import Foundation
import Logging
import Metering
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
    private let root: String
    /// The collector's: it is known by it whether the file at its path is still the one that was opened.
    private let store: Store
    private let intervalMilliseconds: Int64
    private let logger: Logger
    private let wish = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private let state: Mutex<State>

    private struct State {
        /// `nil` leaves all limits alone.
        var enforcement: Enforcement?
        /// Whether it was set since the last look.
        var isNew = false
        var isStopped = false
        var isAwake = false
        /// Ticks that were committed, and when the last was, in µs after boot.
        var ticks = 0
        var lastTick: Int64 = 0
    }

    /// Starts the thread; it looks whenever it is woken.
    init(
        _ enforcement: Enforcement?, root: String, store: Store, intervalMilliseconds: Int64,
        logger: Logger
    ) {
        state = Mutex(State(enforcement: enforcement))
        (self.root, self.store) = (root, store)
        (self.intervalMilliseconds, self.logger) = (intervalMilliseconds, logger)
        Thread.detachNewThread { [self] in
            run()
            done.signal()
        }
    }

    /// Lets it enforce in another way from its next look on; `nil` only leaves limits as they are.
    func change(_ enforcement: Enforcement?) {
        state.withLock { ($0.enforcement, $0.isNew) = (enforcement, true) }
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
        var told: String?
        while true {
            wish.wait()
            let (isStopped, isNew, enforcement) = state.withLock { state in
                defer { (state.isAwake, state.isNew) = (false, false) }
                return (state.isStopped, state.isNew, state.enforcement)
            }
            if isStopped { return }
            if isNew {
                enforcer = nil
                logger.notice(
                    enforcement == nil
                        ? "limits are no longer enforced and stay as they are"
                        : "limits are enforced")
            }
            guard let enforcement else { continue }
            // Never on with a file that nobody sees any more, nor with another that lies there now.
            if let lost = store.lost {
                logger.error("limits: \(lost)")
                return
            }
            do throws(Fault) {
                let why = try store.whyNotOwn()
                if let why {
                    if why != told { logger.warning("\(notOwn(why))") }
                    told = why
                    enforcer = nil
                    continue
                }
                told = nil
                if enforcer == nil { enforcer = try make(enforcement) }
                for message in try enforcer?.look()?.messages ?? [] {
                    logger.notice("\(message)")
                }
            } catch {
                logger.error("limits: \(error)")
                // A connection may be gone: the next look begins with new ones.
                enforcer = nil
            }
        }
    }

    private func notOwn(_ why: String) -> String {
        "limits: \(store.path): \(why). It is metered into, and nothing is written to the kernel, until "
            + "octroi store adopt makes it this host's own"
    }

    private func make(_ enforcement: Enforcement) throws(Fault) -> Enforcer {
        let collectors = self.store
        let store = try Store(at: collectors.path, for: .write)
        let ledger = try Store(at: collectors.path, for: .read)
        // Another file may have come before they were opened.
        try collectors.requireFile()
        let changer = LimitChanger(
            tree: LimitedTree(root: try CgroupRoot(opening: root)), store: store,
            boot: try Host.bootID(), now: Host.wallTime)
        // It looks at other limits, too: what does not shrink at once is tried again later.
        changer.deadline = 3000
        func clock() -> Int64 { Host.now().bootMicroseconds / 1000 }
        let budgets = BudgetKeeper(
            changer: changer, store: store, ledger: ledger,
            zone: enforcement.zone, everyMilliseconds: enforcement.budgetsEveryMilliseconds,
            clock: clock, isFresh: isFresh)
        return Enforcer(changer: changer, store: store, budgets: budgets, clock: clock)
    }

    /// Whether two ticks were kept, and the last of late.
    private func isFresh() -> Bool {
        state.withLock { state in
            let age = Host.now().bootMicroseconds - state.lastTick
            return state.ticks >= 2
                && isRecent(
                    ageMilliseconds: age / 1000, intervalMilliseconds: intervalMilliseconds)
        }
    }
}
