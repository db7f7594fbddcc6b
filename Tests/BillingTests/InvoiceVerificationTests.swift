import BigInt
import GRDB
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

@Suite struct InvoiceVerificationTests {
    @Test func totalsThatAreNotTheLinesAreSaidAsMoney() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 7 * hour)], at: now)
        _ = try billing.issue(billing.october)
        try billing.tamper("UPDATE invoice SET net_minor = 1, tax_minor = 2, total_minor = 3")
        let found = try billing.store.verifyInvoices(nil).differences.map(\.found)
        #expect(
            found.contains { $0.hasSuffix("it says net 0.01, tax 0.02, total 0.03") }, "\(found)")
    }

    /// What a forger can do to issued invoices, and what is said of it.
    @Test(arguments: [
        ("UPDATE invoice_line SET amount_minor = amount_minor + 1 WHERE line = 1", "OCT-000001"),
        ("UPDATE invoice_line SET container = 'x' WHERE line = 1", "OCT-000001"),
        ("UPDATE invoice SET total_minor = total_minor - 1, net_minor = net_minor - 1", "OCT-"),
        ("UPDATE invoice SET issued_ms = issued_ms + 1 WHERE number = 'OCT-000002'", "OCT-000002"),
        ("UPDATE invoice SET parties = '{\"seller\":null}' WHERE sequence = 1", "OCT-000001"),
        ("UPDATE invoice_usage SET quantity_low = quantity_low + 1", "OCT-000001"),
        ("UPDATE invoice_note SET text = 'all is well'", "OCT-000001"),
        ("UPDATE invoice_segment SET end_s = end_s - 3600", "OCT-000001"),
        ("UPDATE price_book SET definition = replace(definition, '0.36', '0.35')", "OCT-000001"),
        ("UPDATE usage SET quantity = quantity + 1 WHERE container = 1", "OCT-000001"),
        ("DELETE FROM usage WHERE container = 1 AND hour_s % 7200 = 0", "OCT-000001"),
        ("DELETE FROM invoice_line WHERE invoice = 'OCT-000002' AND line = 1", "OCT-000002"),
        ("DELETE FROM invoice_seal WHERE id = 1", "OCT-000001"),
        ("UPDATE invoice_seal SET id = 100 - id", "OCT-"),
        ("UPDATE invoice_seal SET hash = zeroblob(32) WHERE id = 1", "OCT-000001"),
        ("UPDATE ledger_entry SET hash = zeroblob(32)", "OCT-000001"),
        (
            """
            DELETE FROM invoice_note WHERE invoice = 'OCT-000001';
            DELETE FROM invoice_usage WHERE invoice = 'OCT-000001';
            DELETE FROM invoice_line WHERE invoice = 'OCT-000001';
            DELETE FROM invoice_segment WHERE invoice = 'OCT-000001';
            DELETE FROM invoice_seal WHERE invoice = 'OCT-000001';
            DELETE FROM invoice WHERE number = 'OCT-000001'
            """, "series OCT"
        ),
    ])
    func everyDeedIsNamed(sql: String, named: String) throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 7 * hour), billing.row("lab", "b", .cpu, hour)],
            at: now)
        _ = try billing.issue(billing.october)
        let honest = try billing.store.verifyInvoices(nil)
        #expect(honest.differences.isEmpty && honest.count == 2)
        try billing.tamper(sql)
        let found = try billing.store.verifyInvoices(nil).differences
        #expect(
            found.contains { ($0.invoice ?? $0.found).hasPrefix(named) }, "\(found)")
    }

    /// Of each meter the invoice says how far it can be trusted, each assurance by its name.
    @Test(arguments: [
        (0, "conserved"), (1, "sampled"), (2, "estimated_split"), (3, "imported"),
    ])
    func assurancesAreSaid(row: Int, name: String) throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        try billing.tamper("UPDATE usage SET assurance = \(row)")
        // Rows made up as conserved have no control total, which is a difference of its own.
        let notes = try #require(
            try billing.store.issue(
                over: billing.october, tenant: nil, at: now,
                IssueOptions(
                    series: "OCT", closing: ClosingPolicy(rules: [.audit: .print]))
            ).invoices.first
        ).caveats
        #expect(notes.first { $0.kind == .assurance }?.text == "cpu: \(name) \(hour)")
        #expect(notes.first == .assured(meter: "cpu", [.init(name, hour)]))
    }

    /// Later usage, prices and notes change nothing of what was issued.
    @Test func whatComesLaterIsNoDifference() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        let first = try #require(try billing.issue(billing.october).first)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, hour)], at: now)
        var book = try #require(try billing.store.bookVersions().first)
        book.meters["cpu"]?.amount = try #require(DecimalPrice("9"))
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        _ = try billing.credit(first.number, lines: [1])
        let found = try billing.store.verifyInvoices(nil)
        #expect(found.differences.isEmpty && found.count == 2 && found.unpinned == 0)
        let head = found.head?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(try billing.store.hasSeal(head ?? "") && !billing.store.hasSeal("00"))
    }

    /// The taxes of a credit note follow from its lines and those that were credited before.
    @Test func theTaxesOfCreditNotesAreRecomputed() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            ["a", "b", "c"].map { billing.row("acme", $0, .cpu, hour) }, at: now)
        let first = try #require(try billing.issue(billing.october).first)
        for line in 1...2 { _ = try billing.credit(first.number, lines: [line]) }
        let last = try billing.credit(first.number)
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
        try billing.tamper(
            """
            UPDATE invoice_line SET amount_minor = amount_minor - 5
            WHERE invoice = '\(last.number)' AND kind = 'tax'
            """)
        let found = try billing.store.verifyInvoices([last.number]).differences.map(\.found)
        #expect(found.contains { $0.contains("line 2 is tax") }, "\(found)")
    }

    @Test func explainingALineLeadsToTheLedger() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 744 * hour + 7)], at: now)
        _ = try billing.issue(billing.october)
        var explainer = try billing.store.explainer(of: "OCT-000001")
        let explained = try explainer.explain(line: 1)
        let hours = explained.accounts.flatMap(\.hours)
        #expect(hours.count == 744)
        #expect(
            hours.reduce(Int128(0)) { $0 + Int128($1.quantity) } == explained.item.counted?.metered)
        #expect(hours.allSatisfy { $0.entry == 2 && $0.assurance == "imported" })
        #expect(explained.position?.before == 0)
        #expect(throws: Fault.self) { try explainer.explain(line: 3) }
        #expect(throws: Fault.self) { try billing.store.explainer(of: "OCT-000009") }
    }

    /// One explainer says of every line what an explainer of its own says; names that look alike are two.
    @Test func everyLineIsExplainedByItself() throws {
        let billing = try Billing(unpriced: .show)
        let names = ["caf\u{E9}", "cafe\u{301}", "b"]
        for (place, name) in names.enumerated() {
            _ = try billing.store.importUsage(
                [billing.row("acme", name, .cpu, hour * Int128(place + 1))], at: now)
        }
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage(
            names.map { billing.row("acme", $0, .memory, 744) }
                + [billing.row("acme", "late", .cpu, hour)], at: now)
        _ = try billing.store.importUsage(
            names.prefix(2).map { billing.row("acme", $0, .cpu, hour, billing.november) }, at: now)
        let invoices =
            try billing.store.invoices() + billing.issue(billing.november)
        for invoice in invoices {
            var shared = try billing.store.explainer(of: invoice.number)
            for line in 1...invoice.draft.lines.count {
                let found = try shared.explain(line: line)
                var alone = try billing.store.explainer(of: invoice.number)
                let same = try alone.explain(line: line)
                #expect(found.accounts.map(\.hours) == same.accounts.map(\.hours))
                #expect(found.position?.before == same.position?.before)
                #expect(found.position?.inside == same.position?.inside)
                guard let name = found.item.container else { continue }
                #expect(found.accounts.map { Array($0.path.utf8) } == [Array(name.utf8)])
                #expect(found.accounts.first?.quantity == found.item.counted?.metered)
            }
        }
        #expect(invoices.map(\.draft.lines.count) == [4, 7])
    }

    /// Corrections are recomputed from the ledger like everything else, and lead to it.
    @Test func correctionsAreProvedToo() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage(
            [billing.row("acme", "late", .cpu, hour), billing.row("acme", "b", .cpu, hour)],
            at: now)
        _ = try billing.issue(billing.november)
        var explainer = try billing.store.explainer(of: "OCT-000002")
        let explained = try explainer.explain(line: 2)
        #expect(explained.item.container == "late" && explained.accounts.count == 1)
        let hours = explained.accounts[0].hours
        #expect(hours.reduce(Int128(0)) { $0 + Int128($1.quantity) } == hour)
        #expect(explained.accounts[0].billedBefore == 0 && hours.allSatisfy { $0.entry == 4 })
        try billing.tamper("DELETE FROM usage WHERE entry = 4 AND hour_s % 7200 = 0")
        let found = try billing.store.verifyInvoices(["OCT-000002"]).differences
        #expect(found.contains { $0.found.contains("of which the ledger held") }, "\(found)")
    }
}
