import BigInt
import Invoicing
import Metering
import Pricing
import Reporting
import TestSupport
import Testing
import Units

/// Prices, usage and documents at random, and what must hold for each.
private struct RandomDocuments {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    private mutating func pick<T>(_ list: [T]) throws -> T {
        try #require(list.randomElement(using: &random))
    }

    private mutating func price(_ pers: [String]) throws -> Price {
        let per = try pick(pers)
        let amounts = ["0.04048", "0.0000112", "19.99", "0", "3"]
        let plain = try Made.price(try pick(amounts), per)
        guard Bool.random(using: &random) else { return plain }
        let unit = try #require(per.split(separator: " ").last)
        return try Made.tiers(
            per,
            [
                ("2", try pick(amounts), try pick([nil, "1.37"])),
                ("9", try pick(amounts), nil), (nil, try pick(amounts), try pick([nil, "0.5"])),
            ], free: try pick([nil, "1 \(unit)"]))
    }

    private mutating func book() throws -> PriceBook {
        var book = try Made.book(
            [
                "cpu": try price(["1 vCPU-hour", "0.5 vCPU-hour", "1 vCPU-month"]),
                "memory": try price(["1 GiB-hour", "730 GiB-hour"]),
                "storage": try price(["1 GB-day", "1 GiB-month"]),
                "net_tx_bytes": try price(["1 GB", "0.25 GiB"]),
                "io_read_ops": try price(["1 operation", "1000000 operation"]),
                "gpu": try price(["1 GPU-hour", "1 GPU-second"]),
            ], currency: try pick(["EUR", "EUR", "JPY", "BHD"]),
            rounding: try pick(Rounding.allCases),
            taxes: try pick([
                [], [try Made.tax("20")], [try Made.tax("5.5"), try Made.tax("9", "eco")],
            ]))
        if Bool.random(using: &random) {
            book.fixed = [
                FixedFee(code: "support", name: "Support", price: try Made.decimal("9.5"))
            ]
            book.discounts = [
                Discount(
                    percent: try Made.decimal("12.5"), meters: try pick([nil, ["cpu", "gpu"]]),
                    tenants: nil, from: nil, until: nil)
            ]
        }
        book.minimum = try pick([nil, nil, try Made.decimal("50000000")])
        return book
    }

    mutating func document(_ number: String) throws -> InvoiceDocument {
        let meters: [(String, Int128)] = [
            ("cpu", 3_600_000_000), ("memory", 3_865_470_566_400), ("storage", 1 << 46),
            ("net_tx_bytes", 1 << 30), ("io_read_ops", 100_000), ("gpu", 3600), ("odd", 7),
        ]
        let names = ["/docker/web", "a,\"b\"", "=1+1", "storage:/srv/\u{E9}", "1"]
            .shuffled(using: &random)
        var usage: [MeterUsage] = []
        for name in names.prefix(Int.random(in: 1...4, using: &random)) {
            for (meter, size) in meters where Int.random(in: 0...2, using: &random) > 0 {
                usage.append(Made.use(name, meter, .random(in: 0...(20 * size), using: &random)))
            }
        }
        let days = Int64.random(in: 1...30, using: &random)
        let month = try Made.month()
        let contract = ContractTime(since: month.end.advanced(bySeconds: -days * 86_400))
        return Made.document(try Made.draft(try book(), usage, contract: contract), number)
    }
}

/// Laws of a FOCUS export: the published rules, the amounts, and what was metered.
@Suite struct FocusLawTests {
    @Test(arguments: FocusVersion.allCases)
    func everyExportKeepsTheRulesAndAddsUp(version: FocusVersion) throws {
        var made = RandomDocuments(seed: version == .v1_2 ? 31 : version == .v1_3 ? 32 : 33)
        for _ in 0..<8 {
            let documents = [try made.document("OCT-000001"), try made.document("OCT-000002")]
            for document in documents {
                let draft = document.draft
                let table = try ReadTable(focus: [document], version)
                #expect(
                    focusFaults(table.rows, columns: table.columns, version: version.rawValue)
                        == [])
                #expect(table.rows.count == draft.lines.count)
                // To the last minor unit.
                let total = Made.major(draft.total, draft.currency)
                #expect(focusSum(table.rows, invoice: document.invoice.number) == total)
                let taxes = table.rows.filter { $0["ChargeCategory"] == "Tax" }
                #expect(
                    focusSum(taxes, invoice: document.invoice.number)
                        == Made.major(draft.tax, draft.currency))
            }
            // Two documents in one export are the rows of each.
            let both = try ReadTable(focus: documents, version).rows
            for document in documents {
                #expect(
                    both.filter { $0["InvoiceId"] == document.invoice.number }
                        == (try ReadTable(focus: [document], version).rows))
            }
        }
    }

    /// What is priced and what is consumed are the line's own quantities, in whatever units.
    @Test func quantitiesAreThoseOfTheLines() throws {
        var made = RandomDocuments(seed: 34)
        let base: [String: Rational] = [
            "cpu": Rational(1_000_000), "memory": Rational(1), "storage": Rational(1),
            "net_tx_bytes": Rational(1), "io_read_ops": Rational(1), "gpu": Rational(1),
        ]
        for _ in 0..<15 {
            let document = try made.document("OCT-000001")
            let rows = try ReadTable(focus: [document]).rows
            for (line, row) in zip(document.draft.lines, rows) {
                guard let container = line.container, let counted = line.counted,
                    let price = line.columns.unitPrice, let unit = base[row["SkuId"] ?? ""]
                else { continue }
                #expect(try number(row, "ConsumedQuantity") * unit == Rational(counted.metered))
                // The price of the quantity is the exact amount, but for the 13th decimal.
                let cost = try number(row, "PricingQuantity") * number(row, "ListUnitPrice")
                let off = cost - line.exactAmount
                let digit = Rational(1) / Rational(1_000_000_000_000)
                let most = digit * (try number(row, "ListUnitPrice"))
                #expect(off <= most && off * Rational(-1) <= most, "\(container) at \(price)")
                #expect(try number(row, "ListCost") == cost)
            }
        }
    }

    /// Whatever is credited in whatever steps, invoice and notes come to nothing.
    @Test func creditNotesTakeBackWhatWasInvoiced() throws {
        var made = RandomDocuments(seed: 35)
        for _ in 0..<8 {
            let document = try made.document("OCT-000001")
            var credited: Set<Int> = []
            var documents = [document]
            var left = Made.creditable(document.draft).sorted().shuffled(using: &made.random)[...]
            while !left.isEmpty {
                let lines = Set(left.prefix(.random(in: 1...12, using: &made.random)))
                left = left.dropFirst(lines.count)
                documents.append(
                    try Made.note(
                        document, lines, after: credited, "OCT-CN-00000\(documents.count)"))
                credited.formUnion(lines)
            }
            let table = try ReadTable(focus: documents, .v1_4)
            let sum = try table.rows.reduce(Rational.zero) { $0 + (try number($1, "BilledCost")) }
            #expect(sum == .zero)
            #expect(focusFaults(table.rows, columns: table.columns, version: "1.4") == [])
        }
    }

    /// Invoice Detail has a row for each row of Cost and Usage, with the same money.
    @Test func detailsAgreeWithCosts() throws {
        var made = RandomDocuments(seed: 36)
        for _ in 0..<10 {
            let document = try made.document("OCT-000001")
            let cost = try ReadTable(focus: [document], .v1_4).rows
            let detail = try ReadTable(focus: [document], .v1_4, .invoiceDetail).rows
            #expect(cost.count == detail.count)
            for (a, b) in zip(cost, detail) {
                for column in [
                    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd",
                    "BillingPeriodStart", "ChargeCategory", "InvoiceDetailId", "InvoiceId",
                    "InvoiceIssuerName",
                ] { #expect(a[column] == b[column] && a[column] != "", "\(column)") }
                #expect(a["ChargeDescription"] == b["InvoiceDetailDescription"])
                #expect(a["PricingQuantity"] == b["x_PricingQuantity"])
                #expect(flatObjectKeysAreSorted(b["InvoiceDetailGrain"] ?? ""))
            }
        }
    }

    /// Whether a JSON object has its keys in order, so that equal grains are equal texts.
    private func flatObjectKeysAreSorted(_ json: String) -> Bool {
        let keys = json.matches(of: /[{,]"([A-Za-z_]+)":/).map { String($0.output.1) }
        return keys == keys.sorted() && keys.count >= 3
    }
}
