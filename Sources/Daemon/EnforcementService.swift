import CgroupFS
import Enforcing
import Host
import Logging
import Metering
import Runtimes
import ServiceLifecycle
import Store
import Units

/// How the daemon enforces.
public struct EnforcementPlan: Hashable, Sendable {
    public var zone: BillingZone
    /// How often spending is compared with budgets, in ms.
    public var budgetsEveryMilliseconds: Int64

    public init(zone: BillingZone, budgetsEveryMilliseconds: Int64) {
        (self.zone, self.budgetsEveryMilliseconds) = (zone, budgetsEveryMilliseconds)
    }
}

/// Keeps limits and budgets: after each tick it compares the kernel with what is wanted.
///
/// It runs on a thread of its own, so that an owner that is slow to answer delays no tick. When it ends, limits stay
/// as they are; boosts have timers of their own.
actor EnforcementService: Service {
    private let root: String
    /// The collector's store: it knows whether the file at its path is still the one that was opened.
    private let store: Store
    private let intervalMilliseconds: Int64
    private let logger: Logger
    private let feed: TickFeed
    private let ticks: AsyncStream<TickNews>
    private let reload: Reload
    /// `nil` leaves all limits alone.
    private var enforcement: EnforcementPlan?
    private var enforcer: Enforcer?
    /// Why the store is not this host's own, as it was last logged.
    private var told: String?

    private nonisolated let executor = BlockingExecutor("limits")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(
        _ enforcement: EnforcementPlan?, root: String, store: Store, intervalMilliseconds: Int64,
        ticks: TickFeed, reload: Reload, logger: Logger
    ) {
        (self.enforcement, self.root, self.store) = (enforcement, root, store)
        (self.intervalMilliseconds, self.logger) = (intervalMilliseconds, logger)
        (feed, self.reload, self.ticks) = (ticks, reload, ticks.subscribe())
    }

    /// Looks after each tick, until the group of services shuts down or the collector's store is gone.
    func run() async {
        for await _ in ticks.cancelOnGracefulShutdown() {
            if let wish = reload.takeEnforcement() { change(wish) }
            guard let enforcement else { continue }
            // Never on with a file that nobody sees any more, nor with another that lies there now.
            if let lost = store.lost {
                logger.error("limits: \(lost)")
                break
            }
            do throws(Fault) {
                try look(enforcement)
            } catch {
                logger.error("limits: \(error)")
                // A connection may be gone: the next look begins with new ones.
                enforcer = nil
            }
        }
        // A service that ends before it is told to would end the collector in the middle of its last tick.
        try? await gracefulShutdown()
    }

    /// Enforces in another way from now on; `nil` only leaves limits as they are.
    private func change(_ wish: EnforcementPlan?) {
        (enforcement, enforcer) = (wish, nil)
        logger.notice(
            wish == nil
                ? "limits are no longer enforced and stay as they are" : "limits are enforced")
    }

    private func look(_ enforcement: EnforcementPlan) throws(Fault) {
        if let why = try store.whyNotOwn() {
            if why != told { logger.warning("\(notOwn(why))") }
            (told, enforcer) = (why, nil)
            return
        }
        told = nil
        if enforcer == nil { enforcer = try make(enforcement) }
        for message in try enforcer?.look()?.messages ?? [] { logger.notice("\(message)") }
    }

    private func notOwn(_ why: String) -> String {
        "limits: \(store.path): \(why). It is metered into, and nothing is written to the kernel, until "
            + "octroi store adopt makes it this host's own"
    }

    private func make(_ enforcement: EnforcementPlan) throws(Fault) -> Enforcer {
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
        let (feed, interval) = (feed, intervalMilliseconds)
        let budgets = BudgetKeeper(
            changer: changer, store: store, ledger: ledger,
            zone: enforcement.zone, everyMilliseconds: enforcement.budgetsEveryMilliseconds,
            clock: milliseconds, isFresh: { isFresh(feed.latest, interval) })
        return Enforcer(changer: changer, store: store, budgets: budgets, clock: milliseconds)
    }
}

/// A clock that only goes on, in ms.
private func milliseconds() -> Int64 { Host.now().bootMicroseconds / 1000 }

/// Whether two ticks were kept, the last of them not long ago: no tenant is tightened on old figures.
private func isFresh(_ news: TickNews, _ interval: Int64) -> Bool {
    let age = milliseconds() - news.lastKept / 1000
    return news.kept >= 2 && isRecent(ageMilliseconds: age, intervalMilliseconds: interval)
}
