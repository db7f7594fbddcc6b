import Billing
import Metering
import Reporting
import Store
import Units

/// Containers, what each does if it lives, and tenants' sums.
public struct ContainersAnswer: Sendable {
    /// A cgroup, what it does if it lives, or a tenant's sum.
    struct Entry: Sendable {
        var container: ContainerRow?
        var priced: PricedContainer?
        var place: (Int, Int)
    }

    /// What is to be said if the collector stands still.
    public var silence: String?
    let entries: [Entry]
    private let hasEnded: Bool

    /// Puts what was asked for in its order; a tenant's sum stands before what it is the sum of.
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

    public var sheet: Sheet {
        let columns = [
            "tenant", "container", "kind", "runtime", "cgroup_id", "first_seen", "last_seen",
            "not_measured", "name", "image", "namespace",
        ]
        let rows = entries.map { $0.cells + liveCells($0.priced) }
        // A person wants to see what it does; machines get the rest as well.
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
