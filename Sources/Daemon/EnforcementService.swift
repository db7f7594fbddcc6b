import CgroupFS
import Enforcing
import Host
import Logging
import Metering
import Runtimes
import ServiceLifecycle
import Store
import Units

/// How the daemon enforces limits and budgets.
public struct EnforcementPlan: Hashable, Sendable {
    /// The zone in which days and months of budgets begin.
    public var zone: BillingZone
    /// The time between two comparisons of spending with budgets, in ms.
    public var budgetsEveryMilliseconds: Int64

    /// Creates a plan.
    public init(zone: BillingZone, budgetsEveryMilliseconds: Int64) {
        (self.zone, self.budgetsEveryMilliseconds) = (zone, budgetsEveryMilliseconds)
    }
}

/// The service that enforces: after each tick it compares the kernel with the desired limits.
///
/// It runs on a thread of its own, so that a slow owner of limits (systemd, Docker, Podman) delays
/// no tick. When the service ends, limits stay as they are. Boosts have timers of their own, which
/// end them.
actor EnforcementService: Service {
    /// The path of the cgroup tree.
    private let root: String
    /// The collector's store.
    ///
    /// It tells whether the file at its path is still the one that was opened. Limits use
    /// connections of their own (`make`).
    private let store: Store
    /// The planned time between ticks.
    private let intervalMilliseconds: Int64
    private let logger: Logger
    private let feed: TickFeed
    /// The collector's ticks.
    private let ticks: AsyncStream<TickNews>
    private let reload: Reload
    /// How to enforce; `nil` leaves all limits alone.
    private var enforcement: EnforcementPlan?
    /// The loop's body; `nil` before the first look, and after a fault.
    private var enforcer: Enforcer?
    /// Why the store does not belong to this host, as it was last logged.
    private var told: String?

    private nonisolated let executor = BlockingExecutor("limits")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Prepares the service; it listens to ticks from now on.
    ///
    /// - Parameters:
    ///   - enforcement: how to enforce; `nil` leaves all limits alone.
    ///   - root: the path of the cgroup tree.
    init(
        _ enforcement: EnforcementPlan?, root: String, store: Store, intervalMilliseconds: Int64,
        ticks: TickFeed, reload: Reload, logger: Logger
    ) {
        (self.enforcement, self.root, self.store) = (enforcement, root, store)
        (self.intervalMilliseconds, self.logger) = (intervalMilliseconds, logger)
        (feed, self.reload, self.ticks) = (ticks, reload, ticks.subscribe())
    }

    /// Looks after each tick, until the services shut down or the collector's store is gone.
    func run() async {
        for await _ in ticks.cancelOnGracefulShutdown() {
            if let wish = reload.takeEnforcement() { change(wish) }
            guard let enforcement else { continue }
            // The file that was opened may be deleted, or another one may be at its path. Neither
            // may decide limits.
            if let lost = store.lost {
                logger.error("limits: \(lost)")
                break
            }
            do throws(Fault) {
                try look(enforcement)
            } catch {
                logger.error("limits: \(error)")
                // A connection may be broken, so the next look opens new ones.
                enforcer = nil
            }
        }
        // If a service ends before its turn in a shutdown, the group cancels all others, even a
        // collector that takes its last reading. So wait for the turn.
        try? await gracefulShutdown()
    }

    /// Enforces by another plan from now on.
    ///
    /// - Parameter wish: `nil` leaves limits as they are.
    private func change(_ wish: EnforcementPlan?) {
        (enforcement, enforcer) = (wish, nil)
        logger.notice(
            wish == nil
                ? "limits are no longer enforced and stay as they are" : "limits are enforced")
    }

    /// Looks once, unless the store belongs to another host or is a copy.
    ///
    /// Such a store is metered into, but writes nothing to the kernel.
    ///
    /// - Throws: the fault that ended the look.
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

    /// The warning about a store that does not belong to this host.
    private func notOwn(_ why: String) -> String {
        "limits: \(store.path): \(why). It is metered into, and nothing is written to the kernel, until "
            + "octroi store adopt makes it this host's own"
    }

    /// Opens connections of its own to the store, and sets up the loop's body.
    private func make(_ enforcement: EnforcementPlan) throws(Fault) -> Enforcer {
        let collectors = self.store
        let store = try Store(at: collectors.path, for: .write)
        let ledger = try Store(at: collectors.path, for: .read)
        // The file may have been replaced between the two openings.
        try collectors.requireFile()
        let changer = LimitChanger(
            tree: LimitedTree(root: try CgroupRoot(opening: root)), store: store,
            boot: try Host.bootID(), now: Host.wallTime)
        // A look must not wait long for one cgroup: other limits need it, too. Memory that has not
        // shrunk by then is tried again at a later look.
        changer.deadline = 3000
        let (feed, interval) = (feed, intervalMilliseconds)
        let budgets = BudgetKeeper(
            changer: changer, store: store, ledger: ledger,
            zone: enforcement.zone, everyMilliseconds: enforcement.budgetsEveryMilliseconds,
            clock: milliseconds, isFresh: { isFresh(feed.latest, interval) })
        return Enforcer(changer: changer, store: store, budgets: budgets, clock: milliseconds)
    }
}

/// A clock that is never set back, in ms.
private func milliseconds() -> Int64 { Host.now().bootMicroseconds / 1000 }

/// Whether metering is up to date: at least two ticks were committed, the last one recently.
///
/// No tenant is tightened on old figures.
private func isFresh(_ news: TickNews, _ interval: Int64) -> Bool {
    let age = milliseconds() - news.lastKept / 1000
    return news.kept >= 2 && isRecent(ageMilliseconds: age, intervalMilliseconds: interval)
}
