import BigInt
import Billing
import Invoicing
import Reporting
import Store
import TestSupport
import Testing
import Units

@testable import App

/// Lines of invoices, traced back to the ledger and to the kernel's counters.
@Suite struct ExplainingInvoicesTests {
    private let firm: Firm

    init() throws { firm = try Firm() }

    private func explain(_ number: String, _ lines: [Int]? = nil) throws -> [LineExplanation] {
        var found: [LineExplanation] = []
        try firm.app.explainInvoice(number, lines: lines) { found.append($0) }
        return found
    }

    /// One tenant uses two hours of a core; the other one 12 GB of network and some cpu.
    private func issueJanuary() throws {
        try firm.use("acme", "web", 2 * coreHour, over: hours(0, 2))
        try firm.use("lab", "job", 5 * coreHour, over: hours(0, 20))
        try firm.use("lab", "job", 12_000_000_000, "net_tx_bytes", over: hours(0, 1))
        _ = try firm.app.issueInvoices(over: month(1))
    }

    @Test func aLineLeadsToItsRowsOfTheLedger() throws {
        try issueJanuary()
        let found = try explain("OCT-000001", [1])
        let text = try #require(found.first).text
        let entry = try #require(found[0].explanation.accounts.first?.hours.first).entry
        #expect(
            text == [
                "OCT-000001, line 1: usage cpu",
                "  period     2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z",
                "  container  web", "", "imported web (imported)",
                "  ledger     2 rows, 7200000000 us",
                "             2025-01-01T00:00:00Z  cpu  3600000000  imported, entry \(entry)",
                "             2025-01-01T01:00:00Z  cpu  3600000000  imported, entry \(entry)",
                "", "price book  standard from 2020-01-01T00:00:00Z",
                "formula     7200000000 × 0.36 ÷ 1 vCPU-hour (3600000000 us) = 0.72", "",
                "rounding    72 minor units: 72 whole, remainder 0; the invoice is rounded "
                    + "half-even once, and this line received 0 of the rounding",
                "amount      0.72 EUR",
            ])
        #expect(found[0].readings == [[]], "the kernel counted nothing of an import")
        let rows = found[0].rows
        #expect(rows.count == 2 && explanationColumns.count == 10)
        #expect(
            rows[1] == [
                .text("OCT-000001"), .integer(1), .text("web"), .none, .none,
                .text("2025-01-01T01:00:00Z"), .text("cpu"), .integer(coreHour),
                .text("imported"), .integer(Int128(entry)),
            ])
    }

    @Test func everyLineIsExplainedInOrder() throws {
        try issueJanuary()
        let all = try explain("OCT-000002")
        #expect(all.map(\.explanation.line) == [1, 2, 3, 4, 5])
        #expect(
            all.map { $0.text[0] } == [
                "OCT-000002, line 1: usage cpu",
                "OCT-000002, line 2: usage net_tx_bytes, tier free",
                "OCT-000002, line 3: usage net_tx_bytes, tier 1",
                "OCT-000002, line 4: usage net_tx_bytes, tier 2", "OCT-000002, line 5: tax vat",
            ])
        #expect(try explain("OCT-000002", [4, 1]).map(\.explanation.line) == [4, 1])
        #expect(try explain("OCT-000002", []).isEmpty)
    }

    /// Of twenty rows, twelve are listed; the quantity is the sum of all.
    @Test func aLongListOfRowsIsCut() throws {
        try issueJanuary()
        let text = try explain("OCT-000002", [1])[0].text
        #expect(text.contains("  ledger     20 rows, 18000000000 us"))
        #expect(text.filter { $0.contains("  imported, entry ") }.count == 12)
        #expect(text.contains("             … and 8 more: --format csv"))
        #expect(try explain("OCT-000002", [1])[0].rows.count == 20)
    }

    @Test func theTierOfALineIsMarked() throws {
        try issueJanuary()
        let text = try explain("OCT-000002", [3])[0].text
        for line in [
            "quantity    8000000000 byte: the container's part of what lies in tier 1",
            "formula     8000000000 × 0.50 ÷ 1 GB (1000000000 byte) = 4",
            "tiers       graduated; the month held 0 before, 12000000000 in this segment",
            "  free      the first 2 GB", "  > 1       up to 10000000000: 0.50 per 1 GB",
            "    2       beyond: 0.20 per 1 GB", "amount      4.00 EUR",
        ] { #expect(text.contains(line), "\(line) in \(text)") }
        let free = try explain("OCT-000002", [2])[0].text
        #expect(
            free.contains(
                "quantity    2000000000 byte: the container's part of what lies in the free part"))
        #expect(free.contains("amount      0.00 EUR"))
        #expect(!free.contains { $0.hasPrefix("  > ") })
        // A price without tiers has nothing to mark.
        #expect(try !explain("OCT-000002", [1])[0].text.contains { $0.hasPrefix("tiers") })
    }

    /// A later period of the month goes on in the tiers where the earlier one stopped.
    @Test func theMonthBeforeThePeriodCounts() throws {
        try firm.use("acme", "web", 5_000_000_000, "net_tx_bytes", over: hours(0, 1))
        try firm.use("acme", "web", 6_000_000_000, "net_tx_bytes", over: hours(300, 1))
        _ = try firm.app.issueInvoices(over: hours(0, 240))
        _ = try firm.app.issueInvoices(over: hours(240, 504))
        let text = try explain("OCT-000002", [1])[0].text
        #expect(text[0] == "OCT-000002, line 1: usage net_tx_bytes, tier 1")
        #expect(
            text.contains(
                "tiers       graduated; the month held 5000000000 before, 6000000000 in this "
                    + "segment"))
    }

    @Test func aTaxIsExplainedByItsRate() throws {
        try issueJanuary()
        let tax = try explain("OCT-000001", [2])[0]
        #expect(tax.explanation.accounts.isEmpty && tax.rows.isEmpty)
        #expect(
            tax.text.suffix(5) == [
                "price book  standard from 2020-01-01T00:00:00Z", "formula     20 % = 0.144", "",
                "rounding    14.4 minor units: rounded half-even by itself",
                "amount      0.14 EUR",
            ])
    }

    @Test func aCreditNoteLeadsToWhatItTakesBack() throws {
        try issueJanuary()
        _ = try firm.app.creditInvoice("OCT-000002", lines: [3])
        let found = try explain("OCT-CN-000001")
        #expect(found.count == 2)
        #expect(found[0].text.contains("  takes back OCT-000002, line 3"))
        #expect(
            found[0].text.contains(
                "rounding    -400 minor units: taken back as line 3 of OCT-000002 was rounded"))
        #expect(found[0].text.last == "amount      -4.00 EUR")
        #expect(found[1].text.contains("  takes back OCT-000002"))
        #expect(found[1].text.contains { $0.contains("the tax on all that was taken back of") })
        #expect(found[1].text.last == "amount      -0.80 EUR")
    }

    /// A correction names the invoice, and how much of the usage was known then.
    @Test func aCorrectionLeadsToWhatCameLate() throws {
        try issueJanuary()
        try firm.use("acme", "late", coreHour, over: hours(5, 1))
        _ = try firm.app.issueInvoices(over: month(2), tenant: "acme")
        let text = try explain("OCT-000003", [1])[0].text
        #expect(text[0] == "OCT-000003, line 1: correction cpu")
        #expect(text.contains("  corrects   OCT-000001"))
        #expect(text.contains("  ledger     1 rows, 3600000000 us"))
        #expect(
            text.contains("             0 of them were there when OCT-000001 was issued"))
        #expect(text.last == "amount      0.36 EUR")
    }

    /// What was metered leads to the first and the last reading of the kernel's counter.
    @Test func aMeteredLineLeadsToTheKernel() throws {
        let start = try hours(12, 1).start
        let ticks = try Ticks(firm, at: start)
        let row = try ticks.add("/acme/app", cpu: 1_000_000, used: 0, at: start)
        let middle = start.advanced(bySeconds: 600)
        _ = try ticks.add(
            "/acme/app", row: row, cpu: 1_801_000_000, used: 1_800_000_000, at: middle)
        let end = start.advanced(bySeconds: 1200)
        _ = try ticks.add(
            "/acme/app", row: row, cpu: 3_601_000_000, used: 1_800_000_000, at: end)
        _ = try firm.app.issueInvoices(over: month(1))
        let found = try explain("OCT-000001", [1])[0]
        #expect(
            found.readings == [
                [
                    CounterReadings(
                        name: "cpu_usage_us", first: .init(at: start, value: 1_000_000),
                        last: .init(at: end, value: 3_601_000_000))
                ]
            ])
        #expect(found.text.contains("container /acme/app (cgroup 7 of boot a-boot)"))
        #expect(
            found.text.contains(
                "  kernel     cpu_usage_us: 1000000 at 2025-01-01T12:00:00Z, 3601000000 at "
                    + "2025-01-01T12:20:00Z"))
        #expect(found.text.last == "amount      0.36 EUR")
        #expect(found.rows.map { $0[3] } == [.text("a-boot")])
        #expect(found.rows.map { $0[4] } == [.integer(7)])
    }

    /// Once the samples are pruned, the ledger is what is left.
    @Test func prunedSamplesAreSaid() throws {
        let start = try hours(12, 1).start
        let ticks = try Ticks(firm, at: start)
        let row = try ticks.add("/acme/app", cpu: 1, used: 0, at: start)
        _ = try ticks.add(
            "/acme/app", row: row, cpu: 1001, used: 1000, at: start.advanced(bySeconds: 10))
        // A tick of a later hour seals the samples of this one.
        let later = start.advanced(bySeconds: 7200)
        _ = try ticks.add("/acme/app", row: row, cpu: 1001, used: 0, at: later)
        _ = try firm.app.issueInvoices(over: month(1))
        #expect(try explain("OCT-000001", [1])[0].readings[0].count == 1)
        try firm.forge("DELETE FROM sample; DELETE FROM sample_block")
        let text = try explain("OCT-000001", [1])[0].text
        #expect(
            text.contains(
                "  kernel     its samples are pruned: the ledger's rows are what is left"))
        #expect(text.contains("  ledger     1 rows, 1000 us"))
    }

    @Test func whatIsNotThereIsNotExplained() throws {
        try issueJanuary()
        for line in [0, 3, -1] {
            try refusal(.wrongUse, at: "invoice OCT-000001, line \(line)") {
                try explain("OCT-000001", [line])
            }
        }
        try refusal(.badData, at: "invoice OCT-000007") { try explain("OCT-000007") }
        // What was explained before a line that is not there was passed on.
        var count = 0
        try refusal(.wrongUse) {
            try firm.app.explainInvoice("OCT-000001", lines: [1, 2, 3]) { _ in count += 1 }
        }
        #expect(count == 2)
        #expect(throws: CancellationError.self) {
            try firm.app.explainInvoice("OCT-000001") { _ in throw CancellationError() }
        }
    }
}
