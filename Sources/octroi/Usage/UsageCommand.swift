import Store
import App
import ArgumentParser
import Reporting
import Units

/// `octroi usage`: shows or imports usage; without a verb, `show` is run.
struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show usage, or import usage from other sources.",
        discussion: """
            Without a verb it shows usage. octroi usage show --help lists the options.

            EXAMPLES
              octroi usage --by container --tenant acme --month 2026-10
              octroi usage import gpu.csv
            """,
        subcommands: [UsageShow.self, UsageImport.self], defaultSubcommand: UsageShow.self)
}

/// `octroi usage show`: usage by tenant, container, hour, day or meter (`App.usage`).
///
/// Without a period it is the usage of the current billing month.
struct UsageShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show usage by tenant, container, hour, day or meter.",
        discussion: """
            Without a period, it shows the current month. Usage that belongs to no tenant is \
            shown as "unattributed". Days and months are those of time_zone in octroi.yaml. In \
            csv and json, quantities are whole numbers in base units: us (microseconds of one \
            core), byte-second, byte, operation. The column boosted_seconds says how long a boost \
            of limits was in force.

            EXAMPLES
              octroi usage
              octroi usage --tenant acme --by container --month 2026-10
              octroi usage --by hour --from 2026-11-01T00:00:00Z --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "Only this tenant.")
    var tenant: String?

    @Option(help: "Print one row for each tenant, container, hour, day or meter.")
    var by: UsageGrouping = .tenant

    func run() throws {
        let app = place.app
        let usage = try app.usage(over: app.period(when.words), by: by, tenant: tenant)
        try show(usage.sheet, output.format)
    }
}

extension UsageGrouping: ExpressibleByArgument {}
