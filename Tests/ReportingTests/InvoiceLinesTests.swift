import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import Reporting
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

/// Invoices as lines: the csv and json contract, the list of invoices and the table for people.
@Suite struct InvoiceLinesTests {
    private func draft() throws -> Draft {
        var book = try Made.book(
            ["cpu": try Made.tiers("1 vCPU-hour", [("1", "0.1", nil), (nil, "0.3", nil)])],
            taxes: [try Made.tax("20")])
        book.fixed = [FixedFee(code: "support", name: "S", price: try Made.decimal("1"))]
        return try Made.draft(
            book, [Made.use("=web", "cpu", hour + 1), Made.use("/b,\"", "odd", 3)])
    }

    @Test func csvHasTheContractsColumns() throws {
        let table = try ReadTable(LinesFormat(as: .csv), [Made.document(try draft())])
        #expect(table.columns == lineColumns)
        let expected = [
            [
                "usage", "cpu", "1", "'=web", "3600000000", "us", "0.1", "1 vCPU-hour", "0.1",
                "0.10", "3600000000",
            ],
            [
                "usage", "cpu", "2", "'=web", "1", "us", "0.3", "1 vCPU-hour", "1/12000000000",
                "0.00", "1",
            ],
            ["fixed", "support", "", "", "1", "month", "1", "1 month", "1", "1.00", "1"],
            ["unpriced", "odd", "", "/b,\"", "3", "", "", "", "0", "0.00", "3"],
            ["tax", "vat", "", "", "", "", "20", "100 EUR", "0.22", "0.22", ""],
        ]
        let columns = [
            "kind", "meter", "tier", "container", "quantity", "unit", "unit_price", "per",
            "exact_amount", "amount", "priced_quantity",
        ]
        #expect(table.rows.map { row in columns.map { row[$0] ?? "" } } == expected)
        for (index, row) in table.rows.enumerated() {
            #expect(row["line"] == "\(index + 1)" && row["invoice"] == "OCT-000001")
            #expect(row["tenant"] == "acme" && row["currency"] == "EUR" && row["reference"] == "")
            #expect(row["period_start"] == "2026-11-01T00:00:00Z")
            #expect(row["period_end"] == "2026-12-01T00:00:00Z")
        }
    }

    /// json has the same values, no other members, and is one list whatever the number of invoices.
    @Test(arguments: 0...3) func jsonIsOneList(count: Int) throws {
        let draft = try draft()
        var format = LinesFormat(as: .json)
        var json = format.heading
        for number in 0..<count {
            json += try format.text(of: Made.document(draft, "OCT-\(number)"))
        }
        json += format.ending()
        let read = try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        #expect(read.count == count * draft.lines.count)
        #expect(read.allSatisfy { $0.keys.sorted() == lineColumns.sorted() })
        #expect(
            read.map { $0["invoice"] as? String }
                == (0..<count).flatMap { number in draft.lines.map { _ in "OCT-\(number)" } })
        guard let second = read.dropFirst().first else { return }
        #expect(second["exact_amount"] as? String == "1/12000000000")
        #expect(second["container"] as? String == "=web" && second["quantity"] as? Int == 1)
    }

    /// A draft has no number yet, and a table is no format of an export.
    @Test func aDraftSaysThatItIsOne() throws {
        let sheet = lineSheet([(nil, try draft()), ("OCT-000001", try draft())])
        #expect(sheet.rows.count == 10 && sheet.columns == lineColumns)
        #expect(sheet.rows.map { $0[0] }.prefix(5).allSatisfy { $0 == .text("draft") })
        #expect(sheet.rows.map { $0[0] }.suffix(5).allSatisfy { $0 == .text("OCT-000001") })
        #expect(sheet.rows[5][1] == .integer(1))
        let format = LinesFormat(as: .table)
        #expect(format.heading == lineColumns.joined(separator: ",") + "\n")
    }

    @Test func theListHasTheTotals() throws {
        let document = Made.document(try draft())
        let note = try Made.note(document, [1]).invoice
        let csv = invoiceSheet([document.invoice, note]).rendered(as: .csv)
        #expect(
            csv == """
                invoice,tenant,period_start,period_end,net,tax,total,currency,status,issued_at
                OCT-000001,acme,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,1.10,0.22,1.32,EUR,\
                issued,2026-12-01T00:00:00Z
                OCT-CN-000001,acme,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,-0.10,-0.02,-0.12,EUR,\
                credit_note,2026-12-02T00:00:00Z

                """)
    }

    @Test func theTableOfAnInvoiceIsForPeople() throws {
        let sheet = invoiceTable("OCT-000001", try draft())
        #expect(
            sheet.title
                == "OCT-000001  tenant acme  2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z")
        #expect(invoiceTable(nil, try draft()).title?.hasPrefix("Draft  tenant acme") == true)
        #expect(
            sheet.columns == [
                "line", "kind", "container", "meter", "quantity", "price", "amount EUR",
            ])
        let words = sheet.rows.map { row in row.dropFirst().map(shown) }
        #expect(
            words == [
                ["usage", "=web", "cpu (1)", "1.000 vCPU-hour", "0.1 / 1 vCPU-hour", "0.10"],
                [
                    "usage", "=web", "cpu (2)", "0.0000000003 vCPU-hour", "0.3 / 1 vCPU-hour",
                    "0.00",
                ],
                ["fixed", "", "support", "1 month", "1 / 1 month", "1.00"],
                ["unpriced", "/b,\"", "odd", "3", "", "0.00"],
                ["tax", "", "vat", "", "20 %", "0.22"],
                ["net", "", "", "", "", "1.10"], ["tax", "", "", "", "", "0.22"],
                ["total", "", "", "", "", "1.32"],
            ])
    }

    /// What a table would show of a cell.
    private func shown(_ cell: Cell) -> String {
        switch cell {
        case .none: ""
        case .text(let text): text
        case .integer(let number, let display): display ?? "\(number)"
        case .exact(let text, let display): display ?? text
        case .rational(let number, _), .fraction(let number): number.description
        case .flag(let flag): "\(flag)"
        }
    }

    /// A correction names its invoice, and a quantity that was raised says what was metered.
    @Test func aTableNamesWhatIsSpecial() throws {
        let book = try Made.book(["cpu": try Made.price("0.1", "1 vCPU-hour")])
        var draft = try Made.draft(
            book, [Made.use("/a", "cpu", hour / 2, billable: 2 * hour)])
        (draft.lines[0].isCorrection, draft.lines[0].reference) = (true, "OCT-000009")
        let row = invoiceTable(nil, draft).rows[0].map(shown)
        #expect(row[1] == "correction of OCT-000009")
        #expect(row[4] == "2.000 vCPU-hour (0.500 vCPU-hour metered)")
    }

    /// Lines in csv add up to the totals in the list, whatever is billed in whatever currency.
    @Test(arguments: ["EUR", "JPY", "BHD", "CLF"])
    func linesAddUpToTheList(currency: String) throws {
        var random = SeededRandom(seed: 91)
        for _ in 0..<20 {
            let book = try Made.book(
                ["cpu": try Made.price("0.04048", "1 vCPU-hour")], currency: currency,
                rounding: try #require(Rounding.allCases.randomElement(using: &random)),
                taxes: [try Made.tax("19.6"), try Made.tax("0.5", "eco")])
            let usage = (0..<7).map {
                Made.use("/\($0)", "cpu", .random(in: 1...(99 * hour), using: &random))
            }
            let document = Made.document(try Made.draft(book, usage))
            let lines = try ReadTable(LinesFormat(as: .csv), [document]).rows
            let list = try ReadTable(invoiceSheet([document.invoice]).rendered(as: .csv)).rows[0]
            func sum(_ kind: (String) -> Bool) throws -> Rational {
                try lines.filter { kind($0["kind"] ?? "") }
                    .reduce(.zero) { $0 + (try number($1, "amount")) }
            }
            #expect(try sum { $0 != "tax" } == number(list, "net"))
            #expect(try sum { $0 == "tax" } == number(list, "tax"))
            #expect(try sum { _ in true } == number(list, "total"))
            // A line is within one minor unit of its exact amount.
            let unit = Made.major(1, document.draft.currency)
            for line in document.draft.lines where !line.isTax {
                let off = Made.major(line.amount, document.draft.currency) - line.exactAmount
                #expect(off < unit && off > Rational(-1) * unit)
            }
        }
    }
}
