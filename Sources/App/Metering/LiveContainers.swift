import Billing
import CgroupFS
import Host
import Metering
import Reporting
import Runtimes
import Store
import Units

/// Selects containers, and says how to sort them.
///
/// Example: `LiveQuery(filter: "/system.slice/**", by: .cpu)`.
public struct LiveQuery: Sendable {
    /// Only this tenant, or `unattributed`; `nil` for all.
    public var tenant: String?
    /// Only paths that match this glob: `*` within one name, `**` across any number of names.
    ///
    /// A filter leaves out the totals of tenants, because a total covers more than the filter
    /// selects.
    public var filter: String?
    /// What the list is sorted by.
    public var order: LiveOrder

    /// Selects all containers, unless it is narrowed.
    public init(tenant: String? = nil, filter: String? = nil, by order: LiveOrder = .tenant) {
        (self.tenant, self.filter, self.order) = (tenant, filter, order)
    }

    /// Whether the query selects a container or a total.
    ///
    /// - Parameter path: `nil` for the total of a tenant.
    func includes(tenant: String, path: String?) -> Bool {
        (self.tenant ?? tenant) == tenant
            && (filter.map { filter in path.map(Glob(filter).matches) ?? false } ?? true)
    }
}

/// What containers use and cost now, as a view that can be refreshed cheaply.
///
/// ```
/// var view = try app.liveView(LiveQuery(by: .cpu))
/// print(try view.look().sheet.rendered(as: .table))
/// ```
public struct LiveView {
    private let store: Store
    private let query: LiveQuery
    /// Keeps the month up to the hour, so that a refresh reads only the hour.
    private var pricing: HourPricing

    init(_ store: Store, _ query: LiveQuery, in zone: BillingZone) {
        (self.store, self.query) = (store, query)
        pricing = HourPricing(store, in: zone)
    }

    /// Reads the present state.
    ///
    /// - Returns: the rows, and the sentence to print if the collector has stopped.
    public mutating func look() throws(Fault) -> (sheet: Sheet, silence: String?) {
        let now = Host.wallTime()
        let (found, silence) = try priced()
        let all = found.filter { query.includes(tenant: $0.live.tenant, path: $0.live.path) }
        let cgroups = all.filter { $0.live.kind != .tenant }
        let rates = cgroups.compactMap(\.live.cpuRate)
        let cpu = rates.isEmpty ? "" : ", \(rates.reduce(0, +) / 10_000) % of a core"
        let sheet = liveSheet(
            sorted(all.filter { $0.live.kind != .tenantRoot }, by: query.order),
            title: (["\(now): \(cgroups.count) cgroups\(cpu)"] + [silence].compactMap(\.self))
                .joined(separator: "\n"))
        return (sheet, silence)
    }

    /// The containers of the last tick with their cost in this hour, and the totals of tenants.
    ///
    /// - Returns: with them, the sentence to print if the collector has stopped.
    mutating func priced() throws(Fault) -> (containers: [PricedContainer], silence: String?) {
        let now = Host.now()
        let reading = try store.live(at: now, ofBoot: Host.bootID())
        return (
            pricedWithSums(reading.containers, try pricing.costs(at: now.wall)),
            reading.silentSince.map {
                "Nothing has been read since \($0): rates are not known; memory and limits are of then"
            }
        )
    }
}

extension App {
    /// A view of what containers use and cost now.
    ///
    /// - Throws: `badData` for an unknown tenant.
    public func liveView(_ query: LiveQuery) throws(Fault) -> LiveView {
        let store = try store(.read)
        try store.requireTenant(query.tenant, orNobody: true)
        return LiveView(store, query, in: try zone())
    }

    /// The running containers with their tenant, current usage and what cannot be measured.
    ///
    /// - Parameter hasEnded: whether to include containers that have ended.
    /// - Throws: `badData` for an unknown tenant.
    public func containers(
        _ query: LiveQuery, hasEnded: Bool = false
    ) throws(Fault) -> ContainersAnswer {
        let store = try store(.read)
        try store.requireTenant(query.tenant, orNobody: true)
        var view = LiveView(store, query, in: try zone())
        let (priced, silence) = try view.priced()
        return ContainersAnswer(
            try store.containers(all: hasEnded), priced, silence, query, hasEnded: hasEnded)
    }

    /// Which namespaces and root directory belong to each container alone, by one of its processes.
    ///
    /// Containers without a process are left out. Cells are empty where this user may not look.
    ///
    /// - Parameter hasEnded: whether to look at the paths of ended containers, too.
    /// - Throws: `badData` for an unknown tenant.
    public func isolation(_ query: LiveQuery, hasEnded: Bool = false) throws(Fault) -> Sheet {
        let found = try containers(query, hasEnded: hasEnded).entries.compactMap(\.container)
        let root = try CgroupRoot(opening: store(.read).lastRoot())
        var rows: [[Cell]] = []
        for container in found where !container.isTenantRoot {
            guard let directory = try? root.open(kernelPath: container.path),
                let isolation = Isolation(of: directory)
            else { continue }
            let own = isolation.isOwn.map { $0.map(Cell.flag) ?? .none }
            rows.append(
                [.text(container.tenant), .text(container.path), .optional(container.name)] + own)
        }
        return Sheet(
            columns: ["tenant", "container", "name"] + Isolation.names, rows: rows,
            title: "What is a container's own (- where this user may not look)")
    }
}
