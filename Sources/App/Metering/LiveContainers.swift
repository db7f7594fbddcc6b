import Billing
import CgroupFS
import Host
import Metering
import Reporting
import Runtimes
import Store
import Units

/// Which containers are looked at, and in what order.
public struct LiveQuery: Sendable {
    /// Only this tenant, or `unattributed`.
    public var tenant: String?
    /// Only paths that fit: `*` within one name, `**` over any depth.
    ///
    /// It leaves out the tenants' sums.
    public var filter: String?
    public var order: LiveOrder

    public init(tenant: String? = nil, filter: String? = nil, by order: LiveOrder = .tenant) {
        (self.tenant, self.filter, self.order) = (tenant, filter, order)
    }

    /// - Parameter path: `nil` of a tenant's sum, which is not of the paths that a filter picks.
    func includes(tenant: String, path: String?) -> Bool {
        (self.tenant ?? tenant) == tenant
            && (filter.map { filter in path.map(Glob(filter).matches) ?? false } ?? true)
    }
}

/// What containers use and cost now, looked at again and again.
public struct LiveView {
    private let store: Store
    private let query: LiveQuery
    private var pricing: HourPricing

    init(_ store: Store, _ query: LiveQuery, in zone: BillingZone) {
        (self.store, self.query) = (store, query)
        pricing = HourPricing(store, in: zone)
    }

    /// Looks once more.
    ///
    /// - Returns: the rows, and what is to be said if the collector stands still.
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

    /// What containers do now, each with what it cost in this hour so far, and each tenant's sum.
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
    /// - Parameter hasEnded: whether those that have ended are among them.
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

    /// Which namespaces and which root directory belong to each container alone; it looks at their processes.
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
