import BigInt

/// An exact fraction in lowest terms with a positive denominator.
///
/// Prices and amounts stay exact in this form until an invoice rounds its total. Example: 0.10 EUR
/// for 3 units is 1/30 a unit, which no decimal number states exactly.
public struct Rational: Hashable, Sendable {
    /// The numerator and the denominator, in 128 bits if both fit.
    ///
    /// `narrow` is much faster, because a BigInt is an array on the heap. A value that fits is
    /// always `narrow`, so each fraction has exactly one form, and the synthesized `==` and `hash`
    /// are right.
    private enum Parts: Hashable {
        case narrow(Int128, Int128)
        case wide(BigInt, BigInt)
    }

    private let parts: Parts

    public static let zero = Rational(0)

    /// The whole number as a fraction over 1.
    public init(_ whole: some BinaryInteger) {
        if let whole = Int64(exactly: whole) {
            parts = .narrow(Int128(whole), 1)
        } else {
            let whole = BigInt(whole)
            parts = Units.narrow(whole).map { .narrow($0, 1) } ?? .wide(whole, 1)
        }
    }

    /// The fraction `numerator ÷ denominator`, reduced.
    ///
    /// - Precondition: `denominator` is not 0.
    public init(_ numerator: BigInt, over denominator: BigInt) {
        precondition(denominator != 0, "a fraction with denominator 0")
        let divisor = numerator.greatestCommonDivisor(with: denominator)
        let sign: BigInt = denominator < 0 ? -1 : 1
        let (above, below) = (sign * numerator / divisor, sign * denominator / divisor)
        if let narrowAbove = narrow(above), let narrowBelow = narrow(below) {
            parts = .narrow(narrowAbove, narrowBelow)
        } else {
            parts = .wide(above, below)
        }
    }

    /// The same fraction from 128-bit numbers, without BigInt in the usual case.
    ///
    /// -2^127 takes the BigInt route: it fits into 128 bits, but signs are changed here and 2^127
    /// does not fit.
    private init(_ numerator: Int128, over denominator: Int128) {
        precondition(denominator != 0, "a fraction with denominator 0")
        guard numerator != .min, denominator != .min else {
            parts = Rational(BigInt(numerator), over: BigInt(denominator)).parts
            return
        }
        let divisor = Int128(
            greatestCommonDivisor(numerator.magnitude, denominator.magnitude))
        let sign: Int128 = denominator < 0 ? -1 : 1
        parts = .narrow(sign * (numerator / divisor), sign * (denominator / divisor))
    }

    /// The numerator in lowest terms.
    ///
    /// It carries the sign.
    public var numerator: BigInt {
        switch parts {
        case .narrow(let numerator, _): BigInt(numerator)
        case .wide(let numerator, _): numerator
        }
    }

    /// The denominator in lowest terms, above 0.
    public var denominator: BigInt {
        switch parts {
        case .narrow(_, let denominator): BigInt(denominator)
        case .wide(_, let denominator): denominator
        }
    }

    /// Reads plain decimal text such as `-12.50`.
    ///
    /// `nil` for anything else: an exponent, a plus sign, a thousands separator, a missing digit
    /// before or after the point, or more than 100 characters.
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

    /// The sum; in 128 bits if no step overflows, else with BigInt.
    ///
    /// The other operators do the same.
    public static func + (a: Rational, b: Rational) -> Rational {
        if case .narrow(let above, let below) = a.parts,
            case .narrow(let more, let other) = b.parts,
            let left = product(above, other), let right = product(more, below),
            let sum = sum(left, right), let common = product(below, other)
        {
            return Rational(sum, over: common)
        }
        return Rational(
            a.numerator * b.denominator + b.numerator * a.denominator,
            over: a.denominator * b.denominator)
    }

    public static func - (a: Rational, b: Rational) -> Rational { a + b * Rational(-1) }

    public static func * (a: Rational, b: Rational) -> Rational {
        if case .narrow(let above, let below) = a.parts,
            case .narrow(let more, let other) = b.parts,
            let numerator = product(above, more), let denominator = product(below, other)
        {
            return Rational(numerator, over: denominator)
        }
        return Rational(a.numerator * b.numerator, over: a.denominator * b.denominator)
    }

    /// The quotient.
    ///
    /// - Precondition: `b` is not 0.
    public static func / (a: Rational, b: Rational) -> Rational {
        if case .narrow(let above, let below) = a.parts,
            case .narrow(let more, let other) = b.parts,
            let numerator = product(above, other), let denominator = product(below, more)
        {
            return Rational(numerator, over: denominator)
        }
        return Rational(a.numerator * b.denominator, over: a.denominator * b.numerator)
    }

    /// The largest whole number that is at most this one: -3/2 gives -2.
    public var floor: BigInt {
        if case .narrow(let numerator, let denominator) = parts {
            return BigInt(numerator.flooredQuotient(by: denominator))
        }
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Rational: Comparable {
    /// Compares by cross-multiplying, which is right because denominators are positive.
    public static func < (a: Rational, b: Rational) -> Bool {
        if case .narrow(let above, let below) = a.parts,
            case .narrow(let more, let other) = b.parts,
            let left = product(above, other), let right = product(more, below)
        {
            return left < right
        }
        return a.numerator * b.denominator < b.numerator * a.denominator
    }
}

/// The number in 128 bits; `nil` unless both it and its negative fit.
///
/// Do not use `Int128(exactly:)` on a negative BigInt: below -2^64 it returns a wrong number,
/// because BigInt shifts negative numbers towards zero.
func narrow(_ number: BigInt) -> Int128? {
    guard let magnitude = Int128(exactly: number.magnitude) else { return nil }
    return number.signum() < 0 ? -magnitude : magnitude
}

/// The product; `nil` if it overflows.
private func product(_ a: Int128, _ b: Int128) -> Int128? {
    let (product, hasOverflowed) = a.multipliedReportingOverflow(by: b)
    return hasOverflowed ? nil : product
}

/// The sum; `nil` if it overflows.
private func sum(_ a: Int128, _ b: Int128) -> Int128? {
    let (sum, hasOverflowed) = a.addingReportingOverflow(b)
    return hasOverflowed ? nil : sum
}

/// The greatest common divisor by Euclid's algorithm.
///
/// If one number is 0, it is the other. It switches to 64 bits as soon as both numbers fit, because
/// division is much faster there.
private func greatestCommonDivisor(_ a: UInt128, _ b: UInt128) -> UInt128 {
    var (a, b) = (a, b)
    while b != 0 {
        if let narrowA = UInt64(exactly: a), let narrowB = UInt64(exactly: b) {
            return UInt128(greatestCommonDivisor(narrowA, narrowB))
        }
        (a, b) = (b, a % b)
    }
    return a
}

/// The same in 64 bits.
private func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}

extension Rational: CustomStringConvertible {
    /// Always exact: decimal text if the decimals end, else the fraction `n/d`.
    ///
    /// Decimals end if the denominator has no prime factors but 2 and 5: 3/8 is `0.375`, 1/3 stays
    /// `1/3`.
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

/// Writes a whole number of 10^-places as plain decimal text: 1234 with 2 places is `12.34`.
public func decimalText(_ units: BigInt, places: Int) -> String {
    let digits = String(units.magnitude)
    guard places > 0 else { return (units < 0 ? "-" : "") + digits }
    let wide = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (units < 0 ? "-" : "") + wide.dropLast(places) + "." + wide.suffix(places)
}
