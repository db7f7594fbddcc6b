import App
import BigInt
import Invoicing
import TestSupport
import Testing
import Units

/// Invoices that get numbers, once each, and what their operator is told.
@Suite struct IssuingInvoicesTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 10 * coreHour, over: month(1))
        try firm.use("lab", "job", 5 * coreHour, over: month(1))
        _ = firm.notices.take()
    }

    private func settings(_ text: String) throws {
        try firm.folder.write(text, to: "config/octroi.yaml")
    }

    @Test func aPeriodIsIssuedOnce() throws {
        let issued = try firm.app.issueInvoices(over: month(1))
        #expect(issued.map(\.number) == ["OCT-000001", "OCT-000002"])
        #expect(issued.map(\.draft.tenant) == ["acme", "lab"])
        #expect(issued.map(\.draft.total) == [432, 216])
        #expect(issued.allSatisfy { $0.status == .issued && $0.zone == "UTC" })
        #expect(issued[0].parties.seller?.name == "Forge SAS")
        #expect(issued[0].parties.buyer?.name == "ACME SARL")
        #expect(issued[0].parties.buyer?.address == "1 rue du Port")
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("OCT-000002: no address"), "\(said)")
        // Again changes nothing, and its caveats were said before.
        let again = try firm.app.issueInvoices(over: month(1))
        #expect(firm.notices.take() == [])
        for same in [again, try firm.app.invoices()] {
            #expect(same.map(\.number) == issued.map(\.number))
            #expect(same.map(\.draft.lines) == issued.map(\.draft.lines))
            #expect(same.map(\.issued) == issued.map(\.issued))
        }
    }

    @Test func oneTenantIsIssuedAlone() throws {
        let issued = try firm.app.issueInvoices(over: month(1), tenant: "lab")
        #expect(issued.map(\.number) == ["OCT-000001"] && issued[0].draft.tenant == "lab")
        #expect(
            try firm.app.issueInvoices(over: month(1)).map(\.draft.tenant) == ["acme", "lab"])
        try refusal(.badData, at: "tenant nobody") {
            try firm.app.issueInvoices(over: month(1), tenant: "nobody")
        }
    }

    @Test func theSeriesAndTheTermsAreTheSellers() throws {
        try settings("seller: { name: Forge SAS, series: AB-C, terms: Net 30 }\n")
        let issued = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        #expect(issued.map(\.number) == ["AB-C-000001"])
        #expect(issued[0].parties.terms == "Net 30")
        #expect(try firm.app.creditInvoice("AB-C-000001").number == "AB-C-CN-000001")
    }

    /// Time that is not over is issued only on demand, and only up to the present hour.
    @Test func aPeriodThatIsNotOverIsCutOnDemand() throws {
        let far = try #require(Period(month: "2999-01"))
        let open = try #require(Period(start: month(1).start, end: far.start))
        let fault = try refusal(.wrongUse, at: "period \(open)") {
            try firm.app.issueInvoices(over: open)
        }
        #expect(fault.suggestion.contains("--until now"))
        #expect(try firm.app.invoices().isEmpty)
        let issued = try firm.app.issueInvoices(over: open, tenant: "acme", untilNow: true)
        let period = try #require(issued.first).draft.period
        #expect(period.start == open.start && period.end < open.end)
        #expect(period.end == period.end.startOfHour)
        #expect(issued.map(\.draft.net) == [360])
    }

    @Test func aPeriodToComeIsRefused() throws {
        let ahead = try #require(Period(month: "2999-01"))
        for untilNow in [false, true] {
            let fault = try refusal(.wrongUse, at: "period \(ahead)") {
                try firm.app.issueInvoices(over: ahead, untilNow: untilNow)
            }
            #expect(fault.problem.contains("not begun"))
        }
    }

    /// An issued invoice cannot be changed, so the shipped example must not be on one.
    @Test(arguments: ["name: Your firm", "name: YOUR FIRM.", "name: Forge, vat_id: FR00987654321"])
    func theSellerOfTheExampleIsRefused(seller: String) throws {
        try settings("seller: { \(seller) }\n")
        try refusal(.badData, at: "\(firm.config)/octroi.yaml: seller") {
            try firm.app.issueInvoices(over: month(1))
        }
        #expect(try firm.app.invoices().isEmpty)
        // A draft is no document.
        #expect(try firm.app.draftInvoices(over: month(1)).count == 2)
    }

    /// The second tenant's missing address keeps the first one's invoice out, too.
    @Test func partiesThatAreMissingBlockOnDemand() throws {
        try settings("seller: { name: Forge SAS }\nclosing: { parties: block }\n")
        let fault = try refusal(.badData) { try firm.app.issueInvoices(over: month(1)) }
        #expect(fault.location.contains("tenant lab") && fault.problem.contains("address"))
        #expect(try firm.app.invoices().isEmpty)
        #expect(try firm.app.issueInvoices(over: month(1), tenant: "acme").count == 1)
    }

    @Test(arguments: ["print", "block"])
    func gapsAreDisclosedOrBlock(rule: String) throws {
        try settings("seller: { name: Forge SAS }\nclosing: { gap: \(rule) }\n")
        let ticks = try Ticks(firm, at: hours(12, 1).start)
        _ = try ticks.add("/acme/app", cpu: 5, used: 5, at: hours(12, 1).start)
        let start = try hours(12, 1).start.milliseconds
        try firm.forge(
            "INSERT INTO gap (since_ms, until_ms, reason) "
                + "VALUES (\(start + 1000), \(start + 61_000), 'not_running')")
        guard rule == "print" else {
            let fault = try refusal(.badData) { try firm.app.issueInvoices(over: month(1)) }
            #expect(fault.problem.contains("not_running"))
            #expect(try firm.app.invoices().isEmpty)
            return
        }
        let issued = try firm.app.issueInvoices(over: month(1))
        // Gaps concern what was metered, and the lab has imported usage only.
        #expect(issued[0].caveats.contains { $0.kind == .gap })
        #expect(!issued[1].caveats.contains { $0.kind == .gap })
        let said = firm.notices.take()
        #expect(said.contains { $0.hasPrefix("OCT-000001, gap: ") })
        #expect(said.contains { $0.hasPrefix("OCT-000001, open: the last reading is of") })
        #expect(!said.contains { $0.contains("assurance") })
    }

    @Test func earlierUsageWithoutAnInvoiceIsSaid() throws {
        try firm.use("acme", "web", coreHour, over: month(2))
        _ = try firm.app.issueInvoices(over: month(2), tenant: "acme")
        #expect(
            firm.notices.take() == [
                "tenant acme has usage from 2025-01-01T00:00:00Z on that no invoice covers: issue "
                    + "the time before 2025-02-01T00:00:00Z, too"
            ])
        _ = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        #expect(firm.notices.take() == [])
    }

    @Test func usageWithoutAPriceBlocksEveryInvoice() throws {
        try firm.use("lab", "job", 7, "gpu", over: month(1))
        try refusal(.badData) { try firm.app.issueInvoices(over: month(1)) }
        #expect(try firm.app.invoices().isEmpty)
    }

    /// What comes to light later is on the next invoice, which names the one it corrects.
    @Test func lateUsageIsCorrectedByTheNextInvoice() throws {
        _ = try firm.app.issueInvoices(over: month(1))
        try firm.use("acme", "late", coreHour, over: month(1))
        let next = try firm.app.issueInvoices(over: month(2))
        #expect(next.map(\.draft.tenant) == ["acme"] && next.map(\.draft.net) == [36])
        #expect(next[0].draft.lines.map(\.kind) == [.correction, .tax])
        #expect(next[0].draft.lines[0].reference == "OCT-000001")
    }

    @Test func aCreditedInvoiceIsIssuedAgainOnDemand() throws {
        _ = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        _ = try firm.app.creditInvoice("OCT-000001")
        let same = try firm.app.issueInvoices(over: month(1), tenant: "acme")
        #expect(same.map(\.number) == ["OCT-000001"] && same[0].status == .credited)
        let again = try firm.app.issueInvoices(over: month(1), tenant: "acme", isAgain: true)
        #expect(again.map(\.number) == ["OCT-000002"] && again.map(\.draft.net) == [360])
    }
}
