import BigInt

/// An exact fraction, in lowest terms, its denominator above zero.
public struct Rational: Hashable, Sendable {
    /// Fractions that fit in 128 bits are narrow: that is faster, as a BigInt is an array in the heap.
    ///
    /// A fraction has one form only, so that equal ones compare and hash as equal.
    private enum Parts: Hashable {
        case narrow(Int128, Int128)
        case wide(BigInt, BigInt)
    }

    private let parts: Parts

    public static let zero = Rational(0)

    public init(_ whole: some BinaryInteger) {
        if let whole = Int64(exactly: whole) {
            parts = .narrow(Int128(whole), 1)
        } else {
            let whole = BigInt(whole)
            parts = Units.narrow(whole).map { .narrow($0, 1) } ?? .wide(whole, 1)
        }
    }

    /// The fraction `numerator ÷ denominator`.
    ///
    /// A zero denominator is a fault of the program.
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

    /// The same fraction from numbers of 128 bits.
    ///
    /// -2^127 goes the wide way: it fits, but 2^127 does not, and signs are turned here.
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

    public var numerator: BigInt {
        switch parts {
        case .narrow(let numerator, _): BigInt(numerator)
        case .wide(let numerator, _): numerator
        }
    }

    /// Above zero.
    public var denominator: BigInt {
        switch parts {
        case .narrow(_, let denominator): BigInt(denominator)
        case .wide(_, let denominator): denominator
        }
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
    /// Division by zero is a fault of the program.
    public static func / (a: Rational, b: Rational) -> Rational {
        if case .narrow(let above, let below) = a.parts,
            case .narrow(let more, let other) = b.parts,
            let numerator = product(above, other), let denominator = product(below, more)
        {
            return Rational(numerator, over: denominator)
        }
        return Rational(a.numerator * b.denominator, over: a.denominator * b.numerator)
    }

    /// The largest whole number that is not above this one.
    public var floor: BigInt {
        if case .narrow(let numerator, let denominator) = parts {
            return BigInt(numerator.flooredQuotient(by: denominator))
        }
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Rational: Comparable {
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

/// The same number, if it and its opposite fit.
///
/// `Int128(exactly:)` must not be used: for a BigInt below -2^64 it returns a wrong number, as BigInt shifts negative
/// numbers towards zero.
func narrow(_ number: BigInt) -> Int128? {
    guard let magnitude = Int128(exactly: number.magnitude) else { return nil }
    return number.signum() < 0 ? -magnitude : magnitude
}

/// The product, if it fits.
private func product(_ a: Int128, _ b: Int128) -> Int128? {
    let (product, hasOverflowed) = a.multipliedReportingOverflow(by: b)
    return hasOverflowed ? nil : product
}

/// The sum, if it fits.
private func sum(_ a: Int128, _ b: Int128) -> Int128? {
    let (sum, hasOverflowed) = a.addingReportingOverflow(b)
    return hasOverflowed ? nil : sum
}

/// Euclid's; where one number is 0 it is the other.
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

private func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
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
