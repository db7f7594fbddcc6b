import Limits
import TestSupport
import Testing
import Units

private func decimal(_ text: String) throws -> Rational {
    try #require(Rational(decimal: text))
}

@Suite struct PacingTests {
    /// 100 s before the end, at 1 a core-second, with a dwell of 5 min.
    @Test(
        arguments: [
            ("200", "0", nil, nil, "2"), ("200", "0.5", nil, nil, "1.5"),
            ("0.19999", "0", nil, nil, "0.05"), ("33.3333", "0", nil, nil, "0.333"),
            ("0", "0", nil, nil, "0.05"), ("-7", "0", nil, nil, "0.05"),
            ("5", "9", nil, nil, "0.05"),
            ("200", "0", "2.3", 300_000, "2.3"), ("200", "0", "2.4", 300_000, "2"),
            ("200", "0", "2.4", 299_999, "2.4"), ("200", "0", "1.74", 300_000, "1.74"),
            ("200", "0", "1.73", 300_000, "2"), ("200", "0", "1.73", 0, "1.73"),
            ("200", "0", "9", nil, "2"), ("0", "0", "0.04", 0, "0.05"),
            ("999999999999999999", "0", nil, nil, "1000000"),
        ] as [(String, String, String?, Int64?, String)])
    func table(
        remaining: String, otherBurn: String, current: String?, held: Int64?, cap: String
    ) throws {
        let cores = try pacedCap(
            remaining: decimal(remaining), price: Rational(1), otherBurn: decimal(otherBurn),
            secondsLeft: 100, floor: decimal("0.05"), current: current.map(decimal),
            heldMilliseconds: held, dwellMilliseconds: 300_000)
        #expect(cores?.description == cap)
    }

    @Test func whatCostsNothingIsNotCapped() {
        let cores = pacedCap(
            remaining: .zero, price: .zero, otherBurn: .zero, secondsLeft: 100, floor: Rational(1),
            current: Rational(2), heldMilliseconds: nil, dwellMilliseconds: 0)
        #expect(cores == nil)
    }

    @Test func theFloorIsRoundedUpAndTheLastSecondIsOne() throws {
        func cap(_ remaining: Int, _ left: Int64) throws -> Rational? {
            pacedCap(
                remaining: Rational(remaining), price: Rational(1), otherBurn: .zero,
                secondsLeft: left, floor: try decimal("0.0501"), current: nil,
                heldMilliseconds: nil, dwellMilliseconds: 0)
        }
        #expect(try cap(0, 0) == decimal("0.051"))
        #expect(try cap(3, 0) == Rational(3) && cap(3, -9) == Rational(3))
    }

    /// Whole thousandths, never below the floor, more for more money, and what is not the floor
    /// can be paid to the end of the period.
    @Test func capsAreAffordable() throws {
        var random = SeededRandom(seed: 31)
        func any(_ range: ClosedRange<Int64>, over: Int64) -> Rational {
            Rational(Int64.random(in: range, using: &random)) / Rational(over)
        }
        for _ in 0..<500 {
            let (remaining, price) = (any(-500...5000, over: 7), any(1...900, over: 1_000_000))
            let (burn, floor) = (any(0...90, over: 1_000_000), any(1...999, over: 3000))
            let left = Int64.random(in: 1...2_678_400, using: &random)
            let current = Bool.random(using: &random) ? any(1...9000, over: 1000) : nil
            func cap(_ money: Rational, _ current: Rational?, held: Int64?) throws -> Rational {
                try #require(
                    pacedCap(
                        remaining: money, price: price, otherBurn: burn, secondsLeft: left,
                        floor: floor, current: current, heldMilliseconds: held,
                        dwellMilliseconds: 300_000) as Rational?)
            }
            let fresh = try cap(remaining, nil, held: nil)
            #expect((fresh * Rational(1000)).denominator == 1)
            #expect(fresh >= floor)
            #expect(try cap(remaining + Rational(1), nil, held: nil) >= fresh)
            let isFloor = fresh < floor + Rational(1) / Rational(1000)
            #expect(isFloor || (fresh * price + burn) * Rational(left) <= remaining)
            let held = Int64.random(in: 0...600_000, using: &random)
            let next = try cap(remaining, current, held: held)
            #expect(next >= floor && (next == fresh || next == current))
            // Looked at again with the same money, it stays.
            #expect(try cap(remaining, fresh, held: nil) == fresh)
        }
    }

    @Test(arguments: [
        (3, ["e", "d", "b"]), (2, ["e", "d"]), (4, ["e", "d", "b", "c"]),
        (9, ["e", "d", "b", "c", "a"]),
        (0, []), (-1, []),
    ])
    func thoseFurthestOverGoFirst(most: Int, admitted: [String]) {
        let candidates: [(tenant: String, percent: Rational?)] = [
            ("a", Rational(101)), ("c", Rational(105)), ("b", Rational(105)),
            ("d", Rational(200)), ("e", nil),
        ]
        #expect(admit(candidates: candidates, most: most) == Set(admitted))
        #expect(admit(candidates: candidates.reversed(), most: most) == Set(admitted))
    }
}
