import ArgumentParser
import Invoicing
import Reporting
import Store
import Units

struct InvoiceList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the issued invoices and credit notes.",
        discussion: """
            EXAMPLE
              octroi invoice list --tenant acme --format csv
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    func run() throws {
        let invoices = try which.place.store(.read).invoices(
            tenant: which.tenant, over: which.givenPeriod())
        try show(invoiceSheet(invoices), output.format)
    }
}

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
        let found = try place.store(.read).invoices(number: number)
        guard let invoice = found.first else { throw unknownInvoice(number) }
        try showInvoices([(invoice.number, invoice.draft)], output.format)
        guard output.format == .table else { return }
        for note in invoice.notes { complain("\(note.kind.rawValue): \(note.text)") }
    }
}
