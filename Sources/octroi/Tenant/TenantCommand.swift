import ArgumentParser
import Metering
import Reporting
import Store
import Units

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
        let tenants = try place.store(.read).tenants()
        try show(
            Sheet(
                columns: ["tenant", "name", "price_book", "rules"],
                rows: tenants.map {
                    [
                        .text($0.id), .text($0.name), .optional($0.priceBook),
                        .integer(Int128($0.match.count)),
                    ]
                }), output.format)
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
        guard let found = try place.store(.read).tenants().first(where: { $0.id == tenant }) else {
            throw unknownTenant(tenant)
        }
        try show(
            Sheet(
                columns: ["rule", "pattern"],
                rows: found.match.map { [.text($0.kind), .text($0.pattern)] },
                title:
                    "\(found.id): \(escapingControlCharacters(found.name)), price book \(found.priceBook ?? "none")"
            ), output.format)
    }
}

extension Store {
    /// Refuses a tenant to choose by that there never was.
    ///
    /// - Parameter orNobody: whether `unattributed` may be chosen, too.
    func requireTenant(_ id: String?, orNobody: Bool = false) throws(Fault) {
        guard let id, !(orNobody && id == Tenant.unattributed), try !hasTenant(id) else { return }
        throw unknownTenant(id)
    }
}

func unknownTenant(_ id: String) -> Fault {
    Fault(
        .badData, at: "tenant \(quoted(id))", problem: "no such tenant",
        suggestion: "octroi tenant list shows them; octroi apply adds them")
}
