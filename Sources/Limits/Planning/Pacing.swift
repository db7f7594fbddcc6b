import Units

/// The largest cap in cores; a larger one would limit nothing on any host.
private let mostCores = Rational(1_000_000)

/// The CPU cap at which the remaining money lasts until the period ends.
///
/// The cores that can be afforded are (remaining − otherBurn × seconds) ÷ (price × seconds),
/// rounded down to thousandths. The cap is never below the floor, which is rounded up. A cap in
/// force is kept until it would move by more than 15 % and has been in force for the dwell time, so
/// that it does not change with every comparison.
///
/// Example: 40 remain for 3,600 s, the other meters cost 0.001 a second, a core-second costs 0.002:
/// (40 − 3.6) ÷ 7.2 = 5.055 cores.
///
/// - Parameters:
///   - remaining: the money left; with none left, the cap is the floor.
///   - price: the price of a core-second.
///   - otherBurn: the cost of the other meters in a second.
///   - secondsLeft: the time until the period ends; less than one counts as one.
///   - floor: the smallest cap, in cores.
///   - current: the cap in force, in cores; `nil` if there is none.
///   - heldMilliseconds: how long the cap has had its value, in ms. `nil` means unknown, which
///     counts as long enough.
///   - dwellMilliseconds: how long a cap must have had its value before it changes, in ms.
/// - Returns: the cap in cores; `nil` if CPU costs nothing, so that no cap would save anything.
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

/// The number of cores in whole thousandths, rounded down, or up.
private func thousandths(_ cores: Rational, up: Bool) -> Rational {
    let scaled = cores * Rational(1000)
    let whole = up ? Rational(-1) * Rational((Rational(-1) * scaled).floor) : Rational(scaled.floor)
    return whole / Rational(1000)
}

/// The tenants that may be tightened in one tick: those furthest over their budgets.
///
/// - Parameters:
///   - candidates: each tenant with the part of its budget that is spent, in percent. `nil`, a
///     budget of nothing, comes first. Ties are decided by name.
///   - most: the largest number of tenants.
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
