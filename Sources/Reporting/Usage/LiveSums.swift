import BigInt
import Invoicing
import Metering
import Units

/// Containers with what they cost in this hour, and before those of each tenant its sum.
///
/// The counters of a tenant root hold all below it. Its own row has what is left beside the others,
/// so that the rows of a tenant add up to its sum and nothing is counted twice. The sum's cost holds
/// what containers cost that have ended in the hour, too.
///
/// - Parameters:
///   - live: sorted by tenant; roots as the kernel says.
///   - costs: by tenant.
public func pricedWithSums(
    _ live: [LiveContainer], _ costs: [String: HourCost]
) -> [PricedContainer] {
    let below = Dictionary(grouping: live.filter { $0.root != nil }) { $0.root }
    let own = live.map { container in
        container.kind == .tenantRoot
            ? container.without(below[container.row] ?? []) : container
    }
    let roots = Dictionary(grouping: live.filter { $0.kind == .tenantRoot }, by: \.tenant)
    let byTenant = Dictionary(grouping: own, by: \.tenant)
    var order = own.map(\.tenant).reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
    // All of a tenant's may have ended in this hour: it still pays.
    let ended = costs.filter { byTenant[$0.key] == nil && $0.value.total != .zero }.keys.sorted()
    order.insert(contentsOf: ended, at: order.firstIndex(of: Tenant.unattributed) ?? order.count)
    return order.flatMap { tenant in
        let containers = byTenant[tenant] ?? []
        guard tenant != Tenant.unattributed else {
            return containers.map { PricedContainer(live: $0, cost: nil, currency: nil) }
        }
        let sum = LiveContainer(sumOf: containers, tenant, roots: roots[tenant] ?? [])
        return priced(sum, containers, costs[tenant])
    }
}

private func priced(
    _ sum: LiveContainer, _ containers: [LiveContainer], _ cost: HourCost?
) -> [PricedContainer] {
    guard let cost else {
        return ([sum] + containers).map { PricedContainer(live: $0, cost: nil, currency: nil) }
    }
    // Those that have ended take part, or the rounded rows would not be of one sum.
    let accounts = cost.shares.keys.sorted()
    let exact = accounts.map { (cost.shares[$0] ?? .zero) * millionths }
    let total = Rounding.halfEven.round(exact.reduce(.zero, +))
    let shown = Dictionary(uniqueKeysWithValues: zip(accounts, distribute(total, over: exact)))
    let rows = containers.map { container in
        let account = container.row ?? 0
        return PricedContainer(
            live: container, cost: cost.shares[account] ?? .zero, currency: cost.currency,
            shown: shown[account] ?? 0)
    }
    return [PricedContainer(live: sum, cost: cost.total, currency: cost.currency, shown: total)]
        + rows
}

let millionths = Rational(1_000_000)

extension LiveContainer {
    /// What a root's counters hold of all below it, too: each is `nil` where it is not measured.
    private static var inclusive: [WritableKeyPath<LiveContainer, Int64?>] {
        [\.cpuRate, \.memory, \.ioReadRate, \.ioWriteRate, \.netReceiveRate, \.netSendRate]
    }

    /// What can be added up.
    ///
    /// The kernel counts throttling at the cgroup whose limit holds back, and not
    /// above it: the root's is its own already.
    private static var amounts: [WritableKeyPath<LiveContainer, Int64?>] {
        inclusive + [\.throttledRate]
    }

    /// The root without what others below it have; never below zero, as they are not read at once.
    fileprivate func without(_ others: [LiveContainer]) -> LiveContainer {
        var rest = self
        for amount in Self.inclusive {
            let taken = others.compactMap { $0[keyPath: amount] }.reduce(0, +)
            rest[keyPath: amount] = self[keyPath: amount].map { max(0, $0 - taken) }
        }
        return rest
    }

    /// - Parameter roots: the tenant's roots as the kernel says; the limit of one alone is the sum's.
    fileprivate init(sumOf parts: [LiveContainer], _ tenant: String, roots: [LiveContainer]) {
        self.init(row: nil, path: nil, tenant: tenant, runtime: "", kind: .tenant)
        for amount in Self.amounts {
            let known = parts.compactMap { $0[keyPath: amount] }
            if !known.isEmpty { self[keyPath: amount] = known.reduce(0, +) }
        }
        guard roots.count == 1, let root = roots.first else { return }
        (cpuLimit, memoryLimit) = (root.cpuLimit, root.memoryLimit)
    }
}
