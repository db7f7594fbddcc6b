import Invoicing
import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice`: the commands for invoices; without a verb, `list` is run.
struct InvoiceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoice",
        abstract: "Draft, issue, list, show, export, explain, verify and credit invoices.",
        discussion: """
            EXAMPLES
              octroi invoice draft --month 2026-11
              octroi invoice issue --month 2026-10
              octroi invoice export --month 2026-10 > october.csv
              octroi invoice explain OCT-000001 3
              octroi invoice verify
            """,
        subcommands: [
            InvoiceList.self, InvoiceDraft.self, InvoiceIssue.self, InvoiceShow.self,
            InvoiceExport.self, InvoiceExplain.self, InvoiceVerify.self, InvoiceCredit.self,
        ], defaultSubcommand: InvoiceList.self)
}

/// The options that select invoices by tenant and period.
struct InvoiceSelection: ParsableArguments {
    @OptionGroup var place: StoreOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "Only this tenant.")
    var tenant: String?

    var app: App { place.app }
}

/// Prints the lines of invoices or drafts.
///
/// As a table, each invoice is printed separately, with its totals. In csv and json, all lines are
/// one document.
///
/// - Parameter invoices: drafts have no number.
func showInvoices(
    _ invoices: [(number: String?, draft: Draft)], _ format: Format
) throws(Fault) {
    guard format == .table else {
        try show(lineSheet(invoices), format)
        return
    }
    if invoices.isEmpty { try output("Nothing to invoice.\n") }
    for (index, invoice) in invoices.enumerated() {
        if index > 0 { try output("\n") }
        try show(invoiceTable(invoice.number, invoice.draft), .table)
    }
}
