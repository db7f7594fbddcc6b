import App
import ArgumentParser
import Foundation
import Glibc
import ReportFiles
import Reporting
import Units

/// The output formats of `octroi invoice export`.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case csv
    case json
    case focus
    case html
}

extension FocusVersion: ExpressibleByArgument {}
extension FocusDataset: ExpressibleByArgument {}
extension PageLanguage: ExpressibleByArgument {}

/// `octroi invoice export`: writes issued invoices for other programs (`App.exportInvoices`).
///
/// An export is written piece by piece, so its size is not limited by memory.
struct InvoiceExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export invoices as csv, json, FOCUS or a printable page.",
        discussion: """
            csv and json have a row for each line of an invoice. focus is the FinOps Open Cost \
            and Usage Specification, as csv. html is a page to print, for one invoice.

            With --month, or with --from and --to, the documents whose period begins in that time \
            are exported. So each document is in the export of exactly one month.

            EXAMPLES
              octroi invoice export --month 2026-10 > october.csv
              octroi invoice export OCT-000001 --format html --lang fr > OCT-000001.html
              octroi invoice export --month 2026-10 --format focus --focus 1.4 > focus.csv
              octroi invoice export --format focus --focus 1.4 --dataset invoice-detail
            """)

    @OptionGroup var which: InvoiceSelection

    @Option(help: "csv, json, focus or html.")
    var format: ExportFormat = .csv

    @Option(name: .customLong("focus"), help: "The version of FOCUS: 1.2 (default), 1.3 or 1.4.")
    var version: FocusVersion?

    @Option(help: "cost-and-usage (default); FOCUS 1.4 also has invoice-detail and billing-period.")
    var dataset: FocusDataset?

    @Option(help: "The language of an html page: en (default) or fr.")
    var lang: PageLanguage?

    @Argument(help: "Numbers of invoices. Default: all that --month and --tenant select.")
    var numbers: [String] = []

    func run() throws {
        let app = which.app
        let query = InvoiceQuery(
            numbers: numbers, tenant: which.tenant, period: try app.givenPeriod(which.when.words))
        try app.exportInvoices(query, as: exportFormat()) { try output($0) }
    }

    /// The format with the options that belong to it.
    ///
    /// - Throws: `wrongUse` for an option of another format.
    private func exportFormat() throws(Fault) -> InvoiceExportFormat {
        try refuse("--focus", version != nil, unless: .focus)
        try refuse("--dataset", dataset != nil, unless: .focus)
        try refuse("--lang", lang != nil, unless: .html)
        return switch format {
        case .csv: .csv
        case .json: .json
        case .focus: .focus(version ?? .v1_2, dataset ?? .costAndUsage)
        case .html: .page(lang ?? .en)
        }
    }

    /// Refuses an option that only another format has.
    private func refuse(
        _ option: String, _ isGiven: Bool, unless wanted: ExportFormat
    ) throws(Fault) {
        guard isGiven, format != wanted else { return }
        throw Fault(
            .wrongUse, at: option, problem: "--format \(format.rawValue) has no such option",
            suggestion: "Add --format \(wanted.rawValue), or leave \(option) out")
    }
}
