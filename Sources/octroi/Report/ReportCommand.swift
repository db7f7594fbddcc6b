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
            folder: NAME.sql there is run by "octroi report NAME", and listed. It may use :from, \
            :to, :tenant and :limit, and day_start(s), day_end(s) and day_date(s): the day of the \
            billing zone that holds a time, in seconds since 1970.

            REPORTS
            \(ReportFiles.all.map { "  \($0.name)" }.joined(separator: "\n"))
              \(PriceCompare.reportName)

            EXAMPLES
              octroi report list
              octroi report usage-by-tenant --month 2026-10
              octroi report top-containers --month 2026-10 --limit 5 --format csv
            """,
        subcommands: [ReportRun.self, ReportList.self], defaultSubcommand: ReportRun.self)
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
        var rows = try ReportDefinition.all(in: place.configFolder).map { report -> [Cell] in
            let parameters = report.parameters.flatMap { line in
                line.prefix { $0 != ":" }.split(separator: ",").map { $0.drop { $0 == " " } }
            }
            return [
                .text(report.name), .optional(report.title), .optional(report.about),
                .text(report.place),
                parameters.isEmpty ? .none : .text(parameters.joined(separator: " ")),
            ]
        }
        rows.append([
            .text(PriceCompare.reportName), .text(PriceCompare.reportTitle),
            .text("What the usage would cost under each price book of the store."),
            .text("octroi"), .text("from to tenant"),
        ])
        try show(
            Sheet(columns: ["report", "title", "about", "from", "parameters"], rows: rows),
            output.format)
    }
}
