import ArgumentParser
import Daemon
import Invoicing
import Reporting
import Settings
import Billing
import Store
import Units

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

/// Which invoices.
struct InvoiceSelection: ParsableArguments {
    @OptionGroup var place: StoreOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "Only this tenant.")
    var tenant: String?

    func period() throws(Fault) -> Period { try when.period(in: place.settings().zone) }

    /// `nil` if none was asked for.
    func givenPeriod() throws(Fault) -> Period? { when.isGiven ? try period() : nil }
}

extension Settings {
    /// How invoices are issued.
    func issueOptions(isAgain: Bool = false) -> IssueOptions {
        var closing = ClosingPolicy()
        for (name, rule) in self.closing {
            guard let kind = Note.Kind(rawValue: name) else { continue }
            closing.rules[kind] = ClosingRule(rawValue: rule)
        }
        return IssueOptions(
            series: seller.series, zone: zone,
            seller: seller.name.map {
                Parties.Party(
                    name: $0, address: seller.address, country: seller.country,
                    vatID: seller.vatID, email: seller.email)
            }, terms: seller.terms, closing: closing, isAgain: isAgain,
            requiresParties: self.closing["parties"] == "block")
    }
}

func unknownInvoice(_ number: String) -> Fault {
    Fault(
        .badData, at: "invoice \(quoted(number))", problem: "no such invoice",
        suggestion: "octroi invoice list shows them")
}

/// Prints the lines; a table also gets the totals of each invoice.
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
