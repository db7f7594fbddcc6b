@testable import Store
import TestSupport
import Testing
import Units

/// Prices in two columns of the store.
@Suite struct DecimalPartsTests {
    @Test(
        arguments: [
            ("-12.50", [1, 4, 226], 2, "-12.50"), ("0.05", [0, 5], 2, "0.05"), ("0", [0], 0, "0"),
            ("0.00", [0], 2, "0.00"), ("007", [0, 7], 0, "7"), ("01.50", [0, 150], 2, "1.50"),
            ("256", [0, 1, 0], 0, "256"), ("-1", [1, 1], 0, "-1"),
        ] as [(String, [UInt8], Int64, String)])
    func aDecimalIsDigitsAndScale(
        text: String, digits: [UInt8], scale: Int64, shown: String
    ) throws {
        let parts = try #require(DecimalParts(text))
        #expect(parts.digits == digits && parts.scale == scale && parts.text == shown)
        #expect(DecimalParts(digits: digits, scale: scale) == parts)
    }

    @Test(arguments: ["", ".", "1.", ".5", "+1", "1e3", "1,5", " 1", "--1", "\u{661}"])
    func whatIsNoDecimalIsRefused(text: String) {
        #expect(DecimalParts(text) == nil)
    }

    @Test(arguments: [([], 0), ([2, 1], 0), ([0, 1], -1), ([0, 1], 101)] as [([UInt8], Int64)])
    func columnsOfAnotherFormAreRefused(digits: [UInt8], scale: Int64) {
        #expect(DecimalParts(digits: digits, scale: scale) == nil)
    }

    /// Every decimal comes back with its value and all its zeros.
    @Test func everyDecimalComesBack() throws {
        var random = SeededRandom(seed: 15)
        func digits(_ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in
                String(Int.random(in: 0...9, using: &random))
            }.joined()
        }
        for _ in 0..<1000 {
            let whole = String(Int.random(in: 1...9, using: &random)) + digits(0...40)
            let fraction = digits(0...50)
            let sign = Bool.random(using: &random) ? "-" : ""
            let text = sign + whole + (fraction.isEmpty ? "" : "." + fraction)
            let parts = try #require(DecimalParts(text))
            #expect(parts.text == text && parts.scale == fraction.count)
            let again = try #require(DecimalParts(digits: parts.digits, scale: parts.scale))
            #expect(again == parts && Rational(decimal: again.text) == Rational(decimal: text))
        }
    }
}
