import Foundation
import Glibc
import Host
import Invoicing
import ReportFiles
import Reporting
import Settings
import Store
import Units

/// The format of an export.
public enum InvoiceExportFormat: Sendable {
    /// A row for each line of each invoice.
    case csv
    /// An object for each line of each invoice (docs/invoice.schema.json).
    case json
    /// The FinOps Open Cost and Usage Specification, as one of its data sets.
    case focus(FocusVersion, FocusDataset)
    /// An HTML page, which holds a single invoice.
    case page(PageLanguage)
}

extension App {
    /// Exports issued invoices and credit notes, in the order of their numbers.
    ///
    /// Only one invoice is in memory at a time. All checks of the query come before the first text.
    ///
    /// - Parameters:
    ///   - query: the invoices to export.
    ///   - write: receives the text piece by piece.
    /// - Throws: `badData` for an unknown number or tenant; `wrongUse` for a number that the rest
    ///   of the query excludes, and for several invoices in a format that holds one.
    public func exportInvoices(
        _ query: InvoiceQuery, as format: InvoiceExportFormat, write: (String) throws -> Void
    ) throws {
        var format = try writer(format)
        let store = try store(.read)
        try store.requireSelected(query)
        guard !format.holdsOneInvoice else {
            return try write(format.text(of: document(store, only(store, query), format)))
        }
        try write(format.heading)
        try store.forEachInvoice(of: query) { invoice in
            try write(format.text(of: document(store, invoice, format)))
        }
        try write(format.ending())
    }

    /// Writes invoices in a format.
    ///
    /// A page uses the operator's `reports/invoice.html.mustache` if there is one in the config
    /// folder, otherwise the page that comes with Octroi.
    ///
    /// - Throws: if the operator's page cannot be read.
    private func writer(_ format: InvoiceExportFormat) throws -> any InvoiceFormat {
        switch format {
        case .csv: return LinesFormat(as: .csv)
        case .json: return LinesFormat(as: .json)
        case .focus(let version, let dataset): return try FocusFormat(version, dataset)
        case .page(let language):
            let own = "\(configFolder)/reports/invoice.html.mustache"
            let template = access(own, F_OK) == 0 ? try readText(own) : ReportFiles.invoicePage
            let labels = try JSONDecoder().decode(
                [String: [String: String]].self, from: Data(ReportFiles.invoiceLabels.utf8))
            return PageFormat(
                template: template, labels: labels[language.rawValue] ?? [:], language)
        }
    }

    /// An invoice with what a format shows beside its lines.
    ///
    /// Hours are read only for formats that show them, because that reads the ledger. The invoice's
    /// own billing zone is used, in case octroi.yaml has another one by now.
    private func document(
        _ store: Store, _ invoice: Invoice, _ format: any InvoiceFormat
    ) throws(Fault) -> InvoiceDocument {
        try store.document(
            of: invoice, in: billingZone(invoice.zone), hasHours: format.showsHours)
    }

    /// The single invoice that a query finds.
    ///
    /// - Throws: `wrongUse` if several fit, `badData` if none fits.
    private func only(_ store: Store, _ query: InvoiceQuery) throws -> Invoice {
        var found: Invoice?
        try store.forEachInvoice(of: query) { invoice in
            guard found == nil else {
                throw Fault(
                    .wrongUse, at: "invoice export --format html", problem: "more than one invoice",
                    suggestion: "Name one by its number: a page is one invoice")
            }
            found = invoice
        }
        guard let found else {
            throw Fault(
                .badData, at: "invoice export --format html", problem: "no invoice",
                suggestion: "octroi invoice list shows them")
        }
        return found
    }
}
