import Units

/// A move that a ladder would have made.
public struct SimulatedMove: Hashable, Sendable {
    /// When it would have been made.
    public var at: Instant
    /// The id of the tenant.
    public var tenant: String
    /// The number of steps in force before the move.
    public var from: Int
    /// The number of steps in force after the move.
    public var to: Int
    /// The steps that were taken or left, the lowest first.
    public var steps: [Ladder.Step]
    /// The part of the budget that was spent, in percent; `nil` for a budget of nothing.
    public var percent: Rational?
    /// Why, in words.
    public var reason: String
}

/// What a ladder would have done in a period.
public struct LadderSimulation: Hashable, Sendable {
    /// The moves in order of time.
    public var moves: [SimulatedMove] = []
    /// How long each number of steps was in force, in ms; the index is the number of steps.
    ///
    /// The time counts from the first comparison to the last.
    public var milliseconds: [Int64]
}

/// Turns recorded spending into the comparisons that the daemon would have made.
///
/// Between two points, spending grows evenly. The forecast assumes that the cost of the last 24
/// hours (or of the part of them that lies in the period, at least one hour) goes on until the
/// period's end.
///
/// Example: 0 is spent at 10:00 and 6 at 11:00. A comparison at 10:20 sees 2.
///
/// - Parameters:
///   - points: the money spent since the period's start, by time; oldest first, all of them after
///     the start, no two at the same time.
///   - period: the day or month of the budget.
///   - every: the time from one comparison to the next, in ms; above 0.
/// - Returns: comparisons up to the last point, with a budget of 0 that `simulate` replaces.
public func recordedLooks(
    _ points: [(at: Instant, spent: Rational)], over period: Period, everyMilliseconds every: Int64
) -> [Spending] {
    let points = [(at: period.start, spent: Rational.zero)] + points
    var looks: [Spending] = []
    var (next, dayAgo) = (1, 1)
    var at = period.start.milliseconds + every
    /// The money spent at a time between the points `index - 1` and `index`.
    func spent(_ at: Int64, _ index: Int) -> Rational {
        let (from, to) = (points[index - 1], points[index])
        let length = to.at.milliseconds - from.at.milliseconds
        return from.spent
            + (to.spent - from.spent) * Rational(at - from.at.milliseconds) / Rational(length)
    }
    while let last = points.last, at <= last.at.milliseconds {
        while points[next].at.milliseconds < at { next += 1 }
        let since = max(at - 86_400_000, period.start.milliseconds)
        while points[dayAgo].at.milliseconds < since { dayAgo += 1 }
        let now = spent(at, next)
        let burn =
            (now - spent(since, dayAgo)) / Rational(max(at - since, 3_600_000))
        looks.append(
            Spending(
                amount: .zero, spent: now,
                forecast: now + burn * Rational(period.end.milliseconds - at),
                periodStart: period.start, at: Instant(milliseconds: at)))
        at += every
    }
    return looks
}

/// Runs a ladder over recorded spending, to see what it would have done.
///
/// - Parameters:
///   - budget: its amount replaces that of the observations, and its exemption is added to theirs.
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

/// The number, rounded down to one decimal.
private func tenths(_ number: Rational) -> Rational {
    Rational((number * Rational(10)).floor) / Rational(10)
}
