import TestSupport
import Testing
import Units

@testable import Store

@Suite struct WideIntegerTests {
    @Test(
        arguments: [
            (0, 0, 0), (5, 0, 5), (-1, -1, -1), (Int128(Int64.max), 0, .max),
            (Int128(1) << 63, 0, .min), ((Int128(1) << 64) - 1, 0, -1), (Int128(1) << 64, 1, 0),
            ((Int128(1) << 64) + 5, 1, 5), (Int128(Int64.min), -1, .min), (.max, .max, -1),
            (.min, .min, 0),
        ] as [(Int128, Int64, Int64)])
    func aNumberIsTwoColumns(number: Int128, high: Int64, low: Int64) {
        let halves = number.halves
        #expect(halves.high == high && halves.low == low)
        #expect(Int128(high: high, low: low) == number)
    }

    /// The upper column alone orders numbers, unless it is the same.
    @Test func anyNumberComesBackInItsOrder() {
        var random = SeededRandom(seed: 61)
        var last: Int128?
        for _ in 0..<2000 {
            let number =
                Int128.random(in: .min ... .max, using: &random)
                >> Int.random(in: 0...127, using: &random)
            let halves = number.halves
            #expect(Int128(high: halves.high, low: halves.low) == number)
            if let last, last.halves.high != halves.high {
                #expect((last < number) == (last.halves.high < halves.high))
            }
            last = number
        }
    }

    @Test func sumsOfHalvesAddUp() {
        var random = SeededRandom(seed: 62)
        for _ in 0..<500 {
            let numbers = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                Int64.random(in: 0 ... .max, using: &random)
            }
            let highs = numbers.reduce(0) { $0 + ($1 >> 32) }
            let lows = numbers.reduce(0) { $0 + ($1 & 0xffff_ffff) }
            #expect(
                Int128(sumOfHighs: highs, sumOfLows: lows)
                    == numbers.reduce(Int128(0)) { $0 + Int128($1) })
        }
    }

    @Test(
        arguments: [
            (0, 1, [0], [0, 1]), (1, 1, [0, 1], [0, 1]), (-258, 1, [1, 1, 2], [0, 1]),
            (255, 256, [0, 255], [0, 1, 0]), (-1, 65_537, [1, 1], [0, 1, 0, 1]),
            // A fraction is stored in its lowest terms.
            (6, 4, [0, 3], [0, 2]),
        ] as [(Int, Int, [UInt8], [UInt8])])
    func aFractionIsTwoTextsOfBytes(
        top: Int, bottom: Int, numerator: [UInt8], denominator: [UInt8]
    ) throws {
        let fraction = Rational(top) / Rational(bottom)
        #expect(fraction.blobs.numerator == numerator)
        #expect(fraction.blobs.denominator == denominator)
        #expect(Rational(numerator: numerator, denominator: denominator) == fraction)
    }

    @Test func anyFractionComesBack() {
        var random = SeededRandom(seed: 63)
        for _ in 0..<500 {
            var fraction = Rational(Int64.random(in: .min ... .max, using: &random))
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                fraction = fraction / Rational(Int64.random(in: 1 ... .max, using: &random))
            }
            let blobs = fraction.blobs
            #expect(
                Rational(numerator: blobs.numerator, denominator: blobs.denominator) == fraction)
        }
    }

    @Test(
        arguments: [
            ([], [0, 1]), ([0, 1], []), ([2, 1], [0, 1]), ([0, 1], [2, 1]), ([0, 1], [0]),
            ([0, 1], [0, 0]), ([0, 1], [1, 1]), ([255], [0, 1]),
        ] as [([UInt8], [UInt8])])
    func otherBytesAreNoFraction(numerator: [UInt8], denominator: [UInt8]) {
        #expect(Rational(numerator: numerator, denominator: denominator) == nil)
    }
}
