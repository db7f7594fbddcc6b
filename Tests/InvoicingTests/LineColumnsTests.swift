import Invoicing
import Pricing
import TestSupport
import Testing
import Units

/// Columns say the same as the line they were made of, whatever its meter or fee is called.
@Suite struct LineColumnsTests {
    private static let names = ["minimum", "second", "month", "tier", "cpu", "rounding", "100 EUR"]

    private let price: DecimalPrice
    private let period: Period
    private let percentage: Percentage

    init() throws {
        price = try #require(DecimalPrice("0.050"))
        period = try #require(Period(month: "2026-10"))
        percentage = Percentage(
            try #require(DecimalPrice("19.6")), of: try #require(Currency("EUR")))
    }

    private func usage(_ name: String, tier: TierPlace? = nil, per: String? = nil) throws
        -> LineSubject
    {
        .usage(
            UsageLine(
                container: ExactText("/a"), meter: name, tier: tier,
                CountedQuantity(5, priced: 7), unit: name,
                price: try per.map { UnitPrice(price, per: try #require(UnitQuantity($0))) }))
    }

    private func subjects(_ name: String) throws -> [LineSubject] {
        let counted = CountedQuantity(3, priced: 4)
        return [
            try usage(name, per: "30 GiB-month"), try usage(name, tier: .free, per: "thing"),
            try usage(name, tier: .number(2), per: "0.5 vCPU-hour"), try usage(name),
            .flat(FlatLine(meter: name, tier: .number(1), counted, price: price)),
            .flat(FlatLine(meter: name, tier: nil, counted, price: price)),
            .fee(FeeLine(code: name, counted, .month, price: price)),
            .fee(FeeLine(code: name, counted, .second(ofMonth: 2_678_400), price: price)),
            .discount(meter: name, percentage), .tax(code: name, percentage),
        ]
    }

    @Test(arguments: names, [false, true])
    func columnsAreReadAsTheyWereWritten(name: String, isCorrection: Bool) throws {
        let all = try subjects(name) + [.minimum(price), .minimum(nil), .rounding]
        for subject in all {
            let line = LineItem(
                subject, period: period, exactAmount: .zero, isCorrection: isCorrection)
            // A tax is never corrected, and shares its columns with a discount.
            if isCorrection, line.isTax { continue }
            #expect(line.columns.subject == subject, "\(line.columns)")
        }
    }

    /// What the store and the CSV file hold must not change.
    @Test(arguments: [
        (0, "usage cpu nil /a 5 7 cpu 0.050 30 GiB-month"),
        (1, "usage cpu free /a 5 7 cpu 0.050 1 thing"), (3, "unpriced cpu nil /a 5 7 cpu nil nil"),
        (4, "fixed cpu 1 nil 3 4 tier 0.050 1 tier"),
        (6, "fixed cpu nil nil 3 4 month 0.050 1 month"),
        (7, "fixed cpu nil nil 3 4 second 0.050 2678400 second"),
        (8, "discount cpu nil nil nil nil nil 19.6 100 EUR"),
        (9, "tax cpu nil nil nil nil nil 19.6 100 EUR"),
    ])
    func columnsAreThoseOfTheContract(index: Int, expected: String) throws {
        let columns = LineItem(
            try subjects("cpu")[index], period: period, exactAmount: .zero
        ).columns
        let quantities = [columns.quantity, columns.priced].map { $0.map(String.init) }
        let fields =
            [columns.kind.rawValue, columns.meter, columns.tier, columns.container] + quantities
            + [columns.unit, columns.unitPrice, columns.per]
        #expect(fields.map { $0 ?? "nil" }.joined(separator: " ") == expected)
    }

    /// Rows that Octroi never writes are not taken for something else.
    @Test(arguments: [
        LineColumns(kind: .usage, meter: "cpu", quantity: 1),
        LineColumns(kind: .usage, meter: "cpu", container: "/a"),
        LineColumns(
            kind: .usage, meter: "cpu", tier: "0", container: "/a", quantity: 1, unitPrice: "1",
            per: "1 thing"),
        LineColumns(
            kind: .usage, meter: "cpu", container: "/a", quantity: 1, unitPrice: "x",
            per: "1 thing"),
        LineColumns(
            kind: .usage, meter: "cpu", container: "/a", quantity: 1, unitPrice: "1", per: nil),
        LineColumns(kind: .fixed, meter: "fee", quantity: 1, unit: "month"),
        LineColumns(
            kind: .fixed, meter: "fee", quantity: 1, unit: "week", unitPrice: "1", per: "1 week"),
        LineColumns(
            kind: .fixed, meter: "fee", quantity: 1, unit: "second", unitPrice: "1",
            per: "x second"),
        LineColumns(kind: .discount, meter: "cpu", unitPrice: "10", per: "100 euros"),
        LineColumns(kind: .tax, meter: "vat", per: "100 EUR"),
        LineColumns(kind: .minimum, meter: "minimum", unitPrice: "-1", per: "1 month"),
    ])
    func otherColumnsAreNoLine(columns: LineColumns) {
        #expect(columns.subject == nil)
    }
}
