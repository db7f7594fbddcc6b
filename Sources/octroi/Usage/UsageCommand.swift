import ArgumentParser
import Metering
import Reporting
import Settings
import Store

struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what was used, or bring in usage of other sources.",
        discussion: """
            Without a verb it shows usage; "octroi usage show --help" lists its options.

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
            Quantities in csv and json are whole numbers in base units: us, byte-second, byte, \
            operation. Usage of no tenant is shown as "unattributed".

            EXAMPLES
              octroi usage
              octroi usage --tenant acme --by container --month 2026-10
              octroi usage --by hour --from 2026-11-01T00:00:00Z --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "Only this tenant's.")
    var tenant: String?

    @Option(help: "One row for each tenant, container, hour, day or meter.")
    var by: UsageGrouping = .tenant

    func run() throws {
        let store = try place.store(.read)
        if let tenant, tenant != Tenant.unattributed,
            try !store.tenants().contains(where: { $0.id == tenant })
        {
            throw unknownTenant(tenant)
        }
        let usage = try store.usage(
            over: when.period(in: place.settings().zone), by: by, tenant: tenant)
        try show(usageSheet(usage, customUnits: try store.customUnits()), output.format)
    }
}

extension UsageGrouping: ExpressibleByArgument {}
