import Invoicing
import Units

/// Writes invoices as csv or json, one row for each line, under `lineColumns`.
///
/// The json has exactly the members that docs/invoice.schema.json describes, without additional
/// decimals. So an export of issued invoices stays the same, byte for byte.
public struct LinesFormat: InvoiceFormat {
    /// Prints the rows of all documents as one list.
    private var stream: SheetStream

    /// Creates a format.
    ///
    /// - Parameter format: csv or json; a table becomes csv.
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
