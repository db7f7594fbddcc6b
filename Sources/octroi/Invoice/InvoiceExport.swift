import ArgumentParser
import Foundation
import Glibc
import Invoicing
import ReportFiles
import Reporting
import Settings
import Store
import Units

/// What `invoice export` writes.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case csv
    case json
    case focus
    case html
}

extension FocusVersion: ExpressibleByArgument {}
extension FocusDataset: ExpressibleByArgument {}
extension PageLanguage: ExpressibleByArgument {}

struct InvoiceExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export invoices as csv, json, FOCUS or a printable page.",
        discussion: """
            csv and json have a row for each line. focus is the FinOps Open Cost and Usage \
            Specification, as csv. html is one self-contained page of one invoice.

            With --month, or --from and --to: the documents whose period begins in that time. So \
            each document is in the export of exactly one month.

            EXAMPLES
              octroi invoice export --month 2026-10 > october.csv
              octroi invoice export OCT-000001 --format html --lang fr > OCT-000001.html
              octroi invoice export --month 2026-10 --format focus --focus 1.4 > focus.csv
              octroi invoice export --format focus --focus 1.4 --dataset invoice-detail
            """)

    @OptionGroup var which: InvoiceSelection

    @Option(help: "csv, json, focus or html.")
    var format: ExportFormat = .csv

    @Option(name: .customLong("focus"), help: "The version of FOCUS: 1.2, 1.3 or 1.4.")
    var version: FocusVersion = .v1_2

    @Option(help: "cost-and-usage; of FOCUS 1.4 also invoice-detail and billing-period.")
    var dataset: FocusDataset = .costAndUsage

    @Option(help: "The language of a page: en or fr.")
    var lang: PageLanguage = .en

    @Argument(help: "Numbers of invoices. Default: all, or those of --month and --tenant.")
    var numbers: [String] = []

    func run() throws {
        guard dataset == .costAndUsage || version == .v1_4 else {
            throw Fault(
                .wrongUse, at: "--dataset \(dataset.rawValue)",
                problem: "FOCUS \(version.rawValue), which does not have it",
                suggestion: "Add --focus 1.4")
        }
        let store = try which.place.store(.read)
        try store.requireTenant(which.tenant)
        for number in numbers { try requireSelected(number, store) }
        switch format {
        case .csv, .json:
            // What is issued stays byte for byte: the members of a line are those of the schema.
            var stream = SheetStream(
                columns: lineColumns, as: format == .csv ? .csv : .json, hasDecimals: false)
            try output(stream.heading)
            try forEach(store) { invoice in
                var text = ""
                for row in lineRows(invoice.number, invoice.draft) { text += stream.text(of: row) }
                try output(text)
            }
            try output(stream.ending)
        case .focus: try exportFocus(store)
        case .html: try exportPage(store)
        }
    }

    private func forEach(_ store: Store, _ body: (Invoice) throws -> Void) throws {
        let period = try which.givenPeriod()
        if numbers.isEmpty {
            return try store.forEachInvoice(tenant: which.tenant, over: period, body)
        }
        for number in numbers {
            try store.forEachInvoice(number: number, tenant: which.tenant, over: period, body)
        }
    }

    /// Refuses an invoice that there is not, or that the other options leave out, before anything is printed.
    private func requireSelected(_ number: String, _ store: Store) throws {
        guard let invoice = try store.invoices(number: number).first else {
            throw unknownInvoice(number)
        }
        let draft = invoice.draft
        if let tenant = which.tenant, tenant != draft.tenant {
            throw Fault(
                .wrongUse, at: "invoice \(number)",
                problem:
                    "it is of tenant \(draft.tenant), not of --tenant \(escapingControlCharacters(tenant))",
                suggestion: "Leave --tenant out")
        }
        if let period = try which.givenPeriod(),
            !(period.start <= draft.period.start && draft.period.start < period.end)
        {
            throw Fault(
                .wrongUse, at: "invoice \(number)",
                problem: "its period begins on \(draft.period.start), not in \(period)",
                suggestion: "Leave --month, --from and --to out")
        }
    }

    private func exportFocus(_ store: Store) throws {
        let columns = dataset.columns(version)
        try output(focusHeading(columns))
        var periods: [[String: String]] = []
        try forEach(store) { invoice in
            let document = try focusDocument(invoice, try store.context(of: invoice))
            switch dataset {
            case .costAndUsage: try output(focusCSV(document.costAndUsage, columns))
            case .invoiceDetail: try output(focusCSV(document.invoiceDetail, columns))
            case .billingPeriod: periods.append(document.billingPeriodRow)
            }
        }
        try output(focusCSV(billingPeriods(periods), columns))
    }

    private func focusDocument(
        _ invoice: Invoice, _ context: InvoiceContext
    ) throws(Fault) -> FocusDocument {
        var period = invoice.draft.period
        if let end = context.creditedEnd {
            let month = try billingZone(invoice.zone).month(of: max(invoice.issued, end))
            period = Period(start: max(month.start, end), end: month.end) ?? month
        }
        return FocusDocument(
            invoice: invoice, segments: context.segments, billingPeriod: period,
            details: context.details)
    }

    private func exportPage(_ store: Store) throws {
        let own = "\(which.place.configFolder)/reports/invoice.html.mustache"
        let template = access(own, F_OK) == 0 ? try readText(own) : ReportFiles.invoicePage
        let labels = try JSONDecoder().decode(
            [String: [String: String]].self, from: Data(ReportFiles.invoiceLabels.utf8))
        var found: Invoice?
        // Nothing is printed before it is sure that it is one.
        try forEach(store) { invoice in
            guard found == nil else {
                throw Fault(
                    .wrongUse, at: "invoice export --format html", problem: "more than one invoice",
                    suggestion: "Name one by its number: a page is one invoice")
            }
            found = invoice
        }
        guard let invoice = found else {
            throw Fault(
                .badData, at: "invoice export --format html", problem: "no invoice",
                suggestion: "octroi invoice list shows them")
        }
        let context = try store.context(of: invoice, hours: true)
        let details = PageDetails(
            zone: try billingZone(invoice.zone), segments: context.segments,
            references: context.references, bookDigests: context.bookDigests,
            hourly: context.hourly.map { ($0.hour, $0.meter, $0.quantity) })
        try output(
            invoicePage(
                invoice, details, template: template, labels: labels[lang.rawValue] ?? [:], lang))
    }
}
