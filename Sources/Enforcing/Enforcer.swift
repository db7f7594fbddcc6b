import Limits
import Runtimes
import Store
import Units

/// The enforcing loop's body: holds the kernel against what limits shall be, once a tick.
///
/// It only reads where all is as it should be.
public final class Enforcer {
    /// What one look came to.
    public struct Outcome: Sendable {
        /// Limits that were compared, and written.
        public var compared = 0
        public var written = 0
        /// What an operator has to know, in words.
        public var messages: [String] = []
        /// All that was to be said, what was said before as well.
        fileprivate var said: Set<String> = []
    }

    let changer: LimitChanger
    let store: Store
    private let budgets: BudgetKeeper?
    var seen: [LimitPlace: Seen] = [:]
    var fights = FightWatch()
    var strangled = StrangleWatch()
    var backoff = Backoff<Attempt>()
    private var told: Set<String> = []
    private var version = ""
    private var known: (state: LimitState, desires: [Desire])?
    private var hasArmed = false
    /// What was said of budgets when they were looked at last.
    private var saidOfBudgets: Set<String> = []
    /// When systemd had last read its units, at the beginning of this look and of the one before.
    private var unitsLoaded: (before: UInt64?, now: UInt64?)
    /// A clock that only goes on, in ms.
    let clock: () -> Int64

    /// A limit as it was last seen in order, or alerted of.
    struct Seen {
        var cgroupID: Int64
        var value: LimitValue
        var alerted: LimitValue?
    }

    /// What is put off for a while once it failed.
    enum Attempt: Hashable {
        case write(cgroup: Int64, LimitKey, LimitValue)
        case restore(HeldLimit)
        case expire(change: Int64)
    }

    /// - Parameter budgets: what keeps budgets; `nil` leaves them alone.
    public init(
        changer: LimitChanger, store: Store, budgets: BudgetKeeper?, clock: @escaping () -> Int64
    ) {
        (self.changer, self.store) = (changer, store)
        (self.budgets, self.clock) = (budgets, clock)
    }

    /// Looks once.
    ///
    /// - Returns: `nil` if somebody else is changing limits; the next look sees to it.
    public func look() throws(Fault) -> Outcome? {
        // While others may change limits.
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
            // What is not so any more may be said again.
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
        // Between two looks what was said stays said.
        for message in saidOfBudgets.sorted() { tell(message, &outcome) }
    }

    /// Lets boosts that stand have timers, until all have: after a reboot there are none.
    private func armTimers(_ outcome: inout Outcome) throws(Fault) {
        guard !hasArmed else { return }
        let faults = try changer.armStandingBoosts()
        for fault in faults { tell("\(fault)", &outcome) }
        hasArmed = faults.isEmpty
    }

    /// Whether systemd has read its units anew since the look before.
    var hasReloaded: Bool {
        unitsLoaded.before != nil && changer.tree.owners.unitsLoaded != unitsLoaded.before
    }

    /// What limits shall be, read again when something changed it.
    private func read() throws(Fault) -> (LimitState, [Desire]) {
        let version = try store.limitVersion()
        if let known, version == self.version { return known }
        let state = try changer.state()
        let now = (state, state.desires)
        (self.version, known) = (version, now)
        return now
    }

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

    /// Puts back what an overlay had changed in a cgroup that none covers any more: whose tenant was
    /// removed, or which is another's by now.
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

    /// Forgets cgroups that have ended, now and then.
    private func forget(_ desired: DesiredCgroups, _ compared: Int) {
        guard seen.count > 2 * compared + 100 else { return }
        seen = seen.filter { desired[$0.key.path] != nil }
        fights.keepOnly { desired[$0.path] != nil }
        strangled.keepOnly { desired[$0] != nil }
    }

    /// Says a thing once, until it was not to be said in a look.
    func tell(_ message: String, _ outcome: inout Outcome) {
        outcome.said.insert(message)
        if !told.contains(message) { outcome.messages.append(message) }
    }
}
