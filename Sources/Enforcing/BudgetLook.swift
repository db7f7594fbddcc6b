import Invoicing
import Limits
import Billing
import Store
import Units

/// The budget, ladder and spending of one tenant at one moment.
struct BudgetLook {
    let budget: Budget
    let ladder: Ladder
    /// The state of the ladder that was stored last; `nil` before the first look.
    let state: LadderState?
    /// Spending, forecast and prices as billing computes them.
    let money: TenantSpending
    /// Spending in the form in which the ladder judges it.
    let spending: Spending

    /// Combines budget and spending.
    ///
    /// - Parameter isFresh: whether metering is up to date.
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

    /// The next step of the ladder.
    ///
    /// - Parameter mayTighten: whether a step that tightens may be taken in this look.
    func next(mayTighten: Bool) -> LadderStep {
        ladder.next(after: state, spending, mayTighten: mayTighten)
    }

    /// The budget in words, such as `budget 500.00 EUR a month`.
    var words: String { "budget \(budget.amount) \(money.currency) a \(budget.per.rawValue)" }

    /// The CPU cap in cores by the last `cpu_cap` among the steps in force; `nil` if there is none.
    ///
    /// A fixed cap is its number of cores. A paced cap is chosen so that the remaining money lasts
    /// until the end of the period. The remaining money is measured against the budget. A step that
    /// is taken at or above 100 % is measured against the threshold of the next step instead (its
    /// own if it is the last), because against the budget nothing would remain and the cap would be
    /// at its floor at once.
    ///
    /// - Parameter state: remembers the cap and since when it applies.
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
        // While metering is not up to date, the cap does not change.
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

    /// The tightest fixed cap among some steps.
    private func fixedCap(_ steps: ArraySlice<Ladder.Step>) -> Rational? {
        steps.compactMap { step in
            guard case .cpuCap(let cores?, false, let floor) = step.action else { return nil }
            return max(cores, floor)
        }.min()
    }
}
