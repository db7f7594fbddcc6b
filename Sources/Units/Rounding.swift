import BigInt

/// How an exact amount becomes whole minor units.
///
/// The price book names it.
public enum Rounding: String, Sendable, CaseIterable, Codable {
    case halfEven = "half-even"
    /// Half away from zero.
    case halfUp = "half-up"
    /// Away from zero.
    case up
    /// Towards zero.
    case down

    /// Rounds to a whole number.
    ///
    /// Negative amounts mirror positive ones.
    public func round(_ exact: Rational) -> BigInt {
        let (whole, rest) = exact.numerator.magnitude
            .quotientAndRemainder(dividingBy: exact.denominator.magnitude)
        let twice = rest * 2
        let goesUp =
            switch self {
            case .down: false
            case .up: rest > 0
            case .halfUp: twice >= exact.denominator.magnitude
            case .halfEven:
                twice > exact.denominator.magnitude
                    || (twice == exact.denominator.magnitude && !whole.isMultiple(of: 2))
            }
        let magnitude = BigInt(goesUp ? whole + 1 : whole)
        return exact.numerator < 0 ? -magnitude : magnitude
    }
}
