import App
import ArgumentParser
import Reporting

/// `octroi tenant`: the commands for tenants; without a verb, `list` is run.
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

/// `octroi tenant list`: the tenants, in the order in which rules are tried (`App.tenants`).
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

/// `octroi tenant show`: the rules of a tenant (`App.tenant`).
///
/// A container belongs to the first tenant that has a matching rule, so the order of tenants
/// matters as well.
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
