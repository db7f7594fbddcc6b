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

/// Looks at recorded spending as the daemon would have had them.
///
/// Between two points spending grows evenly. The forecast is what the last 24 hours cost, or what the
/// period has seen of them, at least one hour, going on until the period ends.
///
/// - Parameters:
///   - points: what was spent since the period's start, by time, oldest first.
///   - every: from one look to the next, in ms.
public func recordedLooks(
    _ points: [(at: Instant, spent: Rational)], over period: Period, everyMilliseconds every: Int64
) -> [Spending] {
    let points = [(at: period.start, spent: Rational.zero)] + points
    var looks: [Spending] = []
    var (next, dayAgo) = (1, 1)
    var at = period.start.milliseconds + every
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
