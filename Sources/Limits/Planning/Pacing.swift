import Units

/// The most cores that a paced cap gives: above, it is none on any host.
private let mostCores = Rational(1_000_000)

/// A CPU cap with which the money that is left lasts until the period ends.
///
/// It is what is left after the other meters, divided by the price and the seconds left, in whole
/// thousandths of a core rounded down, and never below the floor, rounded up. A cap that stands is
/// kept until it would move by more than 15 % and has stood for the dwell.
///
/// - Parameters:
///   - remaining: the money left; with none, the floor is all there is.
///   - price: of a core-second.
///   - otherBurn: what the other meters cost in a second.
///   - secondsLeft: until the period ends; less than one counts as one.
///   - floor: in cores.
///   - current: the cap in force, in cores; `nil` if there is none.
///   - heldMilliseconds: for how long it has been what it is; `nil` if that is not known, which
///     counts as long enough.
/// - Returns: cores; `nil` if CPU costs nothing, so that no cap would save anything.
public func pacedCap(
    remaining: Rational, price: Rational, otherBurn: Rational, secondsLeft: Int64,
    floor: Rational, current: Rational?, heldMilliseconds: Int64?, dwellMilliseconds: Int64
) -> Rational? {
    guard price > .zero else { return nil }
    let left = Rational(max(secondsLeft, 1))
    let affordable = (remaining - otherBurn * left) / (price * left)
    let least = thousandths(floor, up: true)
    let cap = max(least, min(thousandths(affordable, up: false), mostCores))
    guard let current, current >= least else { return cap }
    let moved = cap > current ? cap - current : current - cap
    let isSmall = moved * Rational(100) <= current * Rational(15)
    let isRecent = heldMilliseconds.map { $0 < dwellMilliseconds } ?? false
    return isSmall || isRecent ? current : cap
}

/// Whole thousandths of a core.
private func thousandths(_ cores: Rational, up: Bool) -> Rational {
    let scaled = cores * Rational(1000)
    let whole = up ? Rational(-1) * Rational((Rational(-1) * scaled).floor) : Rational(scaled.floor)
    return whole / Rational(1000)
}

/// The tenants that may be put a step up in one tick: those furthest over their budgets.
///
/// - Parameters:
///   - candidates: with how much of the budget each has spent, in percent; `nil`, a budget of
///     nothing, comes first. Ties go by name.
///   - most: how many.
public func admit(
    candidates: [(tenant: String, percent: Rational?)], most: Int
) -> Set<String> {
    let order = candidates.sorted { a, b in
        switch (a.percent, b.percent) {
        case (let x?, let y?) where x != y: x > y
        case (nil, _?): true
        case (_?, nil): false
        default: a.tenant < b.tenant
        }
    }
    return Set(order.prefix(max(most, 0)).map(\.tenant))
}
