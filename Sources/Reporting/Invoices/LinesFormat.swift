import Invoicing
import Units

/// Invoices as csv or json: a row for each line, under the columns of the contract.
///
/// What is issued stays byte for byte: the members of a line are those of docs/invoice.schema.json.
public struct LinesFormat: InvoiceFormat {
    private var stream: SheetStream

    /// - Parameter format: csv or json.
    public init(as format: Format) {
        stream = SheetStream(columns: lineColumns, as: format, hasDecimals: false)
    }

    public var heading: String { stream.heading }

    public mutating func text(of document: InvoiceDocument) throws(Fault) -> String {
        var text = ""
        for row in lineRows(document.invoice.number, document.draft) {
            text += stream.text(of: row)
        }
        return text
    }

    public mutating func ending() -> String { stream.ending }
}
