import ArgumentParser
import CgroupFS
import Daemon
import Metering
import Reporting
import Runtimes
import Store
import Units

struct ContainersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers",
        abstract: "List what is metered now, whose it is, what it does and what is missing.",
        discussion: """
            Rates are over the time between the collector's last two samples. --isolation looks at \
            the running processes: which namespaces and which root directory are a container's own.

            EXAMPLES
              octroi containers
              octroi containers --tenant acme --sort memory
              octroi containers --isolation
              octroi containers --all --format json
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var which: LiveOptions

    @Flag(help: "Also those that have ended.")
    var all = false

    @Flag(help: "Show which namespaces and root directory are its own.")
    var isolation = false

    @Option(help: "What comes first: tenant, cpu, memory, io, net or cost.")
    var sort: LiveOrder = .tenant

    func run() throws {
        let store = try place.store(.read)
        try which.check(store)
        let priced = sorted(try pricedContainers(store, at: Host.wallTime()), by: sort)
        let order = Dictionary(uniqueKeysWithValues: priced.enumerated().map { ($1.live.row, $0) })
        let containers = try store.containers(all: all)
            .filter { which.includes(tenant: $0.tenant, path: $0.path) }
            .enumerated().sorted { a, b in
                if sort == .tenant { return a.offset < b.offset }
                let (x, y) = (order[a.element.row] ?? .max, order[b.element.row] ?? .max)
                return (x, a.offset) < (y, b.offset)
            }.map(\.element)
        if isolation { return try showIsolation(containers, try store.lastRoot()) }
        let columns = [
            "tenant", "container", "kind", "runtime", "cgroup_id", "first_seen", "last_seen",
            "not_measured", "name", "image", "namespace",
        ]
        let rows = containers.map { container -> [Cell] in
            [
                .text(container.tenant), .text(container.path),
                .text(container.isTenantRoot ? "tenant root" : "container"),
                .text(container.runtime), .integer(Int128(container.cgroupID)),
                .time(container.firstSeen), .time(container.lastSeen),
                container.absent.isEmpty ? .none : .text(container.absent.joined(separator: ", ")),
                .optional(container.name), .optional(container.image),
                .optional(container.namespace),
            ] + liveCells(order[container.row].map { priced[$0] })
        }
        // A person wants to see what it does; machines get the rest as well.
        var left: Set<String> = ["cgroup_id", "first_seen", "image", "currency"]
        if !all { left.insert("last_seen") }
        for (index, column) in (columns + liveColumns).enumerated()
        where index > 7 && rows.allSatisfy({ $0[index] == .none }) {
            left.insert(column)
        }
        try show(
            Sheet(
                columns: columns + liveColumns, rows: rows, notInTable: left,
                headings: liveHeadings), output.format)
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
