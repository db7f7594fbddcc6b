import BigInt
import Invoicing
import Metering
import Pricing
@testable import Reporting
import TestSupport
import Testing
import Units

/// Quantities where the segment, the unit or the price is out of the ordinary.
@Suite struct LineQuantityTests {
    private let euro: Currency

    init() throws { euro = try #require(Currency("EUR")) }

    private func line(
        _ meter: String, _ quantity: Int128, _ amount: String, _ per: String, unit: String?,
        exact: Rational = .zero
    ) throws -> LineItem {
        LineItem(
            .usage(
                UsageLine(
                    container: ExactText("/a"), meter: meter, CountedQuantity(quantity),
                    unit: unit, price: UnitPrice(try Made.decimal(amount), per: try Made.unit(per)))
            ), period: try Made.month("2026-02"), exactAmount: exact)
    }

    /// Without the segment of its time, a line's own amount tells how long its month was.
    @Test(arguments: [28, 31] as [Int64])
    func theAmountTellsTheMonth(days: Int64) throws {
        // Half a month of one core at 10 EUR.
        let seconds = days * 86_400
        let half = Int128(seconds) * 500_000
        let own = try line("cpu", half, "10", "1 vCPU-month", unit: "us", exact: Rational(5))
        #expect(LineQuantity(own, [], euro).priced == "0.5000 vCPU-month")
        // Two months at 20 EUR are the same.
        let two = try line("cpu", half, "20", "2 vCPU-month", unit: "us", exact: Rational(5))
        #expect(LineQuantity(two, [], euro).priced == "0.5000 vCPU-month")
    }

    /// A line that costs nothing says nothing of its month: it is that of its period.
    @Test func aFreeLineIsOfItsOwnMonth() throws {
        let half = Int128(28 * 86_400) * 500_000
        for amount in ["0", "10"] {
            let own = try line("cpu", half, amount, "1 vCPU-month", unit: "us")
            let shown = LineQuantity(own, [], euro).priced
            #expect(shown == (amount == "0" ? "0.500 vCPU-month" : "0.5000 vCPU-month"))
        }
    }

    /// The month of the segment counts, not that of the line: a segment may be of a longer month.
    @Test func theSegmentTellsTheMonth() throws {
        let month = try Made.month("2026-02")
        let long = try #require(
            Period(start: month.start, end: month.start.advanced(bySeconds: 2 * month.seconds)))
        let segment = Segment(period: month, month: long, book: try Made.book([:]))
        let own = try line(
            "cpu", Int128(month.seconds) * 1_000_000, "0.10", "1 vCPU-month", unit: "us")
        #expect(LineQuantity(own, [segment], euro).priced == "0.500 vCPU-month")
    }

    /// Whole things have no decimals, and parts of them have as many as they need.
    @Test(
        arguments: [
            ("build", 1200, "1 job", "job", "1,200 job"), ("build", 1, "0.5 job", "job", "1 job"),
            ("gpu", 1800, "1 GPU-hour", "GPU-second", "0.500 GPU-hour"),
            ("io_read_ops", 1, "1000000 operation", "operation", "1 operation"),
            ("net_tx_bytes", 1_500_000, "1 MB", "byte", "1.500 MB"),
            // A price in another kind of unit than the line counts in: the line's own unit.
            ("cpu", 1_500_000, "1 GiB-hour", "us", "1.500 vCPU-s"),
            ("gpu", 1234, "1 GPU-hour", "GPU", "1,234 GPU"),
        ] as [(String, Int128, String, String, String)])
    func theUnitIsThatOfThePrice(
        meter: String, quantity: Int128, per: String, unit: String, shown: String
    ) throws {
        let own = try line(meter, quantity, "0.01", per, unit: unit)
        #expect(LineQuantity(own, [], euro).priced == shown)
        #expect(LineQuantity(own.negated, [], euro).priced == "-" + shown)
        #expect(LineQuantity(own, [], euro).metered == nil)
    }

    /// Lines that count nothing have no quantity.
    @Test func discountsCountNothing() throws {
        let own = LineItem(
            .discount(meter: "cpu", Percentage(try Made.decimal("5"), of: euro)),
            period: try Made.month(), exactAmount: .zero)
        #expect(LineQuantity(own, [], euro).priced == nil)
        #expect(LineQuantity(own, [], euro).metered == nil)
    }

    /// However small, a quantity does not look like nothing until the twelfth decimal.
    @Test func nothingLooksLikeNothing() throws {
        for power in 0..<11 {
            let quantity = (0..<power).reduce(Int128(1)) { value, _ in value * 10 }
            let own = try line("net_tx_bytes", quantity, "0.01", "1 TB", unit: "byte")
            let shown = try #require(
                LineQuantity(own, [], euro).priced?.split(separator: " ").first)
            // 10^power bytes are 10^(power - 12) TB.
            let places = max(3, 12 - power)
            let value = Rational(quantity) / Rational(1_000_000_000_000)
            #expect(Rational(decimal: shown) == value && shown.count == places + 2, "\(shown)")
        }
    }
}
