import BigInt

/// How an exact amount becomes whole minor units, such as cents.
///
/// The price book names the mode. The raw value is its name there.
public enum Rounding: String, Sendable, CaseIterable, Codable {
    /// To the nearest; a half goes to the even neighbour: 2.5 to 2, and 3.5 to 4.
    case halfEven = "half-even"
    /// To the nearest; a half goes away from zero: 2.5 to 3, and -2.5 to -3.
    case halfUp = "half-up"
    /// Away from zero: 2.1 to 3, and -2.1 to -3.
    case up
    /// Towards zero: 2.9 to 2, and -2.9 to -2.
    case down

    /// Rounds to a whole number.
    ///
    /// Negative amounts mirror positive ones, so a credit note takes back exactly what was
    /// invoiced.
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
