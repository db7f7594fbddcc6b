import ArgumentParser
import Daemon
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

/// Rules given as options.
struct RuleOptions: ParsableArguments {
    @Option(help: "A tenant root by its systemd slice, such as tenant-acme.slice.")
    var slice: [String] = []

    @Option(help: "A tenant root by its path under the cgroup2 mount.")
    var root: [String] = []

    @Option(help: "A label of Docker, Podman or the CRI: key=value, or key.")
    var label: [String] = []

    @Option(help: "A Kubernetes namespace.")
    var namespace: [String] = []

    @Option(help: "systemd units by name, with * and ?.")
    var unit: [String] = []

    @Option(help: "Any path: * within one name, ** over any depth.")
    var cgroup: [String] = []

    @Flag(help: "Do not make a unit file that keeps the slice alive.")
    var noUnit = false

    /// - Throws: `wrongUse` for a pattern that cannot be one.
    func rules() throws(Fault) -> [Rule] {
        let pairs: [(String, [String])] = [
            ("slice", slice), ("root", root), ("label", label), ("namespace", namespace),
            ("unit", unit), ("cgroup", cgroup),
        ]
        var rules: [Rule] = []
        for (kind, patterns) in pairs {
            for pattern in patterns {
                rules.append(try checkedRule(kind: kind, pattern: pattern))
            }
        }
        return rules
    }

    /// Keeps the slices alive, where systemd runs, and says what was done.
    func keepSlices() throws(Fault) {
        for slice in slice where !noUnit {
            guard ServiceManager.isSystemd else {
                complain("octroi: \(slice): no systemd here, so no unit file is made for it")
                continue
            }
            for line in try SliceKeeper.keep(slice) { complain("octroi: \(line)") }
        }
    }
}

struct TenantAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a tenant.",
        discussion: """
            With --slice, on a host with systemd, the slice gets a unit file and is started: it then \
            stays when its last workload ends, and its counters with it.

            EXAMPLES
              octroi tenant add acme --name "ACME SARL" --price-book standard --slice tenant-acme.slice
              octroi tenant add lab --label octroi.tenant=lab
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var which: RuleOptions

    @Option(help: "The name on invoices. Default: the id.")
    var name: String?

    @Option(help: "The price book to bill by.")
    var priceBook: String?

    @Argument(help: "a-z, 0-9 and -, beginning with a letter.")
    var tenant: String

    func run() throws {
        guard isIdentifier(tenant, also: "-"), tenant != Tenant.unattributed else {
            throw Fault(
                .wrongUse, at: "tenant id", found: "\"\(harmless(tenant))\"",
                cure: "Write a-z, 0-9 and -, beginning with a letter, 63 characters at most")
        }
        let rules = try which.rules()
        let store = try place.store(.write)
        guard try !store.tenants().contains(where: { $0.id == tenant }) else {
            throw Fault(
                .badData, at: "tenant \(tenant)", found: "there is one already",
                cure: "octroi tenant assign \(tenant) adds rules to it")
        }
        try change(
            Tenant(
                id: tenant, name: name ?? tenant, priceBook: priceBook,
                invoiceTo: InvoiceAddress(), match: rules), store, which)
    }
}

struct TenantAssign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign", abstract: "Add rules to a tenant, or give it hours of a container.",
        discussion: """
            With --container, hours that are past change hands, whatever the rules say; from the \
            next full hour on rules decide again. What was invoiced is corrected on the next \
            invoices of both tenants.

            EXAMPLES
              octroi tenant assign acme --label octroi.tenant=acme --unit "acme-*.service"
              octroi tenant assign acme --container /machines/web --from 2026-10-01T00:00:00Z
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var which: RuleOptions

    @Option(help: "The path or imported name of a container, whose past hours change hands.")
    var container: String?

    @Option(help: "With --container: from this hour on.")
    var from: String?

    @Option(help: "With --container: until before this hour. Default: the next full hour.")
    var to: String?

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        let rules = try which.rules()
        if let container { return try assignHours(of: container, rules) }
        guard !rules.isEmpty, from == nil, to == nil else {
            throw Fault(
                .wrongUse, at: "tenant assign",
                found: rules.isEmpty ? "no rule" : "--from or --to without --container",
                cure: "Give --slice, --root, --label, --namespace, --unit or --cgroup; or "
                    + "--container with --from")
        }
        let store = try place.store(.write)
        guard var found = try store.tenants().first(where: { $0.id == tenant }) else {
            throw unknownTenant(tenant)
        }
        found.match += rules.filter { !found.match.contains($0) }
        try change(found, store, which)
    }

    private func assignHours(of container: String, _ rules: [Rule]) throws {
        guard let from, rules.isEmpty else {
            throw Fault(
                .wrongUse, at: "tenant assign --container",
                found: rules.isEmpty ? "no --from" : "a rule as well",
                cure: "Give --container and --from, and no rule")
        }
        let now = Host.wallTime()
        let next = now.startOfHour.advanced(bySeconds: 3600)
        func wholeHour(_ option: String, _ text: String) throws(Fault) -> Instant {
            guard let hour = Instant(rfc3339: text), hour == hour.startOfHour else {
                throw Fault(
                    .wrongUse, at: option, found: "\"\(harmless(text))\"",
                    cure: "Write a whole UTC hour, such as 2026-10-01T00:00:00Z")
            }
            return hour
        }
        let end = try to.map { text throws(Fault) in try wholeHour("--to", text) } ?? next
        guard let period = Period(start: try wholeHour("--from", from), end: min(end, next)) else {
            throw Fault(
                .wrongUse, at: "--to", found: "no hour between --from and it",
                cure: "Let it come after --from; hours to come are a matter of rules")
        }
        let count = try place.store(.write).assign(container, to: tenant, over: period)
        try octroi.output("\(count) containers were \(tenant)'s over \(period)\n")
    }
}

struct TenantRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove a tenant and its rules; what it used stays its own.",
        discussion: """
            Its containers are nobody's from the next full hour on, or another's whose rule fits. \
            Its usage and its invoices stay.

            EXAMPLE
              octroi tenant remove acme
            """)

    @OptionGroup var place: StoreOptions

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        let store = try place.store(.write)
        guard try store.tenants().contains(where: { $0.id == tenant }) else {
            throw unknownTenant(tenant)
        }
        for line in try store.removeTenant(tenant, at: Host.wallTime()) {
            try octroi.output("\(line)\n")
        }
    }
}

/// Writes one tenant, and prints what changed.
private func change(_ tenant: Tenant, _ store: Store, _ which: RuleOptions) throws(Fault) {
    // First whether the store takes it: a slice is not made for a tenant that cannot be.
    let contract = Contract(tenants: [tenant], books: nil)
    _ = try store.apply(contract, isPlan: true, at: Host.wallTime())
    try which.keepSlices()
    let changes = try store.apply(contract, isPlan: false, at: Host.wallTime())
    try octroi.output((changes.isEmpty ? ["no change"] : changes).map { "\($0)\n" }.joined())
}
