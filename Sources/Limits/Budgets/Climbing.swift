import Units

extension Ladder {
    /// Decides what to do after spending was compared with a budget.
    ///
    /// - **Up**: one step at a time. The step's threshold must have been passed for the grace time,
    ///   or for the step's own time if that is longer; a warning does not wait. The last change, up
    ///   or down, must be a dwell time ago.
    /// - **Down**: one step at a time, when spending was below `leaveBelow` percent of the last
    ///   step's threshold in two consecutive fresh comparisons.
    /// - **Relief**: in a new period, after the budget was raised, or during an exemption, all
    ///   steps are left at once whose thresholds are not passed. An exemption leaves all steps.
    /// - **Stale metering**: only relief has an effect; otherwise nothing changes, up or down.
    ///
    /// So a step up never comes sooner than a dwell time after any other change.
    ///
    /// Example: a budget of 100, steps at 80 (warn) and 100 (freeze), a grace of 10 min. At 85 the
    /// warning comes at once. When 100 is spent, the freeze comes 10 min later. If the budget is
    /// then raised to 200, and the forecast is below that, both steps are left in the next
    /// comparison.
    ///
    /// - Parameters:
    ///   - state: the state after the comparison before; `nil` at the first one.
    ///   - spending: what is spent and forecast now.
    ///   - mayTighten: `false` if other tenants go first in this tick (see `admit`).
    /// - Returns: the new state, and the move that leads to it.
    public func next(
        after state: LadderState?, _ spending: Spending, mayTighten: Bool = true
    ) -> LadderStep {
        var state = fitted(state ?? LadderState(before: spending), at: spending.at)
        let share = BudgetShare(spending)
        let relief = relief(state, spending)
        note(spending, share, relief, &state)
        let move: LadderStep.Move
        if let relief {
            move = fall(relief, spending, share, &state)
        } else if !spending.isFresh {
            move = .held(.stale)
        } else if let top = last(state.rung), share.isBelow(top, leave: leaveBelow) {
            move = leave(spending.at, share, &state)
        } else {
            state.belowCount = 0
            move = climb(spending.at, mayTighten, &state)
        }
        // A state without a cap step has no cap, so that a later one starts from scratch.
        if !steps.prefix(state.rung).contains(where: \.action.isCPUCap) {
            (state.cap, state.capSince) = (nil, nil)
        }
        return LadderStep(state: state, move: move)
    }

    /// The last of the first `rung` steps.
    private func last(_ rung: Int) -> Step? { steps.prefix(rung).last }

    /// The state, fitted to a ladder that was edited and to a clock that was set back.
    ///
    /// Times in the future become `now`; otherwise a wait could last for years.
    private func fitted(_ state: LadderState, at now: Instant) -> LadderState {
        var state = state
        state.rung = min(max(state.rung, 0), steps.count)
        state.since = state.since.map { min($0, now) }
        state.pastSince = steps.indices.map { index in
            state.pastSince.indices.contains(index)
                ? state.pastSince[index].map { min($0, now) } : nil
        }
        return state
    }

    /// The reason to leave steps at once; `nil` if there is none.
    private func relief(_ state: LadderState, _ spending: Spending) -> LadderStep.Relief? {
        if spending.isExempt { return .exempt }
        if spending.periodStart != state.periodStart { return .newPeriod }
        return spending.amount > state.amount ? .raisedBudget : nil
    }

    /// Records which thresholds are passed, and since when.
    ///
    /// Stale metering keeps what is known, but never starts the clock of a threshold.
    private func note(
        _ spending: Spending, _ share: BudgetShare, _ relief: LadderStep.Relief?,
        _ state: inout LadderState
    ) {
        (state.periodStart, state.amount) = (spending.periodStart, spending.amount)
        for (index, step) in steps.enumerated() {
            // Time above a threshold in an earlier period does not count.
            let before = relief == .newPeriod ? nil : state.pastSince[index]
            if spending.isExempt {
                state.pastSince[index] = nil
            } else if share.passes(step) {
                state.pastSince[index] = before ?? (spending.isFresh ? spending.at : nil)
            } else if spending.isFresh || relief != nil {
                state.pastSince[index] = nil
            }
        }
    }

    /// Leaves all steps from the first one whose threshold is not passed.
    private func fall(
        _ relief: LadderStep.Relief, _ spending: Spending, _ share: BudgetShare,
        _ state: inout LadderState
    ) -> LadderStep.Move {
        state.belowCount = 0
        let justified = spending.isExempt ? 0 : steps.prefix { share.passes($0) }.count
        guard justified < state.rung else { return relief == .exempt ? .held(.exempt) : .stay }
        (state.rung, state.since) = (justified, spending.at)
        return .down(to: justified, because: relief)
    }

    /// Leaves the last step if this is the second comparison in a row that is below it.
    private func leave(
        _ now: Instant, _ share: BudgetShare, _ state: inout LadderState
    ) -> LadderStep.Move {
        state.belowCount += 1
        guard state.belowCount >= 2 else { return .stay }
        (state.rung, state.since) = (state.rung - 1, now)
        // This comparison counts for the step before too, if spending is below that one as well.
        let isBelow = last(state.rung).map { share.isBelow($0, leave: leaveBelow) } ?? false
        state.belowCount = isBelow ? 1 : 0
        return .down(to: state.rung, because: .spentLess)
    }

    /// Takes the next step, or says why it has to wait.
    private func climb(
        _ now: Instant, _ mayTighten: Bool, _ state: inout LadderState
    ) -> LadderStep.Move {
        guard state.rung < steps.count, let past = state.pastSince[state.rung] else { return .stay }
        let step = steps[state.rung]
        guard now.milliseconds - past.milliseconds >= wait(before: step) else {
            return .held(.grace)
        }
        if let since = state.since, now.milliseconds - since.milliseconds < dwellMilliseconds {
            return .held(.dwell)
        }
        guard mayTighten else { return .held(.turn) }
        (state.rung, state.since) = (state.rung + 1, now)
        return .up(step)
    }
}
