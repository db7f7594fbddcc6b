import Metering
import App
import ArgumentParser
import Reporting
import Units

/// The options for tenant rules, one for each kind of rule.
///
/// A new kind of rule, or a new key of a container runtime, gets its option here.
struct RuleOptions: ParsableArguments {
    @Option(help: "A slice that is a tenant root, such as tenant-acme.slice.")
    var slice: [String] = []

    @Option(help: "A path that is a tenant root, below the cgroup2 mount.")
    var root: [String] = []

    @Option(help: "Containers with a label of Docker, Podman or the CRI: key=value, or key.")
    var label: [String] = []

    @Option(help: "The pods of a Kubernetes namespace.")
    var namespace: [String] = []

    @Option(help: "systemd units by name; * and ? are wildcards.")
    var unit: [String] = []

    @Option(help: "Cgroups by path: * within one name, ** over any depth.")
    var cgroup: [String] = []

    @Option(help: "A folder whose space is billed, by its absolute path.")
    var storage: [String] = []

    @Option(help: "The guests of a Proxmox VE pool.")
    var pool: [String] = []

    @Option(help: "The guests of Proxmox VE with a tag.")
    var tag: [String] = []

    @Flag(help: "Do not write a unit file that keeps the slice running.")
    var noUnit = false

    @Flag(help: "Also allow a slice of the host itself, or of logged-in users.")
    var force = false

    /// The rules of all options: by kind, and within a kind in the order of the command line.
    ///
    /// - Throws: `wrongUse` for a pattern that can never match, `failed` for a slice of the host
    ///   itself without `--force`.
    func rules() throws(Fault) -> [Rule] {
        let pairs: [(String, [String])] = [
            ("slice", slice), ("root", root), ("label", label), ("namespace", namespace),
            ("unit", unit), ("cgroup", cgroup), ("storage", storage), ("pool", pool), ("tag", tag),
        ]
        var rules: [Rule] = []
        for (kind, patterns) in pairs {
            for pattern in patterns {
                rules.append(try tenantRule(kind: kind, pattern: pattern, isForced: force))
            }
        }
        return rules
    }

    /// The slices that get a unit file, so that systemd keeps them.
    ///
    /// systemd removes a slice when its last workload ends, and the slice's counters with it.
    var keptSlices: [String] { noUnit ? [] : slice }
}

/// `octroi tenant add`: adds a tenant with its rules (`App.addTenant`).
///
/// With `--slice` the slice gets its unit file first, but only if the store would accept the
/// tenant.
struct TenantAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a tenant.",
        discussion: """
            Rules (--slice to --tag) say which containers belong to the tenant. A tenant root is \
            a cgroup in which everything belongs to the tenant: its CPU and io are billed exactly \
            as the kernel counts them.

            With --slice, on a host with systemd, Octroi writes a unit file for the slice and \
            starts it. The slice and its counters then stay when its last workload ends.

            EXAMPLES
              octroi tenant add acme --name "ACME SARL" --slice tenant-acme.slice
              octroi tenant add lab --label octroi.tenant=lab
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var which: RuleOptions

    @Option(help: "The name on invoices. Default: the id.")
    var name: String?

    @Option(help: "The id of the price book that bills its usage.")
    var priceBook: String?

    @Argument(help: "The tenant's id: a-z, 0-9 and -, beginning with a letter.")
    var tenant: String

    func run() throws {
        let rules = try which.rules()
        try show(
            place.app.addTenant(
                tenant, name: name, priceBook: priceBook, rules: rules, keeping: which.keptSlices),
            .table)
    }
}

/// `octroi tenant remove`: ends a tenant; its usage is still billed (`App.removeTenant`).
///
/// Unit files that Octroi made for its slices are removed, except by a store that is a copy: it
/// changes nothing on the host.
struct TenantRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove a tenant and its rules; its usage and invoices are kept.",
        discussion: """
            From the next full hour on, its containers belong to the next tenant whose rule \
            matches, or to no tenant. If octroi tenant add wrote a unit file for its slice, that \
            file is removed. Processes in the slice keep running.

            EXAMPLE
              octroi tenant remove acme
            """)

    @OptionGroup var place: StoreOptions

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        for line in try place.app.removeTenant(tenant).lines { try output("\(line)\n") }
    }
}
