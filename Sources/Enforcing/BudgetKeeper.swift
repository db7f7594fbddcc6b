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
    private var backoff = Backoff<LimitSubject>()

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
            let tenant = LimitSubject(.tenant, look.budget.tenant)
            guard backoff.mayTry(tenant, at: clock()) else { continue }
            do throws(Fault) {
                let (state, said) = try take(look, admitted.contains(look.budget.tenant), targets)
                backoff.succeeded(tenant)
                states.append((look.budget, state))
                messages += said
            } catch {
                // The state stays what it was: a later look tries again.
                backoff.failed(tenant, at: clock())
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
        let orphans = try changer.state().overlays.filter {
            $0.source == .budget && !($0.tenant.map(tenants.contains) ?? false)
        }
        var messages: [String] = []
        for subject in orphans.subjects {
            let overlays = orphans.filter { $0.subject == subject }
            let why = "the budget was removed"
            guard backoff.mayTry(subject, at: clock()) else { continue }
            do throws(Fault) {
                try changer.lay([], ending: overlays, targets, .budget, reason: why)
                backoff.succeeded(subject)
                messages.append("\(subject.name): \(why), its limits are lifted")
            } catch {
                backoff.failed(subject, at: clock())
                messages.append("\(error)")
            }
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
        let standing = try changer.state().overlays.filter {
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
        let ending = wanted.ending + wanted.replacing
        for subject in (ending + wanted.laying).subjects {
            try changer.lay(
                wanted.laying.filter { $0.subject == subject },
                ending: ending.filter { $0.subject == subject }, targets, .budget, reason: reason)
        }
        // A warning writes nothing, and is in the record all the same.
        if isMove, ending.isEmpty, wanted.laying.isEmpty {
            let tenant = look.budget.tenant
            try changer.perform(
                LimitRequest(
                    .budget, of: LimitSubject(.tenant, tenant), tenant: tenant, reason: reason))
        }
    }
}

extension [LimitOverlay] {
    /// Whose they are, each once, in order.
    fileprivate var subjects: [LimitSubject] {
        var found: [LimitSubject] = []
        for overlay in self where !found.contains(overlay.subject) { found.append(overlay.subject) }
        return found
    }
}
