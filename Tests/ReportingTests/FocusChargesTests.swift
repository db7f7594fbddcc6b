import BigInt
import Invoicing
import Metering
import Pricing
import Reporting
import TestSupport
import Testing
import Units

/// What each kind of line is in FOCUS: its service, its category and its frequency.
@Suite struct FocusChargesTests {
    /// A row of usage of one meter.
    private func row(
        _ meter: String, _ per: String, in container: String = "/web",
        _ known: [String: ContainerDescription] = [:]
    ) throws -> [String: String] {
        let book = try Made.book([meter: try Made.price("1", per)])
        let document = Made.document(
            try Made.draft(book, [Made.use(container, meter, 100)]), containers: known)
        let rows = try ReadTable(focus: [document]).rows
        #expect(focusFaults(rows, columns: focusColumns("1.2") ?? [], version: "1.2") == [])
        return try #require(rows.first)
    }

    @Test(arguments: [
        ("cpu", "1 vCPU-hour", "Compute", "Containers", "Container Compute"),
        ("cpu_reserved", "1 vCPU-hour", "Compute", "Containers", "Container Compute"),
        ("memory", "1 GiB-hour", "Compute", "Containers", "Container Compute"),
        ("memory_reserved", "1 GiB-hour", "Compute", "Containers", "Container Compute"),
        ("io_read_bytes", "1 GB", "Storage", "Block Storage", "Container Storage"),
        ("io_write_bytes", "1 GB", "Storage", "Block Storage", "Container Storage"),
        ("io_read_ops", "1 operation", "Storage", "Block Storage", "Container Storage"),
        ("io_write_ops", "1 operation", "Storage", "Block Storage", "Container Storage"),
        ("storage", "1 GiB-month", "Storage", "File Storage", "Folder Storage"),
        ("net_rx_bytes", "1 GB", "Networking", "Network Infrastructure", "Container Network"),
        ("net_tx_bytes", "1 GB", "Networking", "Network Infrastructure", "Container Network"),
        ("gpu", "1 GPU-hour", "Other", "Other (Other)", "Custom Usage"),
        // Custom meters may have the names of other kinds of lines.
        ("minimum", "1 thing", "Other", "Other (Other)", "Custom Usage"),
        ("rounding", "1 thing", "Other", "Other (Other)", "Custom Usage"),
    ])
    func aMeterIsOfAService(
        meter: String, per: String, category: String, subcategory: String, name: String
    ) throws {
        let row = try row(meter, per)
        #expect(row["ServiceCategory"] == category && row["ServiceName"] == name)
        #expect(row["ServiceSubcategory"] == subcategory)
        #expect(row["ChargeCategory"] == "Usage" && row["ChargeFrequency"] == "Usage-Based")
        #expect(row["SkuMeter"] == meter && row["ChargeClass"] == "")
    }

    /// Every meter that Octroi reads has a service: a new one must not become "Custom Usage".
    @Test func noKnownMeterIsCustom() throws {
        for meter in Meter.known {
            let unit =
                switch try #require(meter.dimension) {
                case .cpuTime: "1 vCPU-hour"
                case .byteTime: "1 GiB-hour"
                case .bytes: "1 GB"
                case .operations: "1 operation"
                case .custom(let name, _): "1 \(name)"
                }
            #expect(try row(meter.name, unit)["ServiceCategory"] != "Other", "\(meter)")
        }
    }

    /// What a resource is called, and when its name is worth a column.
    @Test(arguments: [
        ("/docker/web", "web-1", "/docker/web", "Container", "web-1"),
        ("gpu-1", nil, "imported/gpu-1", "Container", ""),
        ("storage:/srv/acm\u{E9}", nil, "storage:/srv/acm%C3%A9", "Folder", ""),
        ("/a b%", "none", "/a%20b%25", "Container", ""), ("/web", "/web", "/web", "Container", ""),
        // A name that reads as a number would become one in a spreadsheet.
        ("/web", "12.50", "/web", "Container", ""), ("1", "1", "imported/1", "Container", ""),
        ("/web", "12.50 e", "/web", "Container", "12.50 e"),
        ("/web", "\u{7F8E}", "/web", "Container", "?"),
    ])
    func aContainerIsAResource(
        path: String, name: String?, id: String, type: String, said: String
    ) throws {
        let row = try row(
            "cpu", "1 vCPU-hour", in: path, [path: ContainerDescription(name: name)])
        #expect(row["ResourceId"] == id && row["ResourceType"] == type)
        #expect(row["ResourceName"] == said && row["Tags"] == "")
    }

    @Test func labelsAreTags() throws {
        let labels = ["team": "=cmd|' /C calc'!A0", "\u{E9}": "a\"\\\n\u{1F600}", "b": ""]
        let row = try row(
            "cpu", "1 vCPU-hour", in: "/web", ["/web": ContainerDescription(labels: labels)])
        #expect(
            row["Tags"] == """
                {"b":"","team":"=cmd|' /C calc'!A0","\\u00e9":"a\\"\\\\\\n\\ud83d\\ude00"}
                """)
    }

    /// Labels of a container with another path, that only looks the same, are not its own.
    @Test func namesThatLookAlikeAreTwo() throws {
        let row = try row(
            "cpu", "1 vCPU-hour", in: "/caf\u{E9}",
            ["/cafe\u{301}": ContainerDescription(name: "other", labels: ["a": "b"])])
        #expect(row["ResourceName"] == "" && row["Tags"] == "")
    }
}

@Suite struct FocusOtherLinesTests {
    /// An invoice with a line of every kind, besides corrections.
    private func rows(taxes: [String] = ["20"]) throws -> [String: [String: String]] {
        var book = try Made.book([
            "cpu": try Made.tiers("1 vCPU-hour", [("1", "2", "5"), (nil, "1", nil)])
        ])
        book.taxes = try taxes.map { try Made.tax($0, "vat\($0)") }
        book.fixed = [FixedFee(code: "support", name: "Support", price: try Made.decimal("9"))]
        book.discounts = [
            Discount(
                percent: try Made.decimal("10"), meters: nil, tenants: nil, from: nil, until: nil)
        ]
        book.minimum = try Made.decimal("100")
        // Two hours: one at 2, one at 1, and the flat 5. Less 10 %: 7.20.
        let draft = try Made.draft(
            book, [Made.use("/web", "cpu", 7_200_000_000), Made.use("/web", "odd", 3)])
        let rows = try ReadTable(focus: [Made.document(draft)]).rows
        #expect(focusFaults(rows, columns: focusColumns("1.2") ?? [], version: "1.2") == [])
        #expect(rows.count == draft.lines.count)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0["ChargeDescription"] ?? "", $0) })
    }

    /// What the descriptions say, and what the lines cost.
    private static let expected: [(String, String, String, String, String)] = [
        (
            "cpu, tier 1 of container /web, 2 EUR per 1 vCPU-hour", "Usage", "Usage-Based",
            "Container Compute", "2.00"
        ),
        (
            "cpu, tier 2 of container /web, 1 EUR per 1 vCPU-hour", "Usage", "Usage-Based",
            "Container Compute", "1.00"
        ),
        ("cpu, tier 1, 5 EUR per 1 tier", "Usage", "Usage-Based", "Container Compute", "5.00"),
        ("support, 9 EUR per 1 month", "Usage", "Recurring", "Fixed Fees", "9.00"),
        ("Discount of 10 % on cpu", "Credit", "One-Time", "Container Compute", "-0.80"),
        (
            "Difference to the monthly minimum", "Adjustment", "One-Time", "Minimum Charge",
            "83.80"
        ),
        (
            "odd, for which there is no price of container /web", "Usage", "Usage-Based",
            "Custom Usage", "0.00"
        ),
        ("Tax vat20 20 %", "Tax", "One-Time", "Tax", "20.00"),
    ]

    @Test(arguments: expected)
    func everyKindOfLineHasItsPlace(
        description: String, category: String, frequency: String, service: String, cost: String
    ) throws {
        let rows = try rows()
        #expect(Set(rows.keys) == Set(Self.expected.map(\.0)))
        let row = try #require(rows[description])
        #expect(row["ChargeCategory"] == category && row["ChargeFrequency"] == frequency)
        #expect(row["ServiceName"] == service && row["BilledCost"] == cost)
        #expect(row["EffectiveCost"] == cost && row["PricingCurrencyEffectiveCost"] == cost)
        #expect(row["ChargePeriodStart"] == "2026-11-01T00:00:00Z")
        #expect(row["ChargePeriodEnd"] == "2026-12-01T00:00:00Z")
    }

    /// Only usage and fees have quantities and prices; other lines cost what they say.
    @Test func onlyWhatIsCountedHasAPrice() throws {
        for (description, row) in try rows() {
            let isCounted = row["ChargeCategory"] == "Usage"
            for column in [
                "PricingQuantity", "PricingUnit", "ListUnitPrice", "SkuId", "SkuPriceId",
                "SkuPriceDetails", "ConsumedQuantity", "PricingCategory",
            ] {
                #expect((row[column] != "") == isCounted, "\(description): \(column)")
            }
            guard !isCounted, row["ChargeCategory"] != "Tax" else { continue }
            #expect(row["ListCost"] == row["BilledCost"], "\(description)")
            #expect(row["ContractedCost"] == row["BilledCost"], "\(description)")
        }
    }

    /// The SKU names the book, the meter and the tier, and the details its version.
    @Test(arguments: [
        ("cpu, tier 2 of container /web, 1 EUR per 1 vCPU-hour", "standard/cpu/2", "2", "cpu"),
        ("cpu, tier 1, 5 EUR per 1 tier", "standard/cpu/1-flat", "1-flat", "cpu"),
        ("support, 9 EUR per 1 month", "standard/support/fixed", "fixed", "support"),
        (
            "odd, for which there is no price of container /web", "standard/odd/unpriced",
            "unpriced", "odd"
        ),
    ])
    func aSKUIsAPriceOfABook(
        description: String, id: String, tier: String, meter: String
    ) throws {
        let row = try #require(try rows()[description])
        #expect(row["SkuPriceId"] == id && row["SkuId"] == meter && row["SkuMeter"] == meter)
        #expect(
            row["SkuPriceDetails"] == """
                {"x_PriceBook":"standard","x_PriceBookEffective":"1970-01-01T00:00:00Z",\
                "x_Tier":"\(tier)"}
                """)
    }

    /// The tax on a list cost is not rounded, unlike the tax that is billed.
    @Test func aTaxHasTheListCostOfWhatItTaxes() throws {
        let rows = try rows(taxes: ["20", "0.125"])
        // All lines bear both taxes: 100.00 in total.
        #expect(rows["Tax vat20 20 %"]?["ListCost"] == "20.0")
        #expect(rows["Tax vat0.125 0.125 %"]?["ListCost"] == "0.125")
        #expect(rows["Tax vat0.125 0.125 %"]?["ContractedCost"] == "0.125")
        #expect(rows["Tax vat0.125 0.125 %"]?["BilledCost"] == "0.12")
    }

    /// A tax is on the lines that bear it, and on no others.
    @Test func aTaxOfOneLineIsThatLines() throws {
        let book = try Made.book(["cpu": try Made.price("0.04", "1 vCPU-hour")])
        var draft = try Made.draft(
            book,
            [
                Made.use("/a", "cpu", 3_600_000_000 * 100),
                Made.use("/b", "cpu", 3_600_000_000 * 50),
            ])
        let vat = try Made.tax("10")
        draft.lines[1].taxes = [vat]
        draft.lines.append(
            LineItem(
                .tax(code: "vat", Percentage(vat.rate, of: draft.currency)), period: draft.period,
                exactAmount: try #require(Rational(decimal: "0.2")), amount: 20, taxes: [vat]))
        let rows = try ReadTable(focus: [Made.document(draft)]).rows
        #expect(rows.map { $0["ListCost"] } == ["4.0", "2.0", "0.2"])
    }
}
