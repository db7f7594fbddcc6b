import CgroupFormat
import Limits
import Store
import Units

/// Keeps tenants to their budgets: looks at what each spent, and takes or leaves its ladder's steps.
public final class BudgetKeeper {
    let store: Store
    /// A connection of its own: looking at spending may take long.
    private let ledger: Store
    let changer: LimitChanger
    private let zone: BillingZone
    private let everyMilliseconds: Int64
    private let isFresh: () -> Bool
    private var nextLook: Int64 = 0
    private let clock: () -> Int64

    /// - Parameters:
    ///   - everyMilliseconds: how often spending is looked at.
    ///   - isFresh: whether metering is up to date.
    public init(
        changer: LimitChanger, store: Store, ledger: Store, zone: BillingZone,
        everyMilliseconds: Int64, clock: @escaping () -> Int64, isFresh: @escaping () -> Bool
    ) {
        (self.changer, self.store, self.ledger) = (changer, store, ledger)
        (self.zone, self.everyMilliseconds) = (zone, everyMilliseconds)
        (self.clock, self.isFresh) = (clock, isFresh)
    }

    /// Looks at every budget, if it is time to; only within `alone`.
    ///
    /// - Returns: what an operator has to know, in words.
    func look(_ targets: LimitTargets) throws(Fault) -> [String] {
        guard clock() >= nextLook else { return [] }
        nextLook = clock() + everyMilliseconds
        let ladders = Dictionary(uniqueKeysWithValues: try store.ladders().map { ($0.id, $0) })
        let budgets = try store.budgets().filter { $0.budget.ladder != nil }
        var messages = try liftOrphans(Set(budgets.map(\.budget.tenant)), targets)
        var looks: [BudgetLook] = []
        for span in Budget.Span.allCases {
            let tenants = budgets.filter { $0.budget.per == span }.map(\.budget.tenant)
            guard !tenants.isEmpty else { continue }
            let spending = try ledger.spending(
                of: tenants, per: span, in: zone, at: changer.now())
            for (budget, state) in budgets where budget.per == span {
                guard let ladder = budget.ladder.flatMap({ ladders[$0] }) else { continue }
                switch spending[budget.tenant] {
                case .success(let money):
                    looks.append(
                        BudgetLook(
                            budget, ladder, state, money, at: changer.now(), isFresh: isFresh()))
                case .failure(let fault): messages.append("\(fault)")
                case nil: continue
                }
            }
        }
        let admitted = admitted(looks)
        var states: [(budget: Budget, state: LadderState)] = []
        for look in looks {
            do throws(Fault) {
                let (state, said) = try take(look, admitted.contains(look.budget.tenant), targets)
                states.append((look.budget, state))
                messages += said
            } catch {
                // The state stays what it was: the next look tries again.
                messages.append("\(error)")
            }
        }
        try store.saveStates(states)
        return messages
    }

    /// The tenants that may be tightened in this look, so many of each ladder at most.
    private func admitted(_ looks: [BudgetLook]) -> Set<String> {
        var admitted: Set<String> = []
        for (_, group) in Dictionary(grouping: looks, by: \.ladder.id) {
            let candidates = group.filter {
                if case .up = $0.next(mayTighten: true).move { true } else { false }
            }
            admitted.formUnion(
                admit(
                    candidates: candidates.map { ($0.budget.tenant, $0.spending.percent) },
                    most: group.first?.ladder.maxTenantsPerTick ?? 0))
        }
        return admitted
    }

    /// Lifts what budgets laid on tenants that have none any more.
    private func liftOrphans(
        _ tenants: Set<String>, _ targets: LimitTargets
    ) throws(Fault) -> [String] {
        let orphans = try store.limitState().overlays.filter {
            $0.source == .budget && !($0.tenant.map(tenants.contains) ?? false)
        }
        var messages: [String] = []
        for (subject, overlays) in Dictionary(grouping: orphans, by: \.subject) {
            let why = "the budget was removed"
            try changer.lift(overlays, targets, .budget, reason: why)
            messages.append("\(subject.name): \(why), its limits are lifted")
        }
        return messages
    }

    /// Takes or leaves steps as the ladder says, and keeps a paced cap at its pace.
    private func take(
        _ look: BudgetLook, _ mayTighten: Bool, _ targets: LimitTargets
    ) throws(Fault) -> (LadderState, [String]) {
        let step = look.next(mayTighten: mayTighten)
        var state = step.state
        let cap = look.cap(&state)
        let standing = try store.limitState().overlays.filter {
            $0.source == .budget && $0.tenant == look.budget.tenant
        }
        let wanted = StepLimits(look, state, cap, standing, targets)
        let why = step.move.reason(look.spending).map { "\(look.words): \($0)" }
        var messages: [String] = wanted.skipped
        if let why {
            messages.append("\(look.budget.tenant): \(why); \(state.rung) steps are in force")
        }
        try carryOut(
            wanted, look, reason: why ?? "\(look.words): the cap follows the money left",
            isMove: why != nil, targets)
        return (state, messages)
    }

    private func carryOut(
        _ wanted: StepLimits, _ look: BudgetLook, reason: String, isMove: Bool,
        _ targets: LimitTargets
    ) throws(Fault) {
        let tenant = look.budget.tenant
        for (_, overlays) in Dictionary(grouping: wanted.ending, by: \.subject) {
            try changer.lift(overlays, targets, .budget, reason: reason)
        }
        for (subject, overlays) in Dictionary(grouping: wanted.laying, by: \.subject) {
            var writes: [PlannedWrite] = []
            for overlay in overlays {
                writes += try self.writes(for: overlay, subject, targets)
            }
            let replaced = wanted.replacing.filter { old in
                old.subject == subject && overlays.contains { $0.key == old.key }
            }
            try changer.lay(overlays, writes: writes, ending: replaced, .budget, reason: reason)
        }
        // A warning writes nothing, and is in the record all the same.
        if isMove, wanted.ending.isEmpty, wanted.laying.isEmpty {
            try changer.perform(
                LimitRequest(
                    .budget, of: LimitSubject(.tenant, tenant), tenant: tenant, reason: reason))
        }
    }

    private func writes(
        for overlay: LimitOverlay, _ subject: LimitSubject, _ targets: LimitTargets
    ) throws(Fault) -> [PlannedWrite] {
        let isOfContainers = overlay.key == .freeze && subject.kind == .tenant
        let cgroups =
            isOfContainers ? targets.containers(of: subject.name) : targets.cgroups(of: subject)
        var writes: [PlannedWrite] = []
        let desired = try store.limitState().desired(subject)
        for cgroup in cgroups {
            // A budget only tightens what is wanted, and a boost stands above it.
            if desired.boost[overlay.key] != nil { continue }
            let value = desired.wanted[overlay.key]?.tightened(by: overlay.value) ?? overlay.value
            writes += try changer.plan(
                cgroup, [LimitSetting(overlay.key, value)], false, 0
            ).map(\.write)
        }
        return writes
    }
}
