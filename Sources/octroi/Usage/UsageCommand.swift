import ArgumentParser
import Daemon
import Metering
import Reporting
import Settings
import Store
import Units

struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show usage, or import usage of other sources.",
        discussion: """
            Without a verb it shows usage. octroi usage show --help lists the options.

            EXAMPLES
              octroi usage --by container --tenant acme --month 2026-10
              octroi usage import gpu.csv
            """,
        subcommands: [UsageShow.self, UsageImport.self], defaultSubcommand: UsageShow.self)
}

struct UsageShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show usage by tenant, container, hour, day or meter.",
        discussion: """
            In csv and json, quantities are whole numbers in base units: us, byte-second, byte, \
            operation. Usage without a tenant is shown as "unattributed". Days and months are \
            those of time_zone in octroi.yaml. boosted_seconds says how long a boost was in \
            force.

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

    @Option(help: "One row for each tenant, container, hour, day or meter.")
    var by: UsageGrouping = .tenant

    func run() throws {
        let store = try place.store(.read)
        try store.requireTenant(tenant, orNobody: true)
        let zone = try place.settings().zone
        let period = try when.period(in: zone)
        let usage = try store.usage(over: period, by: by, tenant: tenant, in: zone)
        let boosts = try store.boostedSpans(over: period, at: Host.wallTime())
        var sheet = usageSheet(
            usage, customUnits: try store.customUnits(), boosted: boosts.milliseconds)
        // An empty answer says of what time.
        if sheet.rows.isEmpty { sheet.title = "\(period.start) to \(period.end)" }
        try show(sheet, output.format)
    }
}

extension UsageGrouping: ExpressibleByArgument {}
