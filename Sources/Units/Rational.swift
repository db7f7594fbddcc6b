import BigInt

/// An exact fraction, in lowest terms, its denominator above zero.
public struct Rational: Hashable, Sendable, Comparable {
    public let numerator: BigInt
    public let denominator: BigInt

    public static let zero = Rational(0)

    public init(_ whole: some BinaryInteger) {
        numerator = BigInt(whole)
        denominator = 1
    }

    /// The fraction `numerator ÷ denominator`.
    ///
    /// A zero denominator is a fault of the program.
    public init(_ numerator: BigInt, over denominator: BigInt) {
        precondition(denominator != 0, "a fraction with denominator 0")
        let divisor = numerator.greatestCommonDivisor(with: denominator)
        let sign: BigInt = denominator < 0 ? -1 : 1
        self.numerator = sign * numerator / divisor
        self.denominator = sign * denominator / divisor
    }

    /// Reads plain decimal text, `-12.50`; no exponent, no thousands separator; `nil` otherwise.
    public init?(decimal text: some StringProtocol) {
        let negative = text.first == "-"
        let halves = text.dropFirst(negative ? 1 : 0)
            .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = halves.first, !whole.isEmpty, whole.utf8.allSatisfy(isDigit) else {
            return nil
        }
        let fraction = halves.count == 2 ? String(halves[1]) : ""
        guard halves.count == 1 || !fraction.isEmpty, fraction.utf8.allSatisfy(isDigit),
            text.utf8.count <= 100, let digits = BigInt(String(whole) + String(fraction))
        else { return nil }
        self.init(negative ? -digits : digits, over: BigInt(10).power(fraction.utf8.count))
    }

    public static func + (a: Rational, b: Rational) -> Rational {
        Rational(
            a.numerator * b.denominator + b.numerator * a.denominator,
            over: a.denominator * b.denominator)
    }

    public static func - (a: Rational, b: Rational) -> Rational { a + b * Rational(-1) }

    public static func * (a: Rational, b: Rational) -> Rational {
        Rational(a.numerator * b.numerator, over: a.denominator * b.denominator)
    }

    /// The quotient.
    ///
    /// Division by zero is a fault of the program.
    public static func / (a: Rational, b: Rational) -> Rational {
        Rational(a.numerator * b.denominator, over: a.denominator * b.numerator)
    }

    public static func < (a: Rational, b: Rational) -> Bool {
        a.numerator * b.denominator < b.numerator * a.denominator
    }

    /// The largest whole number that is not above this one.
    public var floor: BigInt {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Rational: CustomStringConvertible {
    /// Decimal text where the decimals end, else the fraction `n/d`: always exact.
    public var description: String {
        var rest = denominator
        var twos = 0
        var fives = 0
        while rest.isMultiple(of: 2) { (rest, twos) = (rest / 2, twos + 1) }
        while rest.isMultiple(of: 5) { (rest, fives) = (rest / 5, fives + 1) }
        guard rest == 1 else { return "\(numerator)/\(denominator)" }
        let places = max(twos, fives)
        return decimalText(numerator * BigInt(10).power(places) / denominator, places: places)
    }
}

/// Writes `units` of 10^-places as a plain decimal: 1234 with 2 places is `12.34`.
public func decimalText(_ units: BigInt, places: Int) -> String {
    let digits = String(units.magnitude)
    guard places > 0 else { return (units < 0 ? "-" : "") + digits }
    let wide = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (units < 0 ? "-" : "") + wide.dropLast(places) + "." + wide.suffix(places)
}
