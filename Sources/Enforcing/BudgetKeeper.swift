import Invoicing
import CgroupFormat
import Limits
import Billing
import Store
import Units

/// Keeps tenants within their budgets: rates their spending and takes or leaves ladder steps.
///
/// A look has two parts. `observe()` computes spending without a lock, and `act(_:)` changes limits
/// while holding the limits lock.
public final class BudgetKeeper {
    let store: Store
    /// A second connection to the store, because computing what was spent may take long.
    private let ledger: Store
    let changer: LimitChanger
    /// The zone in which days and months of budgets begin.
    private let zone: BillingZone
    private let everyMilliseconds: Int64
    private let isFresh: () -> Bool
    /// When spending is computed next, in ms of `clock`.
    private var nextLook: Int64 = 0
    /// The version of budgets in the store at the last look.
    private var version: String?
    /// The result of `observe()` that `act(_:)` has not used yet.
    private var observed: Result<Observation, Fault>?
    /// Milliseconds of a clock that is never set back.
    private let clock: () -> Int64
    /// Delays tenants whose limits could not be changed.
    private var backoff = Backoff<LimitSubject>()

    /// Sets up the keeper.
    ///
    /// - Parameters:
    ///   - store: the connection for budgets, ladders and limits.
    ///   - ledger: the connection for computing what was spent.
    ///   - everyMilliseconds: how often spending is computed.
    ///   - isFresh: whether metering is up to date.
    public init(
        changer: LimitChanger, store: Store, ledger: Store, zone: BillingZone,
        everyMilliseconds: Int64, clock: @escaping () -> Int64, isFresh: @escaping () -> Bool
    ) {
        (self.changer, self.store, self.ledger) = (changer, store, ledger)
        (self.zone, self.everyMilliseconds) = (zone, everyMilliseconds)
        (self.clock, self.isFresh) = (clock, isFresh)
    }

    /// What every tenant with a ladder had spent at one moment.
    private struct Observation {
        var budgets: [(budget: Budget, state: LadderState?)] = []
        var spending: [String: Result<TenantSpending, Fault>] = [:]
    }

    /// Computes what was spent, if it is time or if somebody changed a budget.
    ///
    /// An operator who raises a budget expects it to be followed at once. This may take long and
    /// changes nothing, so it runs without the lock.
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
        // Wait at least 50 times as long as it took, so that it uses at most 2 % of a core.
        nextLook = start + max(everyMilliseconds, (clock() - start) * 50)
    }

    /// Budgets with a ladder, and the spending of their tenants.
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

    /// Takes or leaves steps according to what was observed; call it while holding the limits lock.
    ///
    /// - Returns: messages for the operator; `nil` if nothing was observed since the last call.
    func act(_ targets: LimitTargets) throws(Fault) -> [String]? {
        // Act on each observation only once.
        guard let observed else { return nil }
        self.observed = nil
        let seen = try observed.get()
        let ladders = Dictionary(uniqueKeysWithValues: try store.ladders().map { ($0.id, $0) })
        // Limits of tenants whose budget was removed are lifted first.
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
            // No spending was computed for this tenant.
            case nil: continue
            }
        }
        // Decide about all tenants together, because each ladder limits how many change at once.
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
                // Keep the old state, so that a later look tries again.
                backoff.failed(tenant, at: clock())
                messages.append("\(error)")
            }
        }
        try store.saveStates(states)
        return messages
    }

    /// Whether a tenant is not delayed after a failure; leaving a step never is.
    private func mayTry(_ look: BudgetLook) -> Bool {
        if case .down = look.next(mayTighten: false).move { return true }
        return backoff.mayTry(LimitSubject(.tenant, look.budget.tenant), at: clock())
    }

    /// The tenants that may be tightened in this look.
    ///
    /// Each ladder limits how many that are. Warnings do not count, because they tighten nothing.
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

    /// Lifts limits that budgets set for tenants that have no budget any more.
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

    /// Carries out the next step of a tenant's ladder and updates a paced cap.
    ///
    /// - Returns: the new state of the ladder, and messages for the operator.
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

    /// Changes the limits, in one change for each tenant or container concerned.
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
        // A warning changes no limit, but it is recorded.
        if isMove, ending.isEmpty, wanted.laying.isEmpty {
            let tenant = look.budget.tenant
            try changer.perform(
                LimitRequest(
                    .budget, of: LimitSubject(.tenant, tenant), tenant: tenant, reason: reason))
        }
    }
}

extension [LimitOverlay] {
    /// The tenants and containers of the overlays, each once, in order.
    fileprivate var subjects: [LimitSubject] {
        var found: [LimitSubject] = []
        for overlay in self where !found.contains(overlay.subject) { found.append(overlay.subject) }
        return found
    }
}
