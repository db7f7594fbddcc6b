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

    @Option(help: "A pool of Proxmox VE.")
    var pool: [String] = []

    @Option(help: "A tag of a guest of Proxmox VE.")
    var tag: [String] = []

    @Flag(help: "Do not make a unit file that keeps the slice alive.")
    var noUnit = false

    @Flag(help: "Allow a slice of the host itself or of its logins.")
    var force = false

    /// - Throws: `wrongUse` for a pattern that cannot be one.
    func rules() throws(Fault) -> [Rule] {
        let pairs: [(String, [String])] = [
            ("slice", slice), ("root", root), ("label", label), ("namespace", namespace),
            ("unit", unit), ("cgroup", cgroup), ("pool", pool), ("tag", tag),
        ]
        var rules: [Rule] = []
        for (kind, patterns) in pairs {
            for pattern in patterns {
                rules.append(try checkedRule(kind: kind, pattern: pattern))
            }
        }
        for rule in rules where !force { try refuseHosts(rule, at: "--\(rule.kind)") }
        return rules
    }

    /// Keeps the slices alive, where systemd runs, and says what was done.
    ///
    /// A store that is not this host's own changes nothing of the host.
    func keepSlices(_ store: Store) throws(Fault) {
        let why = try store.whyNotOwn()
        for slice in slice where !noUnit {
            if let why {
                printError("octroi: \(slice): no unit file is made for it: \(why)")
                continue
            }
            guard ServiceManager.isSystemd else {
                printError("octroi: \(slice): no systemd here, so no unit file is made for it")
                continue
            }
            for line in try SliceKeeper.keep(slice) { printError("octroi: \(line)") }
            for gap in SliceAccounting.gaps(of: [slice]) {
                try SliceAccounting.turnOn(for: slice)
                printError(
                    "octroi: \(slice): its \(gap.meters.joined(separator: " and ")) was not accounted, "
                        + "and is from now on")
            }
        }
    }
}

/// Refuses what holds the host's own services or its logins, and not one tenant's workloads.
func refuseHosts(_ rule: Rule, at place: String) throws(Fault) {
    guard rule.rootPaths.contains(where: { SliceKeeper.isHosts($0) }) else { return }
    throw Fault(
        .failed, at: place,
        problem:
            "\(rule.pattern) holds the host's own services or its logins: all of them would be "
            + "this tenant's",
        suggestion:
            "Name a slice of its own, such as tenant-acme.slice; --force takes it all the same")
}

struct TenantAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a tenant.",
        discussion: """
            With --slice, on a host with systemd, Octroi writes a unit file for the slice and \
            starts it. The slice then stays when its last workload ends, and so do its counters.

            EXAMPLES
              octroi tenant add acme --name "ACME SARL" --slice tenant-acme.slice
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
                .wrongUse, at: "tenant id", problem: quoted(tenant),
                suggestion: "Write a-z, 0-9 and -, beginning with a letter, 63 characters at most")
        }
        let rules = try which.rules()
        let store = try place.store(.write)
        guard try !store.tenants().contains(where: { $0.id == tenant }) else {
            throw Fault(
                .badData, at: "tenant \(tenant)", problem: "it exists already",
                suggestion: "octroi tenant assign \(tenant) adds rules to it")
        }
        try change(
            Tenant(
                id: tenant, name: name ?? tenant, priceBook: priceBook,
                invoiceTo: InvoiceAddress(), match: rules), store, which)
    }
}

struct TenantRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove a tenant and its rules; its usage and invoices are kept.",
        discussion: """
            From the next full hour on, its containers belong to the tenant whose rule fits, or \
            to nobody. If octroi tenant add wrote a unit file for its slice, that file is \
            removed. What runs in the slice keeps running.

            EXAMPLE
              octroi tenant remove acme
            """)

    @OptionGroup var place: StoreOptions

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        let store = try place.store(.write)
        guard let found = try store.tenants().first(where: { $0.id == tenant }) else {
            throw unknownTenant(tenant)
        }
        for line in try store.removeTenant(tenant, at: Host.wallTime()) {
            try octroi.output("\(line)\n")
        }
        guard try store.whyNotOwn() == nil else { return }
        for case .slice(let slice) in found.match { letGo(slice) }
    }

    /// The tenant is removed already: what cannot be tidied up is only said.
    private func letGo(_ slice: String) {
        do throws(Fault) {
            for line in try SliceKeeper.letGo(slice) { printError("octroi: \(line)") }
        } catch {
            printError("octroi: \(error)")
        }
    }
}

/// Writes one tenant, and prints what changed.
func change(_ tenant: Tenant, _ store: Store, _ which: RuleOptions) throws(Fault) {
    // First whether the store takes it: a slice is not made for a tenant that cannot be.
    let contract = Contract(tenants: [tenant], books: nil)
    _ = try store.apply(contract, isPlan: true, at: Host.wallTime())
    try which.keepSlices(store)
    let changes = try store.apply(contract, isPlan: false, at: Host.wallTime())
    try octroi.output((changes.isEmpty ? ["no change"] : changes).map { "\($0)\n" }.joined())
    for line in unreachableRules(of: try store.tenants(), changed: [tenant]) {
        printError("octroi: \(line)")
    }
}
