import Limits
import Runtimes
import Store
import Units

/// The body of the enforcing loop: compares the kernel with the desired limits, once per tick.
///
/// It writes only where they differ. Use it on one thread.
public final class Enforcer {
    /// The result of one look.
    public struct Outcome: Sendable {
        /// Number of limits that were compared.
        public var compared = 0
        /// Number of values that were written.
        public var written = 0
        /// New messages for the operator.
        public var messages: [String] = []
        /// All messages of this look, including those that were already reported.
        fileprivate var said: Set<String> = []
    }

    let changer: LimitChanger
    let store: Store
    private let budgets: BudgetKeeper?
    /// Each limit as it was last found correct.
    var seen: [LimitPlace: Seen] = [:]
    /// Detects two writers that keep overwriting each other.
    var fights = FightWatch()
    /// Watches for a memory.high that stalls all processes in a cgroup.
    var strangled = StrangleWatch()
    /// Delays attempts that failed.
    var backoff = Backoff<Attempt>()
    /// Messages of the last look; they are not reported again.
    private var told: Set<String> = []
    /// The version of limits in the store to which `known` belongs.
    private var version = ""
    private var known: (state: LimitState, desires: [Desire])?
    /// Whether all boosts in force have timers.
    private var hasArmed = false
    /// Messages of the last look at budgets.
    private var saidOfBudgets: Set<String> = []
    /// When systemd last read its units, as of the previous look and of this one.
    private var unitsLoaded: (before: UInt64?, now: UInt64?)
    /// Milliseconds of a clock that is never set back.
    let clock: () -> Int64

    /// The state in which a limit was last seen.
    struct Seen {
        var cgroupID: Int64
        /// The value that was correct.
        var value: LimitValue
        /// The deviating value that was reported, if the tenant's policy is `alert`.
        var alerted: LimitValue?
    }

    /// Something that is tried again only after a delay once it has failed.
    enum Attempt: Hashable {
        case write(cgroup: Int64, LimitKey, LimitValue)
        case restore(HeldLimit)
        case expire(change: Int64)
    }

    /// Sets up the loop.
    ///
    /// - Parameter budgets: keeps tenants to their budgets; `nil` leaves budgets alone.
    public init(
        changer: LimitChanger, store: Store, budgets: BudgetKeeper?, clock: @escaping () -> Int64
    ) {
        (self.changer, self.store) = (changer, store)
        (self.budgets, self.clock) = (budgets, clock)
    }

    /// Looks once: ends boosts, follows budgets, then compares every desired limit.
    ///
    /// - Returns: `nil` if another process is changing limits; the next look catches up.
    public func look() throws(Fault) -> Outcome? {
        // Reading what was spent may take long, so it happens without the lock.
        budgets?.observe()
        return try changer.withExclusiveLockIfFree(waitMilliseconds: 0) { () throws(Fault) in
            var outcome = Outcome()
            for fault in changer.unrecovered { tell("\(fault)", &outcome) }
            let targets = try LimitTargets(changer.tree, store)
            try endOverdueBoosts(targets, &outcome)
            try armTimers(&outcome)
            keepBudgets(targets, &outcome)
            unitsLoaded = (unitsLoaded.now, changer.tree.owners.unitsLoaded)
            let (state, desires) = try read()
            let desired = DesiredCgroups(desires, targets)
            for entry in desired.all { compare(entry, state, targets, &outcome) }
            for item in state.held { restoreUncovered(item, desired, targets, &outcome) }
            // A message that did not occur in this look will be reported when it occurs again.
            told = outcome.said
            forget(desired, outcome.compared)
            return outcome
        }
    }

    private func keepBudgets(_ targets: LimitTargets, _ outcome: inout Outcome) {
        do throws(Fault) {
            if let said = try budgets?.act(targets) { saidOfBudgets = Set(said) }
        } catch {
            saidOfBudgets = ["budgets: \(error)"]
        }
        // Budgets are looked at less often than limits; until then their messages persist.
        for message in saidOfBudgets.sorted() { tell(message, &outcome) }
    }

    /// Sets timers for boosts that are in force, as a reboot removes them.
    ///
    /// It tries at every look until all are set.
    private func armTimers(_ outcome: inout Outcome) throws(Fault) {
        guard !hasArmed else { return }
        let faults = try changer.armStandingBoosts()
        for fault in faults { tell("\(fault)", &outcome) }
        hasArmed = faults.isEmpty
    }

    /// Whether systemd has read its units again since the previous look.
    var hasReloaded: Bool {
        unitsLoaded.before != nil && changer.tree.owners.unitsLoaded != unitsLoaded.before
    }

    /// The state of limits in the store, read again only if it has changed.
    private func read() throws(Fault) -> (LimitState, [Desire]) {
        let version = try store.limitVersion()
        if let known, version == self.version { return known }
        let state = try changer.state()
        let now = (state, state.desires)
        (self.version, known) = (version, now)
        return now
    }

    /// Ends boosts whose time is over.
    private func endOverdueBoosts(
        _ targets: LimitTargets, _ outcome: inout Outcome
    ) throws(Fault) {
        let boosts = try changer.endOverdueBoosts(targets) { change in
            backoff.mayTry(.expire(change: change), at: clock())
        }
        for set in boosts.ended {
            outcome.written += set.changes.count
            outcome.messages.append("\(set.target): \(set.reason ?? "")")
        }
        for (change, fault) in boosts.failed {
            backoff.failed(.expire(change: change), at: clock())
            tell("\(fault)", &outcome)
        }
    }

    /// Restores a value that a boost or budget replaced, where neither applies any more.
    ///
    /// Its tenant was removed, or the cgroup belongs to another tenant by now.
    private func restoreUncovered(
        _ held: HeldLimit, _ desired: DesiredCgroups, _ targets: LimitTargets,
        _ outcome: inout Outcome
    ) {
        let isCovered = desired.limit(held.key, at: held.governingPath)?.isPassing ?? false
        guard !isCovered, backoff.mayTry(.restore(held), at: clock()) else { return }
        do throws(Fault) {
            let restored = try changer.restore([held], desired)
            let tenant = targets.tenant(of: held.governingPath)
            var request = LimitRequest(
                .expire, of: LimitSubject(.container, held.governingPath), tenant: tenant,
                reason: (["no boost and no budget holds it any more"] + restored.notes)
                    .joined(separator: "; "), writes: restored.writes)
            request.lasting = false
            request.effects = restored.effects
            let set = try changer.perform(request)
            outcome.written += set.changes.count
            outcome.messages.append("\(held.path) \(held.key): \(set.reason ?? "")")
        } catch {
            backoff.failed(.restore(held), at: clock())
            tell("\(error)", &outcome)
        }
    }

    /// Drops what is remembered about cgroups that no longer exist, once that is much.
    private func forget(_ desired: DesiredCgroups, _ compared: Int) {
        guard seen.count > 2 * compared + 100 else { return }
        seen = seen.filter { desired[$0.key.path] != nil }
        fights.keepOnly { desired[$0.path] != nil }
        strangled.keepOnly { desired[$0] != nil }
    }

    /// Reports a message, unless the previous look reported it as well.
    func tell(_ message: String, _ outcome: inout Outcome) {
        outcome.said.insert(message)
        if !told.contains(message) { outcome.messages.append(message) }
    }
}
