import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
@testable import Reporting
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

private func page(
    _ document: InvoiceDocument, _ language: PageLanguage = .en
) throws -> InvoicePage {
    InvoicePage(
        document: document,
        text: PageText(language: language, labels: try Made.labels(language)))
}

/// A value of a row, as the template would print it.
private func text(_ row: [String: Any], _ key: String) -> String { row[key] as? String ?? "" }

private func lines(_ group: [String: Any]) throws -> [[String: Any]] {
    try #require(group["lines"] as? [[String: Any]])
}

/// The lines of the invoice page: their groups, names and numbers.
@Suite struct PageGroupsTests {
    /// A book with tiers, a free part, a fee, a discount, a minimum and a tax.
    private func book() throws -> PriceBook {
        var book = try Made.book(
            [
                "cpu": try Made.tiers(
                    "1 vCPU-hour", [("100", "2", nil), ("1500", "1", "5"), (nil, "0.50", nil)],
                    free: "10 vCPU-hour"),
                "net_tx_bytes": try Made.price("0.05", "1 GB"),
            ], taxes: [try Made.tax("20")])
        book.fixed = [
            FixedFee(code: "support", name: "Support <24 h>", price: try Made.decimal("9"))
        ]
        book.discounts = [
            Discount(
                percent: try Made.decimal("12.5"), meters: ["net_tx_bytes"], tenants: nil,
                from: nil, until: nil)
        ]
        book.minimum = try Made.decimal("5000")
        return book
    }

    private func document() throws -> InvoiceDocument {
        Made.document(
            try Made.draft(
                try book(),
                [
                    Made.use("/web", "cpu", 1600 * hour),
                    Made.use("/db", "net_tx_bytes", 1_000_000_000_000), Made.use("/db", "odd", 3),
                ]))
    }

    @Test func containersComeBeforeWhatHasNone() throws {
        let groups = try page(try document()).groups
        #expect(groups.map { text($0, "heading") } == ["/db", "/web", ""])
        #expect(groups.map { $0["is_container"] as? Bool } == [true, true, nil])
        #expect(groups.map { $0["is_general"] as? Bool } == [nil, nil, true])
        #expect(groups.allSatisfy { $0["is_correction"] == nil && $0["group_period"] == nil })
        // Each line keeps its number on the invoice; taxes are in no group.
        #expect(
            try groups.map { try lines($0).map { text($0, "line") } }
                == [["1", "10"], ["2", "3", "4", "5"], ["6", "7", "8", "9"]])
        for group in groups {
            let marks = try lines(group).map { $0["is_first"] as? Bool }
            #expect(marks.first == true && marks.dropFirst().allSatisfy { $0 == nil })
        }
    }

    /// 1600 hours: 10 free, 90 at 2, 1400 at 1 with a flat 5, and 100 at 0.50.
    ///
    /// At 2 EUR, a thousandth of an hour is worth more than a tenth of a cent: four decimals.
    @Test func everyLineSaysWhatItBills() throws {
        let groups = try page(try document()).groups
        let web = try lines(groups[1])
        #expect(web.map { text($0, "meter") } == Array(repeating: "CPU time", count: 4))
        #expect(
            web.map { text($0, "tier") }
                == ["free allowance", "up to 100", "100 to 1,500", "above 1,500"])
        #expect(
            web.map { text($0, "quantity") } == [
                "10.000\u{A0}vCPU-hour", "90.0000\u{A0}vCPU-hour", "1,400.000\u{A0}vCPU-hour",
                "100.000\u{A0}vCPU-hour",
            ])
        #expect(web.map { text($0, "unit_price") } == ["0", "2", "1", "0.50"])
        #expect(web.allSatisfy { text($0, "per") == "vCPU-hour" && $0["metered"] == nil })
        #expect(web.map { text($0, "amount") } == ["0.00", "180.00", "1,400.00", "50.00"])
        #expect(text(groups[1], "subtotal") == "1,630.00")
        let db = try lines(groups[0])
        #expect(text(db[0], "amount") == "50.00" && text(db[0], "quantity") == "1,000.000\u{A0}GB")
        #expect(db[1]["is_unpriced"] as? Bool == true && text(db[1], "meter") == "odd")
        #expect(text(db[1], "note").contains("standard") && db[1]["unit_price"] == nil)
    }

    @Test func linesWithoutAContainerHaveTheirOwnNames() throws {
        let general = try lines(try page(try document()).groups[2])
        #expect(
            general.map { text($0, "meter") } == [
                "CPU time", "Support <24 h>", "Discount: Network, sent", "Minimum charge",
            ])
        #expect(general.map { text($0, "tier") } == ["100 to 1,500", "", "", ""])
        #expect(
            general.map { text($0, "quantity") } == ["1\u{A0}tier", "1\u{A0}month", "", ""])
        #expect(general.map { text($0, "unit_price") } == ["5", "9", "12.5%", "5,000"])
        #expect(general.map { text($0, "per") } == ["tier", "month", "", "month"])
        #expect(
            general.map { text($0, "amount") }
                == ["5.00", "9.00", "\u{2212}6.25", "3,312.25"])
        #expect(
            text(general[3], "note")
                == "Makes up the difference to the minimum of 5,000\u{A0}EUR per invoice.")
        let french = try lines(try page(try document(), .fr).groups[2])
        #expect(french.map { text($0, "unit_price") } == ["5", "9", "12,5\u{A0}%", "5\u{202F}000"])
        #expect(text(french[3], "amount") == "3\u{202F}312,25")
    }

    /// Corrections have groups of their own, by the time that they are for, then by container.
    @Test func correctionsAreGroupedByTime() throws {
        let price = UnitPrice(try Made.decimal("1"), per: try Made.unit("1 thing"))
        func correction(_ container: String, _ month: String, _ cents: BigInt) throws -> LineItem {
            LineItem(
                .usage(
                    UsageLine(
                        container: ExactText(container), meter: "thing", CountedQuantity(1),
                        unit: "thing", price: price)),
                period: try Made.month(month), exactAmount: Rational(cents) / Rational(100),
                amount: cents, isCorrection: true, reference: "OCT-000001")
        }
        var document = try document()
        let rounding = LineItem.carriedRounding(
            over: try Made.month("2026-09"), taxes: [], reference: "OCT-000001")
        document.invoice.draft.lines += [
            try correction("/web", "2026-10", 5), try correction("/web", "2026-09", -7),
            try correction("/app", "2026-10", 11), rounding,
        ]
        let groups = try page(document).groups.dropFirst(3)
        #expect(groups.allSatisfy { $0["is_correction"] as? Bool == true })
        // The carried rounding has no container, and comes before those that have one.
        #expect(groups.map { text($0, "heading") } == ["", "/web", "/app", "/web"])
        #expect(
            groups.map { text($0, "subtotal") } == ["0.00", "\u{2212}0.07", "0.11", "0.05"])
        let (september, october) = (
            "2026-09-01\u{A0}00:00 to 2026-10-01\u{A0}00:00",
            "2026-10-01\u{A0}00:00 to 2026-11-01\u{A0}00:00"
        )
        #expect(
            groups.map { text($0, "group_period") } == [september, september, october, october])
        let first = try #require(groups.first)
        #expect(
            try lines(first).map { text($0, "meter") }
                == ["Rounding carried from earlier invoices"])
    }

    /// Names that look alike are two groups, and what steers a terminal or a page is shown.
    @Test func namesAreKeptApartAndMadeHarmless() throws {
        let document = Made.document(
            try Made.draft(
                try Made.book(["cpu": try Made.price("1", "1 vCPU-hour")]),
                ["/caf\u{E9}", "/cafe\u{301}", "/a\u{202E}b"].map { Made.use($0, "cpu", hour) }))
        let headings = try page(document).groups.map { text($0, "heading") }
        #expect(
            headings.map { Array($0.unicodeScalars) }
                == [
                    "/a\u{27E8}U+202E\u{27E9}b", "/cafe\u{301}", "/caf\u{E9}",
                ].map { Array($0.unicodeScalars) })
    }

    /// What was metered is said beside what is priced, where the two differ.
    @Test func aMinimumDurationIsSaid() throws {
        let document = Made.document(
            try Made.draft(
                try Made.book(["cpu": try Made.price("1", "1 vCPU-hour")]),
                [Made.use("/a", "cpu", hour / 2, billable: 2 * hour)]))
        let line = try #require(try lines(try page(document).groups[0]).first)
        #expect(text(line, "quantity") == "2.000\u{A0}vCPU-hour")
        #expect(text(line, "metered") == "0.500\u{A0}vCPU-hour metered")
    }

    /// All subtotals are the net amount, whatever is on the invoice, and so are the parts of taxes.
    @Test func subtotalsAddUpToTheNet() throws {
        var random = SeededRandom(seed: 71)
        func cents(_ text: String) throws -> BigInt {
            try #require(
                BigInt(
                    text.replacing("\u{2212}", with: "-").replacing(",", with: "")
                        .replacing(".", with: "")))
        }
        for _ in 0..<40 {
            var usage: [MeterUsage] = []
            for container in ["/a", "/b", "/c"] {
                usage.append(
                    Made.use(container, "cpu", .random(in: 0...(2000 * hour), using: &random)))
                usage.append(
                    Made.use(
                        container, "net_tx_bytes", .random(in: 0...(1 << 44), using: &random)))
            }
            let draft = try Made.draft(try book(), usage)
            let page = try page(Made.document(draft))
            let sums = try page.groups.map { group in
                let subtotal = try cents(text(group, "subtotal"))
                let parts = try lines(group).map { try cents(text($0, "amount")) }
                #expect(parts.reduce(0, +) == subtotal)
                return subtotal
            }
            let context = page.context
            #expect(sums.reduce(0, +) == draft.net)
            #expect(try cents(text(context, "net")) == draft.net)
            #expect(try cents(text(context, "total")) == draft.total)
            let taxes = try #require(context["taxes"] as? [[String: Any]])
            #expect(
                try taxes.reduce(draft.net) { $0 + (try cents(text($1, "tax_amount"))) }
                    == draft.total)
            #expect(try taxes.map { try cents(text($0, "tax_base")) } == [draft.net])
            let numbers = try page.groups.flatMap { try lines($0).map { text($0, "line") } }
            #expect(Set(numbers).count == draft.lines.count - taxes.count)
        }
    }
}
