import ArgumentParser
import CgroupFS
import Daemon
import Metering
import Reporting
import Runtimes
import Settings
import Billing
import Store
import Units

struct ContainersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers",
        abstract:
            "List running containers with their tenant, current usage and what cannot be measured.",
        discussion: """
            Rates are the difference between the collector's last two samples. They are empty \
            while the collector stands still. The row of a tenant is the total of its \
            containers, with those that ended in this hour. The row of a tenant root holds what \
            no container below it used. octroi top --help explains the cost.

            --filter leaves out the totals. --isolation looks at the running processes and shows \
            which namespaces and which root directory belong to the container alone.

            EXAMPLES
              octroi containers
              octroi containers --tenant acme --sort memory
              octroi containers --isolation
              octroi containers --all --format json
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var which: LiveOptions

    @Flag(help: "Include containers that have ended.")
    var all = false

    @Flag(help: "Show which namespaces and root directory are its own.")
    var isolation = false

    @Option(help: "The column to sort by: tenant, cpu, memory, io, net or cost.")
    var sort: LiveOrder = .tenant

    func run() throws {
        let store = try place.store(.read)
        try which.check(store)
        var pricing = HourPricing(store, in: try place.settings().zone)
        let (priced, silence) = try pricedContainers(store, &pricing)
        let entries = entries(try store.containers(all: all), priced)
        if isolation {
            return try showIsolation(entries.compactMap(\.container), try store.lastRoot())
        }
        tellSilence(silence, beside: output.format)
        let columns = [
            "tenant", "container", "kind", "runtime", "cgroup_id", "first_seen", "last_seen",
            "not_measured", "name", "image", "namespace",
        ]
        let rows = entries.map { $0.cells + liveCells($0.priced) }
        // A person wants to see what it does; machines get the rest as well.
        var left: Set<String> = ["cgroup_id", "first_seen", "image", "currency"]
        if !all { left.insert("last_seen") }
        for (index, column) in (columns + liveColumns).enumerated()
        where index > 7 && rows.allSatisfy({ $0[index] == .none }) {
            left.insert(column)
        }
        try show(
            Sheet(
                columns: columns + liveColumns, rows: rows, title: silence, notInTable: left,
                headings: liveHeadings), output.format)
    }

    /// A cgroup, what it does if it lives, or a tenant's sum.
    private struct Entry {
        var container: ContainerRow?
        var priced: PricedContainer?
        var place: (Int, Int)

        var cells: [Cell] {
            guard let container else {
                return [
                    .optional(priced?.live.tenant), .none, .optional(priced?.live.kind.rawValue),
                ]
                    + Array(repeating: .none, count: 8)
            }
            let kind: LiveContainer.Kind = container.isTenantRoot ? .tenantRoot : .container
            return [
                .text(container.tenant), .text(container.path), .text(kind.rawValue),
                .text(container.runtime), .integer(Int128(container.cgroupID)),
                .time(container.firstSeen), .time(container.lastSeen),
                container.absent.isEmpty ? .none : .text(container.absent.joined(separator: ", ")),
                .optional(container.name), .optional(container.image),
                .optional(container.namespace),
            ]
        }
    }

    /// What was asked for in its order; a tenant's sum stands before what it is the sum of.
    private func entries(_ containers: [ContainerRow], _ all: [PricedContainer]) -> [Entry] {
        let priced = sorted(all, by: sort)
        var order: [Int64: Int] = [:]
        for (place, one) in priced.enumerated() { if let row = one.live.row { order[row] = place } }
        var entries = containers.enumerated().map { offset, container in
            let place = order[container.row]
            return Entry(
                container: container, priced: place.map { priced[$0] },
                place: sort == .tenant ? (offset, 1) : (place ?? .max, offset))
        }
        for (place, sum) in priced.enumerated() where sum.live.kind == .tenant {
            let first = containers.firstIndex { $0.tenant == sum.live.tenant }
            entries.append(
                Entry(priced: sum, place: sort == .tenant ? (first ?? .max, 0) : (place, 0)))
        }
        return entries.filter { entry in
            which.includes(
                tenant: entry.container?.tenant ?? entry.priced?.live.tenant ?? "",
                path: entry.container?.path)
        }.sorted { $0.place < $1.place }
    }

    private func showIsolation(_ containers: [ContainerRow], _ path: String?) throws {
        let root = try CgroupRoot(opening: path)
        try show(
            Sheet(
                columns: ["tenant", "container", "name"] + Isolation.names,
                rows: containers.filter { !$0.isTenantRoot }.compactMap { container in
                    guard let directory = try? root.open(kernelPath: container.path),
                        let isolation = Isolation(of: directory)
                    else { return nil }
                    return [
                        .text(container.tenant), .text(container.path), .optional(container.name),
                    ] + isolation.isOwn.map { $0.map(Cell.flag) ?? .none }
                }, title: "What is a container's own (- where this user may not look)"),
            output.format)
    }
}
