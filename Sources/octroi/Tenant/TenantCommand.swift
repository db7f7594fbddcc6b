import App
import ArgumentParser
import Reporting

struct TenantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant", abstract: "Manage tenants: who pays, and for which containers.",
        discussion: """
            EXAMPLES
              octroi tenant list
              octroi tenant add acme --price-book standard --slice tenant-acme.slice
              octroi tenant show acme
            """,
        subcommands: [
            TenantList.self, TenantShow.self, TenantAdd.self, TenantAssign.self,
            TenantUnassign.self,
            TenantRemove.self,
        ], defaultSubcommand: TenantList.self)
}

struct TenantList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tenants.",
        discussion: """
            EXAMPLE
              octroi tenant list
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        try show(tenantSheet(place.app.tenants()), output.format)
    }
}

struct TenantShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a tenant's rules, in the order they are tried.",
        discussion: """
            EXAMPLE
              octroi tenant show acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        try show(ruleSheet(place.app.tenant(tenant)), output.format)
    }
}
