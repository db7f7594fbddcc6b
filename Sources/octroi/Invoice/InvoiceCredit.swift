import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice credit`: issues a credit note (`App.creditInvoice`).
///
/// Without `--line` it credits all lines that are not credited yet. The new note is printed as one
/// row.
struct InvoiceCredit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credit",
        abstract: "Issue a credit note for an invoice, in full or for some lines.",
        discussion: """
            The credit note takes lines back, with their taxes. The invoice itself does not \
            change. After a full credit, octroi invoice issue --again bills the usage again.

            EXAMPLES
              octroi invoice credit OCT-000001 --reason "wrong price book"
              octroi invoice credit OCT-000001 --line 3 --line 4
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(name: .customLong("line"), help: "Credit only the line with this number.")
    var lines: [Int] = []

    @Option(help: "The reason that is printed on the credit note.")
    var reason: String?

    @Argument(help: "The invoice's number.")
    var number: String

    func run() throws {
        let note = try place.app.creditInvoice(
            number, lines: lines.isEmpty ? nil : lines, reason: reason)
        try show(invoiceSheet([note]), output.format)
    }
}
