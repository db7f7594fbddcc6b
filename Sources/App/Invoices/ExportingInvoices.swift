import Foundation
import Glibc
import Host
import Invoicing
import ReportFiles
import Reporting
import Settings
import Store
import Units

/// What invoices are exported as.
public enum InvoiceExportFormat: Sendable {
    case csv
    case json
    case focus(FocusVersion, FocusDataset)
    case page(PageLanguage)
}

extension App {
    /// Exports issued invoices and credit notes, in the order of their numbers.
    ///
    /// - Parameter write: takes the text piece by piece; nothing is written before the query is known to be sound.
    /// - Throws: `badData` for an unknown number, `wrongUse` for more than one invoice where a format holds one.
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

    private func document(
        _ store: Store, _ invoice: Invoice, _ format: any InvoiceFormat
    ) throws(Fault) -> InvoiceDocument {
        try store.document(
            of: invoice, in: billingZone(invoice.zone), hasHours: format.showsHours)
    }

    /// The one invoice that a query finds.
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
