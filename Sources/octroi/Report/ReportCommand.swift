import ArgumentParser
import ReportFiles
import Reporting
import Settings
import Store
import Units

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Run a report, one of Octroi's or one of your own.",
        discussion: """
            A report is a file of one SELECT. Put your own in the reports folder of the config \
            folder: NAME.sql there is run by "octroi report NAME".

            EXAMPLES
              octroi report list
              octroi report usage-by-tenant --month 2026-10
            """,
        subcommands: [ReportRun.self, ReportList.self], defaultSubcommand: ReportRun.self)
}

struct ReportRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a report over a period; it can only read.",
        discussion: """
            EXAMPLES
              octroi report usage-by-tenant
              octroi report usage-by-tenant --month 2026-10 --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var when: PeriodOptions

    @Argument(help: "The report's name.")
    var name: String

    func run() throws {
        let known = try ReportDefinition.all(in: place.configFolder)
        guard let report = known.first(where: { $0.name == name }) else {
            throw Fault(
                .wrongUse, at: "report \"\(harmless(name))\"", found: "no report of that name",
                cure: "octroi report list shows them")
        }
        let result = try place.store(.read).report(
            report.sql, over: when.period(in: place.settings().zone), place: report.place)
        let rows: [[Cell]] = result.rows.map { row in
            row.map { value in
                switch value {
                case .none: .none
                case .integer(let number): .integer(Int128(number))
                case .text(let text): .text(text)
                }
            }
        }
        try show(Sheet(columns: result.columns, rows: rows, title: report.title), output.format)
    }
}

struct ReportList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the reports that can be run.",
        discussion: """
            EXAMPLE
              octroi report list
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let reports = try ReportDefinition.all(in: place.configFolder)
        try show(
            Sheet(
                columns: ["report", "title", "about", "from"],
                rows: reports.map {
                    [.text($0.name), .optional($0.title), .optional($0.about), .text($0.place)]
                }), output.format)
    }
}
