import Units

/// A move that a ladder would have made.
public struct SimulatedMove: Hashable, Sendable {
    public var at: Instant
    public var tenant: String
    /// The number of steps in force before and after.
    public var from: Int
    public var to: Int
    /// The steps that were taken or left, the lowest first.
    public var steps: [Ladder.Step]
    /// How much of the budget was spent, in percent; `nil` for a budget of nothing.
    public var percent: Rational?
    public var reason: String
}

/// What a ladder would have done.
public struct LadderSimulation: Hashable, Sendable {
    public var moves: [SimulatedMove] = []
    /// How long so many steps were in force, from none to all: between the first look and the last.
    public var milliseconds: [Int64]
}

/// Runs a ladder over spending that was recorded, to see what it would have done.
///
/// - Parameters:
///   - budget: its amount holds throughout, and its exemption beside theirs.
///   - observations: oldest first.
public func simulate(
    _ ladder: Ladder, _ budget: Budget, _ observations: [Spending]
) -> LadderSimulation {
    var result = LadderSimulation(
        milliseconds: [Int64](repeating: 0, count: ladder.steps.count + 1))
    var state: LadderState?
    var last: Instant?
    for var look in observations {
        look.amount = budget.amount.value
        look.isExempt = look.isExempt || budget.isExempt(at: look.at)
        let from = state?.rung ?? 0
        if let last {
            result.milliseconds[from] += max(0, look.at.milliseconds - last.milliseconds)
        }
        let next = ladder.next(after: state, look)
        if let reason = next.move.reason(look) {
            let to = next.state.rung
            result.moves.append(
                SimulatedMove(
                    at: look.at, tenant: budget.tenant, from: from, to: to,
                    steps: Array(ladder.steps[min(from, to)..<max(from, to)]),
                    percent: look.percent, reason: reason))
        }
        (state, last) = (next.state, look.at)
    }
    return result
}

extension LadderStep.Move {
    /// Why steps were taken or left, in words; `nil` if none was.
    public func reason(_ spending: Spending) -> String? {
        switch self {
        case .stay, .held: return nil
        case .down(_, let relief): return relief.rawValue
        case .up(let step):
            guard let percent = spending.percent else { return "there is no money in the budget" }
            if percent >= Rational(step.at) {
                return "\(tenths(percent)) % of the budget is spent, \(step.at) % is the threshold"
            }
            let forecast = spending.percent(spending.forecast) ?? .zero
            return "\(tenths(forecast)) % of the budget is forecast"
        }
    }
}

/// A number rounded down to one decimal.
private func tenths(_ number: Rational) -> Rational {
    Rational((number * Rational(10)).floor) / Rational(10)
}
