import Billing
import Metering
import Reporting
import Store
import Units

/// Containers with what each uses and costs now, and the totals of tenants.
public struct ContainersAnswer: Sendable {
    /// A container or tenant root, or the total of a tenant.
    struct Entry: Sendable {
        /// The container; `nil` for the total of a tenant.
        var container: ContainerRow?
        /// What it uses and costs now; `nil` for a container that has ended.
        var priced: PricedContainer?
        /// By what entries are sorted: the first number counts, then the second.
        var place: (Int, Int)
    }

    /// The sentence to print if the collector has stopped; `nil` if it runs.
    public var silence: String?
    /// The entries in the order of the query.
    let entries: [Entry]
    /// Whether ended containers are included.
    private let hasEnded: Bool

    /// Combines containers with what they use, and sorts them.
    ///
    /// By tenant, the total of a tenant comes before its containers. In any other order, entries
    /// are sorted by value, and ended containers come last.
    ///
    /// - Parameters:
    ///   - containers: as the store lists them, by tenant and path.
    ///   - all: the living ones with their costs, and the totals.
    ///   - silence: the sentence about a collector that has stopped.
    init(
        _ containers: [ContainerRow], _ all: [PricedContainer], _ silence: String?,
        _ query: LiveQuery, hasEnded: Bool
    ) {
        let priced = sorted(all, by: query.order)
        let isByTenant = query.order == .tenant
        var order: [Int64: Int] = [:]
        for (place, one) in priced.enumerated() { if let row = one.live.row { order[row] = place } }
        var entries = containers.enumerated().map { offset, container in
            let place = order[container.row]
            return Entry(
                container: container, priced: place.map { priced[$0] },
                place: isByTenant ? (offset, 1) : (place ?? .max, offset))
        }
        for (place, sum) in priced.enumerated() where sum.live.kind == .tenant {
            let first = containers.firstIndex { $0.tenant == sum.live.tenant }
            entries.append(
                Entry(priced: sum, place: isByTenant ? (first ?? .max, 0) : (place, 0)))
        }
        self.entries = entries.filter { entry in
            query.includes(
                tenant: entry.container?.tenant ?? entry.priced?.live.tenant ?? "",
                path: entry.container?.path)
        }.sorted { $0.place < $1.place }
        (self.silence, self.hasEnded) = (silence, hasEnded)
    }

    /// The entries, one row each; a table leaves out empty columns and those for programs.
    public var sheet: Sheet {
        let columns = [
            "tenant", "container", "kind", "runtime", "cgroup_id", "first_seen", "last_seen",
            "not_measured", "name", "image", "namespace",
        ]
        let rows = entries.map { $0.cells + liveCells($0.priced) }
        // People want to see what containers do. Programs get all columns.
        var left: Set<String> = ["cgroup_id", "first_seen", "image", "currency"]
        if !hasEnded { left.insert("last_seen") }
        for (index, column) in (columns + liveColumns).enumerated()
        where index > 7 && rows.allSatisfy({ $0[index] == .none }) {
            left.insert(column)
        }
        return Sheet(
            columns: columns + liveColumns, rows: rows, title: silence, notInTable: left,
            headings: liveHeadings)
    }
}

extension ContainersAnswer.Entry {
    /// The first columns of the entry's row, up to `namespace`.
    fileprivate var cells: [Cell] {
        guard let container else {
            return [.optional(priced?.live.tenant), .none, .optional(priced?.live.kind.rawValue)]
                + Array(repeating: .none, count: 8)
        }
        let kind: LiveContainer.Kind = container.isTenantRoot ? .tenantRoot : .container
        return [
            .text(container.tenant), .text(container.path), .text(kind.rawValue),
            .text(container.runtime), .integer(Int128(container.cgroupID)),
            .time(container.firstSeen), .time(container.lastSeen),
            container.absent.isEmpty ? .none : .text(container.absent.joined(separator: ", ")),
            .optional(container.name), .optional(container.image), .optional(container.namespace),
        ]
    }
}
