import Invoicing
import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice list`: one row for each issued invoice and credit note (`App.invoices`).
struct InvoiceList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the issued invoices and credit notes.",
        discussion: """
            With --month, or with --from and --to, only documents whose period begins in that \
            time are listed. An invoice over two months is listed in the first.

            EXAMPLES
              octroi invoice list --tenant acme --format csv
              octroi invoice list --month 2026-10
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    func run() throws {
        let app = which.app
        let invoices = try app.invoices(
            tenant: which.tenant, over: app.givenPeriod(which.when.words))
        try show(invoiceSheet(invoices), output.format)
    }
}

/// `octroi invoice show`: the lines of one issued document (`App.invoice`).
///
/// With a table, the remarks of the document follow on standard error, and for a credit note the
/// invoice that it credits. In csv and json, only the lines are printed.
struct InvoiceShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one issued invoice with its lines.",
        discussion: """
            EXAMPLE
              octroi invoice show OCT-000001
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The invoice's number.")
    var number: String

    func run() throws {
        let invoice = try place.app.invoice(number)
        try showInvoices([(invoice.number, invoice.draft)], output.format)
        guard output.format == .table else { return }
        if let original = invoice.credits {
            let reason = invoice.reason.map { ", \(quoted($0))" } ?? ""
            printError("octroi: it credits \(original)\(reason)")
        }
        for caveat in invoice.caveats {
            printError("\(caveat.kind.rawValue): \(caveat.text)")
        }
    }
}
