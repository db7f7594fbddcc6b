import BigInt
import Invoicing
import Metering
import Pricing
import Reporting
import TestSupport
import Testing
import Units

/// Quantities and prices of FOCUS rows, computed by hand.
@Suite struct FocusPricingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var meter: String
        var quantity: Int128
        var amount: String
        var per: String
        var consumed: String
        var consumedUnit: String
        var priced: String
        var pricingUnit: String
        var unitPrice: String
        var cost: String
        var testDescription: String { "\(meter) at \(amount) / \(per)" }

        init(
            _ meter: String, _ quantity: Int128, _ amount: String, _ per: String,
            consumed: (String, String), priced: (String, String), _ unitPrice: String,
            _ cost: String
        ) {
            (self.meter, self.quantity, self.amount, self.per) = (meter, quantity, amount, per)
            (self.consumed, consumedUnit) = consumed
            (self.priced, pricingUnit) = priced
            (self.unitPrice, self.cost) = (unitPrice, cost)
        }
    }

    static let cases = [
        Case(
            "cpu", 5_400_000_000, "0.04", "1 vCPU-hour", consumed: ("5400.0", "vCPU-Seconds"),
            priced: ("1.5", "vCPU-Hours"), "0.04", "0.06"),
        Case(
            "memory", 11_596_411_699_200, "0.0050", "1 GiB-hour",
            consumed: ("11596411699200.0", "B-Seconds"), priced: ("3.0", "GiB-Hours"), "0.005",
            "0.015"),
        // Half of 744 GiB-hours.
        Case(
            "memory", 1_437_955_050_700_800, "0.30", "744 GiB-hour",
            consumed: ("1437955050700800.0", "B-Seconds"), priced: ("0.5", "744 GiB Hours"), "0.3",
            "0.15"),
        // FOCUS has only whole numbers before a unit, so the price is that of ten times as much.
        Case(
            "net_tx_bytes", 750_000_000, "0.05", "0.5 GB", consumed: ("750000000.0", "B"),
            priced: ("0.15", "5 GB"), "0.5", "0.075"),
        Case(
            "net_tx_bytes", 3_000, "7", "0.25 kB", consumed: ("3000.0", "B"),
            priced: ("0.12", "25 KB"), "700.0", "84.0"),
        Case(
            "io_read_ops", 2_500_000, "0.20", "1000000 operation",
            consumed: ("2500000.0", "Requests"), priced: ("2.5", "1000000 Requests"), "0.2", "0.5"),
        Case(
            "storage", 47_498_902_319_923_200, "1.20", "1 TiB-day",
            consumed: ("47498902319923200.0", "B-Seconds"), priced: ("0.5", "TiB-Days"), "1.2",
            "0.6"),
        // A quarter of November, which has 30 days.
        Case(
            "storage", 695_784_701_952_000, "3", "1 GiB-month",
            consumed: ("695784701952000.0", "B-Seconds"), priced: ("0.25", "GiB-Months"), "3.0",
            "0.75"),
        Case(
            "gpu", 5400, "2.5", "1 GPU-hour", consumed: ("5400.0", "GPU-Seconds"),
            priced: ("1.5", "GPU-Hours"), "2.5", "3.75"),
        Case(
            "build", 250, "0.1", "100 build_job", consumed: ("250.0", "build job"),
            priced: ("2.5", "100 build job"), "0.1", "0.25"),
        // A thing that happens to be called like a unit of time.
        Case(
            "build", 2, "3", "1 month", consumed: ("2.0", "Months"), priced: ("2.0", "Months"),
            "3.0", "6.0"),
        // The decimals do not end: 12 of them are written, and the cost is the price of these.
        Case(
            "cpu", 1, "36", "1 vCPU-hour", consumed: ("0.000001", "vCPU-Seconds"),
            priced: ("0.000000000278", "vCPU-Hours"), "36.0", "0.000000010008"),
        Case(
            "cpu", 3_600_000_000, "0", "1 vCPU-hour", consumed: ("3600.0", "vCPU-Seconds"),
            priced: ("1.0", "vCPU-Hours"), "0.0", "0.0"),
        Case(
            "cpu", 3_600_000_000_000_000_000, "0.000000000000000001", "1 vCPU-hour",
            consumed: ("3600000000000.0", "vCPU-Seconds"), priced: ("1000000000.0", "vCPU-Hours"),
            "0.000000000000000001", "0.000000001"),
    ]

    @Test(arguments: cases)
    func aQuantityTimesItsPriceIsTheListCost(example: Case) throws {
        let book = try Made.book([example.meter: try Made.price(example.amount, example.per)])
        let draft = try Made.draft(
            book, [Made.use("/web", example.meter, example.quantity)])
        let row = try #require(try ReadTable(focus: [Made.document(draft)]).rows.first)
        #expect(row["ConsumedQuantity"] == example.consumed)
        #expect(row["ConsumedUnit"] == example.consumedUnit)
        #expect(row["PricingQuantity"] == example.priced)
        #expect(row["PricingUnit"] == example.pricingUnit)
        for column in [
            "ListUnitPrice", "ContractedUnitPrice", "PricingCurrencyListUnitPrice",
            "PricingCurrencyContractedUnitPrice",
        ] { #expect(row[column] == example.unitPrice, "\(column)") }
        #expect(row["ListCost"] == example.cost && row["ContractedCost"] == example.cost)
        #expect(row["PricingCategory"] == "Standard")
    }

    /// What is consumed is what was metered; what is priced is what was made of it.
    @Test func aMinimumDurationIsPricedAndNotConsumed() throws {
        let book = try Made.book(["cpu": try Made.price("0.04", "1 vCPU-hour")])
        let draft = try Made.draft(
            book, [Made.use("/web", "cpu", 1_800_000_000, billable: 7_200_000_000)])
        let row = try #require(try ReadTable(focus: [Made.document(draft)]).rows.first)
        #expect(row["ConsumedQuantity"] == "1800.0" && row["PricingQuantity"] == "2.0")
        #expect(row["ListCost"] == "0.08" && row["BilledCost"] == "0.08")
    }

    /// A free part is a row of its own that costs nothing, and started packages are whole.
    @Test func aFreePartAndPackages() throws {
        let price = try Made.tiers(
            "1000 operation", [(nil, "3", nil)], free: "30 operation", step: "1000 operation")
        let draft = try Made.draft(
            try Made.book(["io_read_ops": price]), [Made.use("/web", "io_read_ops", 1031)])
        let rows = try ReadTable(focus: [Made.document(draft)]).rows
        #expect(rows.map { $0["ConsumedQuantity"] } == ["30.0", "1001.0"])
        #expect(rows.map { $0["PricingQuantity"] } == ["0.03", "2.0"])
        #expect(rows.map { $0["ListUnitPrice"] } == ["0.0", "3.0"])
        #expect(rows.map { $0["ListCost"] } == ["0.0", "6.0"])
        #expect(
            rows.map { $0["SkuPriceId"] } == [
                "standard/io_read_ops/free", "standard/io_read_ops/1",
            ]
        )
        let said = rows[0]["ChargeDescription"] ?? ""
        #expect(said.hasPrefix("io_read_ops, free allowance of container /web"), "\(said)")
    }

    /// A fee for a part of the month counts seconds, and its price is for the month's.
    @Test func aFeeForAPartOfAMonth() throws {
        var book = try Made.book([:])
        book.fixed = [FixedFee(code: "support", name: "S", price: try Made.decimal("90"))]
        let month = try Made.month()
        // Ten days of thirty.
        let contract = ContractTime(since: month.end.advanced(bySeconds: -10 * 86_400))
        let draft = try Made.draft(book, [], contract: contract)
        let row = try #require(try ReadTable(focus: [Made.document(draft)]).rows.first)
        #expect(row["ConsumedQuantity"] == "864000.0" && row["ConsumedUnit"] == "Seconds")
        #expect(row["PricingQuantity"] == "0.333333333333")
        #expect(row["PricingUnit"] == "2592000 Seconds" && row["ListUnitPrice"] == "90.0")
        #expect(row["ListCost"] == "29.99999999997" && row["BilledCost"] == "30.00")
        #expect(row["ChargeFrequency"] == "Recurring")
    }

    /// Each line is priced by the version of its own time, and names it.
    @Test func aPriceIsThatOfItsVersion() throws {
        let month = try Made.month()
        let middle = month.start.advanced(bySeconds: 15 * 86_400)
        let old = try Made.book(["cpu": try Made.price("1", "1 vCPU-month")])
        var new = try Made.book(["cpu": try Made.price("2", "1 vCPU-month")])
        new.effective = middle
        let parts = zip(month.cut(at: [middle]), [old, new]).map { period, book in
            SegmentUsage(
                segment: Segment(period: period, month: month, book: book),
                usage: [Made.use("/web", "cpu", 1_296_000_000_000)])
        }
        let draft = try Draft(
            tenant: "acme", period: month, lines: try statement(of: "acme", parts),
            segments: parts.map(\.segment), book: new)
        let rows = try ReadTable(focus: [Made.document(draft)]).rows
        // 1,296,000 s are half a month of one core.
        #expect(rows.map { $0["PricingQuantity"] } == ["0.5", "0.5"])
        #expect(rows.map { $0["ListCost"] } == ["0.5", "1.0"])
        let versions = ["1970-01-01T00:00:00Z", "2026-11-16T00:00:00Z"]
        for (row, version) in zip(rows, versions) {
            let details = row["SkuPriceDetails"] ?? ""
            #expect(details.contains("\"x_PriceBookEffective\":\"\(version)\""), "\(details)")
            #expect(row["SkuPriceId"] == "standard/cpu/1")
        }
        #expect(rows.map { $0["ChargePeriodStart"] } == [month.start.description, versions[1]])
    }

    /// Without any segment a line still has its price, and no version.
    @Test func aLineWithoutASegment() throws {
        let book = try Made.book(["cpu": try Made.price("0.04", "1 vCPU-hour")])
        var document = Made.document(
            try Made.draft(book, [Made.use("/web", "cpu", 3_600_000_000)]))
        document.segments = []
        let row = try #require(try ReadTable(focus: [document]).rows.first)
        #expect(row["SkuPriceId"] == "book/cpu/1" && row["SkuPriceDetails"] == "{\"x_Tier\":\"1\"}")
        #expect(row["ListCost"] == "0.04")
    }

    /// Currencies without a minor unit still have a decimal point, which FOCUS wants.
    @Test(arguments: [("JPY", "7.0"), ("EUR", "7.00"), ("BHD", "7.000"), ("CLF", "7.0000")])
    func costsHaveAPoint(currency: String, cost: String) throws {
        let book = try Made.book(["cpu": try Made.price("7", "1 vCPU-hour")], currency: currency)
        let draft = try Made.draft(book, [Made.use("/web", "cpu", 3_600_000_000)])
        let row = try #require(try ReadTable(focus: [Made.document(draft)]).rows.first)
        #expect(row["BilledCost"] == cost && row["ListCost"] == "7.0")
        #expect(row["BillingCurrency"] == currency && row["PricingCurrency"] == currency)
    }
}
