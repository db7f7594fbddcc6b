import App
import BigInt
import Billing
import Invoicing
import Pricing
import Reporting
import TestSupport
import Testing
import Units

/// Price books that are checked, listed and compared.
@Suite struct PriceVerbsTests {
    private let firm: Firm

    init() throws { firm = try Firm() }

    @Test func aFileIsCheckedAndNothingIsWritten() throws {
        let other = Firm.prices.replacing("id: standard", with: "id: gold")
        let answer = try firm.app.checkPrices(firm.file("gold.yaml", other))
        #expect(answer.books.map(\.id) == ["gold"] && answer.books.map(\.meters.count) == [2])
        #expect(answer.sheet.columns == ["book", "effective", "prices", "currency"])
        #expect(
            answer.sheet.rows == [
                [.text("gold"), .text("2020-01-01T00:00:00Z"), .integer(2), .text("EUR")]
            ])
        #expect(firm.notices.take() == [])
        #expect(try firm.sql("SELECT book FROM price_book") == ["standard"])
    }

    /// The first mistake ends the command, and the others are said: one run finds them all.
    @Test(arguments: [1, 2, 21, 22, 40])
    func everyMistakeOfAFileIsSaid(count: Int) throws {
        let meters = (1...count).map { "      cpu: { price: \"x\($0)\", per: 1 vCPU-hour }\n" }
        let text = meters.enumerated().map { index, line in
            """
              - id: b\(index)
                currency: EUR
                effective: 2020-01-01
                meters:
            \(line)
            """
        }.joined()
        let file = try firm.file("bad.yaml", "books:\n\(text)")
        let fault = try refusal(.badData) { try firm.app.checkPrices(file) }
        #expect(fault.location.hasPrefix("\(file):6"), "\(fault)")
        let said = firm.notices.take()
        let shown = min(count - 1, 20)
        #expect(said.prefix(shown).allSatisfy { $0.hasPrefix("\(file):") })
        #expect(said.count == shown + (count > 21 ? 1 : 0), "\(said)")
        if count > 21 { #expect(said.last == "and \(count - 21) more mistakes") }
    }

    @Test(arguments: ["tenants: []\n", "books: []\n"])
    func aFileWithoutABookIsNoPriceFile(text: String) throws {
        let file = try firm.file("none.yaml", text)
        try refusal(.badData, at: file) { try firm.app.checkPrices(file) }
        try refusal(.badData, at: file) {
            try firm.app.comparePrices(over: month(1), tenant: nil, files: [file])
        }
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let none = "\(firm.folder.path)/none.yaml"
        try refusal(.unavailable, at: none) { try firm.app.checkPrices(none) }
        try refusal(.unavailable, at: none) {
            try firm.app.comparePrices(over: month(1), tenant: nil, files: [none])
        }
    }

    /// A book or a discount of the next but one year is probably a slip.
    @Test func aLateStartIsSaid() throws {
        let text = Firm.prices + "    discounts: [ { percent: \"5\", from: 2990-01-01 } ]\n"
        _ = try firm.app.checkPrices(firm.file("late.yaml", text))
        let said = firm.notices.take()
        #expect(said.count == 1)
        #expect(said[0].contains("price book standard has a discount from 2990-01-01T00:00:00Z"))
    }

    @Test func everyTierFeeAndMinimumHasARow() throws {
        let text = """
            books:
              - id: full
                currency: JPY
                effective: 2021-02-03
                minimum: "500"
                fixed: [ { code: support, name: Support, price: "900" } ]
                meters:
                  gpu: { price: "7", per: 1 GPU-hour, unit: GPU-second, minimum_duration: 60s }
                  cpu:
                    per: 1 vCPU-hour
                    basis: max
                    mode: volume
                    free: 5 vCPU-hour
                    tiers: [ { up_to: 100, price: "4", flat: "10" }, { price: "3" } ]
                  net_tx_bytes: { price: "9", per: 1 GB, round_up: 10 MB }

            """
        var request = ApplyRequest()
        request.files = [try firm.file("full.yaml", text)]
        _ = try firm.app.apply(request)
        let sheet = try firm.app.prices()
        #expect(
            sheet.columns == [
                "book", "effective", "meter", "price", "per", "currency", "tier", "up_to", "flat",
                "mode", "basis", "free", "minimum_duration_s", "round_up",
            ])
        let rows = sheet.rows.filter { $0[0] == .text("full") }
        #expect(sheet.rows.count == rows.count + 3, "two tiers and cpu of the standard book")
        #expect(rows.allSatisfy { $0.count == 14 && $0[5] == .text("JPY") })
        #expect(rows.allSatisfy { $0[1] == .text("2021-02-03T00:00:00Z") })
        // Meters by name, then fees, then the minimum.
        #expect(
            rows.map { $0[2] }
                == ["cpu", "cpu", "gpu", "net_tx_bytes", "support", "minimum"].map { .text($0) })
        #expect(
            rows.map { $0[3] } == ["4", "3", "7", "9", "900", "500"].map { .exact($0) })
        #expect(
            rows[0][4...] == [
                .text("1 vCPU-hour"), .text("JPY"), .integer(1), .exact("100"), .exact("10"),
                .text("volume"), .text("max"), .text("5 vCPU-hour"), .none, .none,
            ])
        #expect(
            rows[1][6...] == [
                .integer(2), .none, .none, .text("volume"), .text("max"), .text("5 vCPU-hour"),
                .none, .none,
            ])
        // A price with a single tier has no number and no mode.
        #expect(
            rows[2][6...] == [
                .none, .none, .none, .none, .text("used"), .none, .integer(60), .none,
            ])
        #expect(rows[3][12...] == [.none, .text("10 MB")])
        #expect(rows[4][4] == .text("month") && rows[4][6...].allSatisfy { $0 == .none })
        #expect(rows[5][4] == .text("month") && rows[5][6...].allSatisfy { $0 == .none })
    }

    /// The same usage, by the tenant's own book and by two others.
    @Test func usageIsComparedByOtherBooks() throws {
        try firm.use("acme", "web", 10 * coreHour, over: month(1))
        try firm.use("lab", "job", 3 * coreHour, over: month(2))
        let cheap = try firm.file("cheap.yaml", book("cheap", "0.12345"))
        let dear = try firm.file("dear.yaml", book("dear", "1"))
        let compared = try firm.app.comparePrices(
            over: month(1), tenant: nil, files: [dear, cheap])
        // The lab used nothing in January.
        #expect(compared.rows.map(\.tenant) == ["acme", "acme", "acme"])
        #expect(compared.rows.map(\.book) == ["standard", "cheap", "dear"])
        #expect(compared.rows.map(\.draft.net) == [360, 123, 1000])
        #expect(
            compared.sheet.rows[1] == [
                .text("acme"), .text("cheap"), .flag(false), .exact("1.23"), .text("EUR"),
                .fraction(Rational(12345) / Rational(10_000)), .none,
            ])
        #expect(compared.sheet.rows[0][2] == .flag(true))
        #expect(compared.sheet.notInTable == ["exact_net"])
        #expect(
            try firm.app.comparePrices(over: month(1), tenant: "lab", files: [cheap]).rows.isEmpty)
    }

    /// What a book has no price for costs nothing there, and it is named.
    @Test func usageWithoutAPriceIsNamed() throws {
        try firm.use("acme", "web", coreHour, over: month(1))
        try firm.use("acme", "web", 5_000_000_000, "net_tx_bytes", over: month(1))
        let cheap = try firm.file("cheap.yaml", book("cheap", "1"))
        let rows = try firm.app.comparePrices(over: month(1), tenant: "acme", files: [cheap])
            .sheet.rows
        // 0.36 for the hour, and 3 GB at 0.50 beyond the 2 that are free.
        #expect(rows.map { $0[3] } == [.exact("1.86"), .exact("1.00")])
        #expect(rows.map { $0[6] } == [.none, .text("net_tx_bytes")])
    }

    @Test func whatCannotBeComparedIsRefused() throws {
        try firm.use("acme", "web", coreHour, over: month(1))
        let one = try firm.file("one.yaml", book("cheap", "1"))
        let two = try firm.file("two.yaml", book("cheap", "2"))
        try refusal(.badData, at: "price book cheap") {
            try firm.app.comparePrices(over: month(1), tenant: nil, files: [one, two])
        }
        let late = try firm.file(
            "late.yaml", book("late", "1").replacing("2020-01-01", with: "2025-01-02"))
        try refusal(.badData) {
            try firm.app.comparePrices(over: month(1), tenant: nil, files: [late])
        }
        try refusal(.badData, at: "tenant nobody") {
            try firm.app.comparePrices(over: month(1), tenant: "nobody", files: [one])
        }
    }

    private func book(_ id: String, _ price: String) -> String {
        """
        books:
          - id: \(id)
            currency: EUR
            effective: 2020-01-01
            meters: { cpu: { price: "\(price)", per: 1 vCPU-hour } }

        """
    }
}
