import App
import ArgumentParser
import ReportFiles
import Reporting
import Units

/// `octroi report`: the commands for reports; without a verb, the words are those of `run`.
///
/// The help lists the reports that are part of Octroi. `octroi report list` has the user's own as
/// well.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Run a report, one of Octroi's or one of your own.",
        discussion: """
            A report is a file with one SELECT. To add your own, put it into the config folder as \
            reports/NAME.sql, and run it with octroi report NAME. The query may use the \
            parameters :from, :to, :tenant and :limit. The functions day_start(s), day_end(s) and \
            day_date(s) take a time s in seconds since 1970, and give the start, the end and the \
            date of its day in the billing zone.

            REPORTS
            \(ReportFiles.all.map { "  \($0.name)" }.joined(separator: "\n"))
              \(App.comparisonName)

            EXAMPLES
              octroi report list
              octroi report usage-by-tenant --month 2026-10
              octroi report top-containers --month 2026-10 --limit 5 --format csv
            """,
        subcommands: [ReportRun.self, ReportList.self], defaultSubcommand: ReportRun.self)
}

/// `octroi report list`: every report with its title and its parameters (`App.reports`).
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
        try show(place.app.reports(), output.format)
    }
}
