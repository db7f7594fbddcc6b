import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice draft`: shows the next invoices without issuing them (`App.draftInvoices`).
///
/// Nothing is written, so it can be run at any time, also for a month that is not over.
struct InvoiceDraft: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Show what would be invoiced now. Nothing is written.",
        discussion: """
            Shows what octroi invoice issue would bill for the period. Standard error lists \
            invoices that billed a part of the period already, and the known gaps that would be \
            printed on the new invoices. A period that covers only a part of an issued invoice is \
            refused.

            EXAMPLE
              octroi invoice draft --month 2026-11 --tenant acme
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Flag(help: "Also bill usage whose invoice was credited in full.")
    var again = false

    func run() throws {
        let app = which.app
        let drafts = try app.draftInvoices(
            over: app.period(which.when.words), tenant: which.tenant, isAgain: again)
        try showInvoices(drafts.map { (nil, $0) }, output.format)
    }
}

/// The values of `--until`; `now` is the end of the current hour.
enum IssueEnd: String, CaseIterable, ExpressibleByArgument {
    case now
}

/// `octroi invoice issue`: issues the invoices of a period (`App.issueInvoices`).
///
/// The period has to be named: an issued invoice cannot be taken back, so there is no default.
struct InvoiceIssue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue all invoices that are due for a period, or none.",
        discussion: """
            An issued invoice never changes, and issuing again changes nothing. Usage that \
            arrives later is corrected on the tenant's next invoice.

            First, price books, tenants, and the tenants of all hours are compared with the \
            chain of hashes. If they were changed without Octroi, nothing is issued; with \
            closing: { audit: print } in octroi.yaml, the change is printed on the invoices \
            instead. octroi store verify also checks the rows of usage, which takes longer.

            --until is needed only while the month is still running: --until now issues it up to \
            the end of this hour. Issuing the month later bills the rest.

            EXAMPLES
              octroi invoice issue --month 2026-10
              octroi invoice issue --month 2026-10 --tenant acme --format csv
              octroi invoice issue --month 2026-11 --until now
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Option(help: "now: issue a month that is not over, up to the end of this hour.")
    var until: IssueEnd?

    @Flag(help: "Also bill usage whose invoice was credited in full.")
    var again = false

    func run() throws {
        guard which.when.words.isGiven else {
            throw Fault(
                .wrongUse, at: "invoice issue", problem: "no period",
                suggestion: "Name the month to invoice, such as --month 2026-10")
        }
        let app = which.app
        let invoices = try app.issueInvoices(
            over: app.period(which.when.words), tenant: which.tenant, untilNow: until == .now,
            isAgain: again)
        try show(invoiceSheet(invoices), output.format)
    }
}
