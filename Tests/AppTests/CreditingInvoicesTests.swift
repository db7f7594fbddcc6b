import App
import BigInt
import Invoicing
import TestSupport
import Testing
import Units

/// Invoices that are taken back, in full or line by line.
@Suite struct CreditingInvoicesTests {
    private let firm: Firm

    /// The lab's invoice has cpu for 1.80, network in three tiers for 4.40, and 20 % tax.
    init() throws {
        firm = try Firm()
        try firm.use("lab", "job", 5 * coreHour, over: month(1))
        try firm.use("lab", "job", 12_000_000_000, "net_tx_bytes", over: month(1))
        let issued = try firm.app.issueInvoices(over: month(1))
        try #require(issued.map(\.draft.total) == [744])
        _ = firm.notices.take()
    }

    @Test func allOfAnInvoiceIsTakenBackOnce() throws {
        let note = try firm.app.creditInvoice("OCT-000001", reason: "a wrong price")
        #expect(note.number == "OCT-CN-000001" && note.status == .creditNote)
        #expect(note.credits == "OCT-000001" && note.reason == "a wrong price")
        #expect(note.draft.net == -620 && note.draft.tax == -124)
        #expect(try firm.app.invoice("OCT-000001").status == .credited)
        try refusal(.wrongUse, at: "invoice OCT-000001") {
            try firm.app.creditInvoice("OCT-000001")
        }
        #expect(try firm.app.invoices().map(\.number) == ["OCT-000001", "OCT-CN-000001"])
    }

    @Test func linesAreTakenBackOneByOne() throws {
        let first = try firm.app.creditInvoice("OCT-000001", lines: [1])
        #expect(first.draft.net == -180 && first.draft.tax == -36)
        #expect(try firm.app.invoice("OCT-000001").status == .partlyCredited)
        try refusal(.wrongUse, at: "invoice OCT-000001, line 1") {
            try firm.app.creditInvoice("OCT-000001", lines: [3, 1])
        }
        // Without lines, it is all that is left.
        let rest = try firm.app.creditInvoice("OCT-000001")
        #expect(rest.number == "OCT-CN-000002")
        #expect(rest.draft.net == -440 && rest.draft.tax == -88)
        #expect(try firm.app.invoice("OCT-000001").status == .credited)
        #expect(try firm.app.verifyInvoices().hasDifferences == false)
    }

    @Test(arguments: [0, 5, 6, -1, Int.max])
    func aLineThatIsNoneOrATaxIsRefused(line: Int) throws {
        try refusal(.wrongUse, at: "invoice OCT-000001, line \(line)") {
            try firm.app.creditInvoice("OCT-000001", lines: [line])
        }
        try refusal(.wrongUse) { try firm.app.creditInvoice("OCT-000001", lines: [1, line]) }
        #expect(try firm.app.invoices().count == 1)
        #expect(try firm.app.invoice("OCT-000001").status == .issued)
    }

    @Test func onlyInvoicesAreTakenBack() throws {
        _ = try firm.app.creditInvoice("OCT-000001", lines: [3])
        try refusal(.wrongUse, at: "credit note OCT-CN-000001") {
            try firm.app.creditInvoice("OCT-CN-000001")
        }
        try refusal(.wrongUse) { try firm.app.creditInvoice("OCT-000001", lines: []) }
        for number in ["OCT-000002", "", "oct-000001", "a\u{1B}[2J"] {
            let fault = try refusal(.badData) { try firm.app.creditInvoice(number) }
            #expect(fault.location == "invoice \(escapingControlCharacters(number))")
        }
    }
}
