import BigInt
import TestSupport
import Testing
import Units

@Suite struct MoneyTests {
    @Test(arguments: [
        ("0.04048", "0.04048"), ("-12.50", "-12.5"), ("100", "100"), ("0", "0"), ("007.10", "7.1"),
    ])
    func decimalsStayExact(text: String, shown: String) {
        #expect(Rational(decimal: text)?.description == shown)
    }

    @Test(arguments: ["", ".", "1.", ".5", "1e3", "+1", "1,5", "0x10", "1 ", "1.2.3", "--1", "٣"])
    func otherTextIsNoDecimal(text: String) { #expect(Rational(decimal: text) == nil) }

    @Test func endlessDecimalsArePrintedAsFractions() {
        #expect((Rational(1) / Rational(3)).description == "1/3")
        #expect((Rational(-1) / Rational(8)).description == "-0.125")
    }

    @Test(arguments: [
        // Half cents, both signs: a tie, then just below and above it.
        ("2.5", 2, 3, 3, 2), ("3.5", 4, 4, 4, 3), ("-2.5", -2, -3, -3, -2), ("2.4", 2, 2, 3, 2),
        ("2.6", 3, 3, 3, 2), ("-2.6", -3, -3, -3, -2), ("7", 7, 7, 7, 7), ("0", 0, 0, 0, 0),
    ])
    func roundingModes(text: String, even: Int, halfUp: Int, up: Int, down: Int) throws {
        let exact = try #require(Rational(decimal: text))
        #expect(Rounding.halfEven.round(exact) == BigInt(even))
        #expect(Rounding.halfUp.round(exact) == BigInt(halfUp))
        #expect(Rounding.up.round(exact) == BigInt(up))
        #expect(Rounding.down.round(exact) == BigInt(down))
    }

    @Test func currenciesKnowTheirDigits() {
        #expect(Currency("JPY")?.text(1234) == "1234")
        #expect(Currency("EUR")?.text(-5) == "-0.05")
        #expect(Currency("BHD")?.text(1234) == "1.234")
        #expect(Currency("XXQ") == nil)
        #expect(Currency("eur") == nil)
    }

    @Test(arguments: [
        ("1 vCPU-hour", "3600000000", "us"), ("1 GiB-hour", "3865470566400", "byte-second"),
        ("744 GiB-hour", "2875910101401600", "byte-second"), ("1 GB", "1000000000", "byte"),
        ("1 GiB", "1073741824", "byte"), ("1000000 operation", "1000000", "operation"),
        ("vCPU-second", "1000000", "us"), ("2.5 kB", "2500", "byte"),
        ("1 GPU-hour", "3600", "GPU-second"), ("100 request", "100", "request"),
        ("1 GB-month", "2592000000000000", "byte-second"), ("1 vCPU-day", "86400000000", "us"),
    ])
    func unitsHaveExactSizes(text: String, size: String, base: String) throws {
        let unit = try #require(UnitQuantity(text))
        #expect(unit.size(monthSeconds: 30 * 86_400).description == size)
        #expect(unit.dimension.baseUnit == base)
    }

    @Test(arguments: [
        "", "1", "vCPU", "1 vCPU-year", "0 GB", "-1 GB", "1 GB GB", "1 GB-hour-hour",
        "1 operation-hour",
        "GB-", "1 é", "1e3 GB",
    ])
    func otherTextIsNoUnit(text: String) { #expect(UnitQuantity(text) == nil) }
}
