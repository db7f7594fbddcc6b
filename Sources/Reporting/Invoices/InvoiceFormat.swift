import Invoicing
import Units

/// An output format for issued invoices: csv, json, FOCUS, or an HTML page.
///
/// A new format is a conforming type in this folder, with a case of `InvoiceExportFormat`.
/// Documents are written one after another, so an export of any size needs the memory of one
/// document.
///
/// ```swift
/// var format: any InvoiceFormat = LinesFormat(as: .csv)
/// try write(format.heading)
/// for document in documents { try write(format.text(of: document)) }
/// try write(format.ending())
/// ```
public protocol InvoiceFormat {
    /// Whether the output is a single document, as an HTML page is; the default is false.
    var holdsOneInvoice: Bool { get }
    /// Whether the output shows usage hour by hour; the default is false.
    ///
    /// Hourly usage is read from the ledger only for such a format.
    var showsHours: Bool { get }
    /// The text before the first document; the default is empty.
    var heading: String { get }
    /// The text of a document, with the separator between it and the document before.
    ///
    /// - Throws: if the document cannot be written, for example because of a wrong template.
    mutating func text(of document: InvoiceDocument) throws(Fault) -> String
    /// The text after the last document; the default is empty.
    mutating func ending() -> String
}

extension InvoiceFormat {
    public var holdsOneInvoice: Bool { false }
    public var showsHours: Bool { false }
    public var heading: String { "" }
    public mutating func ending() -> String { "" }
}
