import Units

extension Ladder {
    /// What to do after a look at a tenant's spending.
    ///
    /// - A step up is taken one at a time, once its threshold has been passed for the grace (or
    ///   longer, if it says so; a warning does not wait) and the last change, up or down, is a dwell
    ///   ago.
    /// - A step is left, one at a time, when spending is below its threshold by the margin in two
    ///   fresh looks running.
    /// - In a new period, with a raised budget or an exemption, all steps are left at once whose
    ///   thresholds are not passed; exempt, all are.
    /// - On stale metering nothing else is done, up or down.
    ///
    /// So a step up never comes sooner than a dwell after any change.
    ///
    /// - Parameters:
    ///   - state: what the look before came to; `nil` at the first.
    ///   - mayTighten: `false` if other tenants go first in this tick (see `admit`).
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
        if !steps.prefix(state.rung).contains(where: \.action.isCPUCap) {
            (state.cap, state.capSince) = (nil, nil)
        }
        return LadderStep(state: state, move: move)
    }

    /// The last of so many steps.
    private func last(_ rung: Int) -> Step? { steps.prefix(rung).last }

    /// Fits a state to steps that may have become fewer or more, and to a clock that was set back.
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

    private func relief(_ state: LadderState, _ spending: Spending) -> LadderStep.Relief? {
        if spending.isExempt { return .exempt }
        if spending.periodStart != state.periodStart { return .newPeriod }
        return spending.amount > state.amount ? .raisedBudget : nil
    }

    /// Remembers what was seen: stale metering never starts the clock of a threshold.
    private func note(
        _ spending: Spending, _ share: BudgetShare, _ relief: LadderStep.Relief?,
        _ state: inout LadderState
    ) {
        (state.periodStart, state.amount) = (spending.periodStart, spending.amount)
        for (index, step) in steps.enumerated() {
            // What was passed in another period, or before an exemption, no longer counts.
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

    private func leave(
        _ now: Instant, _ share: BudgetShare, _ state: inout LadderState
    ) -> LadderStep.Move {
        state.belowCount += 1
        guard state.belowCount >= 2 else { return .stay }
        (state.rung, state.since) = (state.rung - 1, now)
        // This look counts for the step before as well, if it is below that one too.
        let isBelow = last(state.rung).map { share.isBelow($0, leave: leaveBelow) } ?? false
        state.belowCount = isBelow ? 1 : 0
        return .down(to: state.rung, because: .spentLess)
    }

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
