import BigInt
import TestSupport
import Testing
import Units

/// Fractions that fit in 128 bits are reckoned with there; the results are those of numbers without bounds.
@Suite struct RationalTests {
    /// Whole numbers about every bound at which the way of reckoning changes, and random ones.
    private func whole(_ random: inout SeededRandom) -> BigInt {
        let bits =
            [0, 1, 31, 32, 62, 63, 64, 65, 100, 126, 127, 128, 200].randomElement(using: &random)
            ?? 0
        let near = (BigInt(1) << bits) + BigInt(Int.random(in: -2...2, using: &random))
        let any = BigInt(
            UInt64.random(in: 0...(.max), using: &random)
                >> UInt64.random(in: 0...63, using: &random))
        let size = Bool.random(using: &random) ? near : any
        return Bool.random(using: &random) ? -size : size
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func allIsExactWhereverItIsReckoned(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let (a, c) = (whole(&random), whole(&random))
            var (b, d) = (whole(&random), whole(&random))
            if b == 0 { b = 1 }
            if d == 0 { d = 3 }
            let (x, y) = (Rational(a, over: b), Rational(c, over: d))
            expect(x, a, b)
            expect(x + y, a * d + c * b, b * d)
            expect(x - y, a * d - c * b, b * d)
            expect(x * y, a * c, b * d)
            if c != 0 { expect(x / y, a * d, b * c) }
            let isLess = a * d * (b * d).signum() < c * b * (b * d).signum()
            #expect((x < y) == isLess, "\(a)/\(b) < \(c)/\(d)")
            #expect((x == y) == (a * d == c * b), "\(a)/\(b) == \(c)/\(d)")
            #expect(x.floor * x.denominator <= x.numerator)
            #expect((x.floor + 1) * x.denominator > x.numerator)
            expect(Rational(a), a, 1)
        }
    }

    /// It is that fraction, in lowest terms, and equal to all others that are.
    private func expect(_ got: Rational, _ numerator: BigInt, _ denominator: BigInt) {
        #expect(got.numerator * denominator == numerator * got.denominator)
        #expect(got.denominator > 0)
        #expect(got.numerator.greatestCommonDivisor(with: got.denominator) == 1)
        let same = Rational(numerator * 7, over: denominator * 7)
        #expect(got == same && got.hashValue == same.hashValue)
    }
}
