import App
import BigInt
import Invoicing
import Pricing
import Store
import TestSupport
import Testing
import Units

/// Invoices as they would be issued now, and what should be known before they are.
@Suite struct DraftingInvoicesTests {
    private let firm: Firm

    /// In January, acme uses ten hours of a core; the lab uses five and sends 12 GB.
    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 10 * coreHour, over: month(1))
        try firm.use("lab", "job", 5 * coreHour, over: month(1))
        try firm.use("lab", "job", 12_000_000_000, "net_tx_bytes", over: month(1))
        _ = firm.notices.take()
    }

    @Test func draftsAreWhatWouldBeIssued() throws {
        let drafts = try firm.app.draftInvoices(over: month(1))
        #expect(drafts.map(\.tenant) == ["acme", "lab"])
        #expect(drafts.map(\.net) == [360, 620] && drafts.map(\.tax) == [72, 124])
        #expect(drafts.map(\.total) == [432, 744])
        // 2 GB are free, 8 GB cost 0.50 each, and the rest 0.20 each.
        #expect(drafts[1].lines.map(\.amount) == [180, 0, 400, 40, 124])
        #expect(drafts[1].lines.map(\.columns.tier) == [nil, "free", "1", "2", nil])
        #expect(try firm.app.invoices().isEmpty, "nothing is written")
        let issued = try firm.app.issueInvoices(over: month(1))
        #expect(issued.map(\.draft.lines) == drafts.map(\.lines))
        #expect(issued.map(\.draft.period) == drafts.map(\.period))
    }

    @Test func oneTenantIsDraftedAlone() throws {
        #expect(try firm.app.draftInvoices(over: month(1), tenant: "lab").map(\.tenant) == ["lab"])
        #expect(try firm.app.draftInvoices(over: month(2)).isEmpty)
        try refusal(.badData, at: "tenant nobody") {
            try firm.app.draftInvoices(over: month(1), tenant: "nobody")
        }
    }

    /// Only tenants that get an invoice are asked for their address.
    @Test func missingPartiesAreSaid() throws {
        _ = try firm.app.draftInvoices(over: month(1))
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("tenant lab, parties: no address"), "\(said)")
        try firm.folder.write("", to: "config/octroi.yaml")
        _ = try firm.app.draftInvoices(over: month(1), tenant: "acme")
        let without = firm.notices.take()
        #expect(without.count == 1 && without[0].hasPrefix("tenant acme, parties: no seller"))
        _ = try firm.app.draftInvoices(over: month(2))
        #expect(firm.notices.take() == [])
    }

    @Test func whatIsInvoicedIsLeftOutAndSaid() throws {
        _ = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        _ = firm.notices.take()
        #expect(try firm.app.draftInvoices(over: month(1)).map(\.tenant) == ["lab"])
        let period = try month(1)
        #expect(
            firm.notices.take().filter { $0.contains("already") } == [
                "tenant acme was invoiced for \(period) already, OCT-000001; what came to light "
                    + "since is on its next invoice"
            ])
    }

    @Test func aCreditedInvoiceIsDraftedAgainOnDemand() throws {
        _ = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        _ = try firm.app.creditInvoice("OCT-000001")
        _ = firm.notices.take()
        #expect(try firm.app.draftInvoices(over: month(1), tenant: "acme").isEmpty)
        let said = firm.notices.take()
        #expect(said.count == 1)
        #expect(said[0].hasSuffix("OCT-000001, credited in full: --again drafts it anew"))
        let again = try firm.app.draftInvoices(over: month(1), tenant: "acme", isAgain: true)
        #expect(again.map(\.net) == [360])
        #expect(firm.notices.take() == [])
    }

    @Test func severalInvoicesOfAPeriodAreSaidInOneLine() throws {
        for (first, count) in [(0, 240), (240, 240), (480, 264)] as [(Int64, Int64)] {
            _ = try firm.app.issueInvoices(over: hours(first, count), tenant: "acme")
        }
        _ = firm.notices.take()
        #expect(try firm.app.draftInvoices(over: month(1), tenant: "acme").isEmpty)
        let said = firm.notices.take()
        #expect(said.count == 1)
        #expect(
            said[0].hasPrefix(
                "tenant acme was invoiced for parts of this period already, 3 invoices from "
                    + "OCT-000001 to OCT-000003"))
    }

    /// A period that cuts an invoice would bill a part of it twice.
    @Test func aPeriodThatCutsAnInvoiceIsRefused() throws {
        _ = try firm.app.issueInvoices(over: hours(0, 240), tenant: "acme")
        let cut = try hours(120, 240)
        for call in [
            { _ = try firm.app.draftInvoices(over: cut) },
            { _ = try firm.app.issueInvoices(over: cut) },
        ] as [() throws -> Void] {
            let fault = try refusal(.wrongUse, at: "period \(cut)") { try call() }
            #expect(fault.problem.contains("OCT-000001"))
            // The part that no invoice covers begins where that one ends.
            #expect(fault.suggestion.contains("--from 2025-01-11T00:00:00Z"))
        }
        #expect(try firm.app.invoices().count == 1)
    }

    /// What new invoices would say of the metering is said beforehand, too.
    @Test func caveatsAreSaid() throws {
        let start = try month(1).start.milliseconds
        try firm.forge(
            "INSERT INTO gap (since_ms, until_ms, reason) "
                + "VALUES (\(start + 1000), \(start + 61_000), 'not_running')")
        _ = try firm.app.draftInvoices(over: month(1), tenant: "acme")
        #expect(
            firm.notices.take()
                == ["gap: 2025-01-01T00:00:01Z to 2025-01-01T00:01:01Z: not_running"])
        _ = try firm.app.draftInvoices(over: month(2), tenant: "acme")
        #expect(firm.notices.take() == [])
    }

    /// A long list of notices is cut, and says where the rest is.
    @Test func manyNoticesAreCut() throws {
        for number in 0..<25 {
            _ = try firm.app.addTenant("t\(number)", priceBook: "standard", rules: [], keeping: [])
            try firm.use("t\(number)", "x", coreHour, over: month(3))
        }
        _ = firm.notices.take()
        #expect(try firm.app.draftInvoices(over: month(3)).count == 25)
        let said = firm.notices.take()
        #expect(said.count == 21)
        #expect(said.prefix(20).allSatisfy { $0.contains("parties: no address") })
        #expect(said.last == "and 5 more: octroi.yaml, tenants.yaml")
    }

    @Test func usageWithoutAPriceStopsTheDraft() throws {
        try firm.use("acme", "web", 7, "gpu", over: month(1))
        let fault = try refusal(.badData) { try firm.app.draftInvoices(over: month(1)) }
        #expect(fault.problem.contains("gpu") && fault.problem.contains("acme"))
        #expect(try firm.app.draftInvoices(over: month(1), tenant: "lab").count == 1)
    }
}
