import Invoicing
import Limits
import Billing
import Store
import Units

/// One tenant's budget, ladder and spending at one moment.
struct BudgetLook {
    let budget: Budget
    let ladder: Ladder
    let state: LadderState?
    let money: TenantSpending
    let spending: Spending

    init(
        _ budget: Budget, _ ladder: Ladder, _ state: LadderState?, _ money: TenantSpending,
        at now: Instant, isFresh: Bool
    ) {
        (self.budget, self.ladder, self.state, self.money) = (budget, ladder, state, money)
        spending = Spending(
            amount: budget.amount.value, spent: money.spent, forecast: money.forecast,
            periodStart: money.period.start, at: now, isFresh: isFresh,
            isExempt: budget.isExempt(at: now))
    }

    func next(mayTighten: Bool) -> LadderStep {
        ladder.next(after: state, spending, mayTighten: mayTighten)
    }

    /// `budget 500.00 EUR a month`.
    var words: String { "budget \(budget.amount) \(money.currency) a \(budget.per.rawValue)" }

    /// The cores of the last cap among the steps in force, kept in the state; `nil` without one.
    ///
    /// A paced cap is to let the money last: that left of the budget; of a step that is only taken past the
    /// budget, that left to the next step's threshold, or it would be the floor from the start.
    func cap(_ state: inout LadderState) -> Rational? {
        let taken = ladder.steps.prefix(state.rung)
        guard
            let index = taken.lastIndex(where: {
                if case .cpuCap = $0.action { true } else { false }
            }),
            case .cpuCap(let cores, let isPaced, let floor) = taken[index].action
        else { return nil }
        guard isPaced else {
            state.cap = [cores.map { max($0, floor) }, fixedCap(taken)].compactMap(\.self).min()
            return state.cap
        }
        // On stale metering a cap stays what it is.
        if !spending.isFresh, let cap = state.cap { return cap }
        let next = ladder.steps.dropFirst(index + 1).first { $0.at > ladder.steps[index].at }
        let own = ladder.steps[index].at
        let share = Rational(own < 100 ? 100 : next?.at ?? own) / Rational(100)
        let left = (money.period.end.milliseconds - spending.at.milliseconds) / 1000
        let held = state.capSince.map { spending.at.milliseconds - $0.milliseconds }
        let paced = pacedCap(
            remaining: spending.amount * share - spending.spent, price: money.cpuPrice ?? .zero,
            otherBurn: money.otherBurn, secondsLeft: left, floor: floor, current: state.cap,
            heldMilliseconds: held, dwellMilliseconds: ladder.dwellMilliseconds)
        guard let paced else { return nil }
        let cap = [paced, cores, fixedCap(taken)].compactMap(\.self).min()
        if cap != state.cap { (state.cap, state.capSince) = (cap, spending.at) }
        return cap
    }

    /// The tightest of the caps that do not follow the money.
    private func fixedCap(_ steps: ArraySlice<Ladder.Step>) -> Rational? {
        steps.compactMap { step in
            guard case .cpuCap(let cores?, false, let floor) = step.action else { return nil }
            return max(cores, floor)
        }.min()
    }
}
