import Invoicing
import CgroupFormat
import Limits
import Billing
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
    /// What budgets were when they were last looked at.
    private var version: String?
    private var observed: Result<Observation, Fault>?
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

    /// What every tenant with a ladder had spent at a look.
    private struct Observation {
        var budgets: [(budget: Budget, state: LadderState?)] = []
        var spending: [String: Result<TenantSpending, Fault>] = [:]
    }

    /// Looks at what is spent, if it is time to, or somebody changed a budget: who raised one waits for
    /// it to be followed.
    ///
    /// It may take long and changes nothing: nobody else has to wait for it.
    func observe() {
        let start = clock()
        let version = try? ledger.budgetVersion()
        guard start >= nextLook || version != self.version else { return }
        self.version = version
        do throws(Fault) {
            observed = .success(try observation())
        } catch {
            observed = .failure(error)
        }
        // Looking takes a fiftieth of a core at most.
        nextLook = start + max(everyMilliseconds, (clock() - start) * 50)
    }

    private func observation() throws(Fault) -> Observation {
        var seen = Observation(budgets: try ledger.budgets().filter { $0.budget.ladder != nil })
        for span in Budget.Span.allCases {
            let tenants = seen.budgets.filter { $0.budget.per == span }.map(\.budget.tenant)
            guard !tenants.isEmpty else { continue }
            let spending = try ledger.spending(of: tenants, per: span, in: zone, at: changer.now())
            seen.spending.merge(spending) { $1 }
        }
        return seen
    }

    /// Takes or leaves steps by what was observed since the last time; only within `alone`.
    ///
    /// - Returns: what an operator has to know, in words; `nil` if nothing was observed.
    func act(_ targets: LimitTargets) throws(Fault) -> [String]? {
        guard let observed else { return nil }
        self.observed = nil
        let seen = try observed.get()
        let ladders = Dictionary(uniqueKeysWithValues: try store.ladders().map { ($0.id, $0) })
        var messages = try liftOrphans(Set(seen.budgets.map(\.budget.tenant)), targets)
        var looks: [BudgetLook] = []
        for (budget, state) in seen.budgets {
            guard let ladder = budget.ladder.flatMap({ ladders[$0] }) else { continue }
            switch seen.spending[budget.tenant] {
            case .success(let money):
                looks.append(
                    BudgetLook(
                        budget, ladder, state, money, at: changer.now(), isFresh: isFresh()))
            case .failure(let fault): messages.append("\(fault)")
            case nil: continue
            }
        }
        let admitted = admitted(looks)
        var states: [(budget: Budget, state: LadderState)] = []
        for look in looks where mayTry(look) {
            let tenant = LimitSubject(.tenant, look.budget.tenant)
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

    /// Whether a tenant is not put off; steps are left whatever failed before.
    private func mayTry(_ look: BudgetLook) -> Bool {
        if case .down = look.next(mayTighten: false).move { return true }
        return backoff.mayTry(LimitSubject(.tenant, look.budget.tenant), at: clock())
    }

    /// The tenants that may be tightened in this look, so many of each ladder at most; a warning
    /// tightens nothing.
    private func admitted(_ looks: [BudgetLook]) -> Set<String> {
        var admitted: Set<String> = []
        for (_, group) in Dictionary(grouping: looks, by: \.ladder.id) {
            var candidates: [(tenant: String, percent: Rational?)] = []
            for look in group where mayTry(look) {
                guard case .up(let step) = look.next(mayTighten: true).move else { continue }
                if step.action == .warn {
                    admitted.insert(look.budget.tenant)
                } else {
                    candidates.append((look.budget.tenant, look.spending.percent))
                }
            }
            admitted.formUnion(
                admit(candidates: candidates, most: group.first?.ladder.maxTenantsPerTick ?? 0))
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
