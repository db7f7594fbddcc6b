import App
import Billing
import Reporting
import TestSupport
import Testing
import Units

/// Issued invoices that are computed again, and whose chain is checked.
@Suite struct VerifyingInvoicesTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 10 * coreHour, over: month(1))
        try firm.use("lab", "job", 5 * coreHour, over: month(1))
    }

    private func issue() throws {
        _ = try firm.app.issueInvoices(over: month(1))
        _ = firm.notices.take()
    }

    @Test func soundInvoicesAgree() throws {
        let none = try firm.app.verifyInvoices()
        #expect(none.success == "no invoice has been issued: nothing to verify")
        #expect(firm.notices.take() == ["0 invoices recomputed, 0 differences"])
        try issue()
        let all = try firm.app.verifyInvoices()
        #expect(!all.hasDifferences && all.verification.count == 2 && all.missingHead == nil)
        #expect(all.success == "2 invoices verified: all figures agree")
        #expect(all.sheet.columns == ["invoice", "difference"] && all.sheet.rows.isEmpty)
        let head = try #require(all.verification.head)
        #expect(
            firm.notices.take() == ["2 invoices recomputed, 0 differences; head \(hex(head))"])
        let one = try firm.app.verifyInvoices(["OCT-000002"])
        #expect(one.verification.count == 1)
        #expect(one.success == "1 invoice verified: all figures agree")
        try refusal(.badData, at: "invoice OCT-000009") {
            try firm.app.verifyInvoices(["OCT-000001", "OCT-000009"])
        }
    }

    /// A hash that was kept is found as long as its invoice is there.
    @Test func aHeadThatWasKeptIsFound() throws {
        try issue()
        let head = hex(try #require(try firm.app.verifyInvoices().verification.head))
        for text in [head, head.uppercased()] {
            #expect(try firm.app.verifyInvoices(head: text).missingHead == nil)
        }
        _ = try firm.app.creditInvoice("OCT-000001")
        #expect(try firm.app.verifyInvoices(head: head).missingHead == nil)
        let other = String(repeating: "0a", count: 32)
        let fault = try #require(try firm.app.verifyInvoices(head: other).missingHead)
        #expect(fault.kind == .failed && fault.location == firm.store)
        #expect(fault.problem.contains("no invoice has \(other)"))
    }

    /// A mistyped hash would look as if invoices were missing.
    @Test(arguments: [
        "", "0a", String(repeating: "x", count: 64), String(repeating: "a", count: 65),
    ])
    func aHeadThatIsNoHashIsRefused(head: String) throws {
        try issue()
        for call in [
            { _ = try firm.app.verifyInvoices(head: head) },
            { _ = try firm.app.verifyStore(head: head) },
            { _ = try firm.app.verifyLimitHistory(head: head) },
        ] as [() throws -> Void] { try refusal(.wrongUse, at: "--head") { try call() } }
        #expect(firm.notices.take() == [])
    }

    /// Whatever is changed behind Octroi's back is found, and only there.
    @Test(arguments: [
        "UPDATE invoice SET net_minor = net_minor + 1, total_minor = total_minor + 1 "
            + "WHERE number = 'OCT-000001'",
        "UPDATE invoice_line SET amount_minor = amount_minor - 1 WHERE invoice = 'OCT-000001'",
    ])
    func aFigureThatWasChangedIsFound(sql: String) throws {
        try issue()
        let triggers = try firm.sql(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'invoice%'")
        for name in triggers { try firm.forge("DROP TRIGGER \(name)") }
        try firm.forge(sql)
        let found = try firm.app.verifyInvoices()
        #expect(found.hasDifferences && !found.sheet.rows.isEmpty)
        #expect(found.sheet.rows.contains { $0[0] == .text("OCT-000001") })
        #expect(!found.sheet.rows.contains { $0[0] == .text("OCT-000002") }, "\(found.sheet.rows)")
    }

    /// Invoices of an Octroi that did not pin its usage are checked as far as that goes.
    @Test func oldInvoicesAreSaidToBeCheckedInPart() throws {
        let path = "\(firm.folder.path)/old.db"
        try unpack("store-0.1.0/store.gz", to: path)
        let app = firm.other(store: path)
        _ = try app.addRules(to: "acme", [], keeping: [])
        let found = try app.verifyInvoices()
        #expect(found.verification.count == 18 && !found.hasDifferences)
        let said = firm.notices.take()
        let hasUnpinned = found.verification.unpinned > 0
        #expect(said.contains { $0.contains("of an older Octroi") } == hasUnpinned)
    }
}
