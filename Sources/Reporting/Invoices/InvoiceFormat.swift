import Invoicing
import Units

/// A way to write issued invoices: one file of this folder for each.
///
/// Documents are written one after another, so an export of any size needs the memory of one document.
///
/// ```swift
/// var format: any InvoiceFormat = LinesFormat(as: .csv)
/// print(format.heading)
/// for document in documents { print(try format.text(of: document)) }
/// print(format.ending())
/// ```
public protocol InvoiceFormat {
    /// Whether what it writes is one document and no more, as a page is.
    var holdsOneInvoice: Bool { get }
    /// Whether it shows usage by the hour, which is read from the ledger only for that.
    var showsHours: Bool { get }
    /// What stands before the first document.
    var heading: String { get }
    /// A document, and what divides it from the one before.
    mutating func text(of document: InvoiceDocument) throws(Fault) -> String
    /// What stands behind the last document.
    mutating func ending() -> String
}

extension InvoiceFormat {
    public var holdsOneInvoice: Bool { false }
    public var showsHours: Bool { false }
    public var heading: String { "" }
    public mutating func ending() -> String { "" }
}
