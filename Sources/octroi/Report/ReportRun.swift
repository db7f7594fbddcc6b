import App
import ArgumentParser
import Reporting
import Units

/// The output formats of reports: those of sheets, and an HTML page.
enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case csv
    case json
    case html
}

/// `octroi report run`: runs a report, which can only read (`App.report`, `App.streamReport`).
///
/// csv and json are streamed. A table or page is held in memory, and refused above 20,000 rows.
struct ReportRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a report over a period. It can only read.",
        discussion: """
            csv and json have the raw numbers, and any number of rows. Tables and html pages show \
            percentages, money and quantities in readable units, and at most 20,000 rows.

            EXAMPLES
              octroi report usage-by-tenant
              octroi report top-containers --month 2026-10 --limit 5
              octroi report daily-cost --month 2026-10 --format html > daily.html
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "table (for people, may change), csv, json or html.")
    var format: ReportFormat = .table

    @Option(help: "Only this tenant. Only for reports that accept :tenant.")
    var tenant: String?

    @Option(help: "Maximum number of rows. Only for reports that accept :limit.")
    var limit: Int64?

    @Option(help: "Give up after this time.")
    var timeout = "60s"

    @Argument(help: "The report's name. octroi report list shows all names.")
    var name: String

    func run() throws {
        let app = place.app
        let query = ReportQuery(
            name, over: try app.period(when.words), tenant: tenant, limit: limit,
            timeoutMilliseconds: try milliseconds("--timeout", timeout))
        switch format {
        case .csv: try app.streamReport(query, as: .csv) { try output($0) }
        case .json: try app.streamReport(query, as: .json) { try output($0) }
        case .html: try output(app.report(query).page)
        case .table: try show(app.report(query), .table)
        }
    }
}
