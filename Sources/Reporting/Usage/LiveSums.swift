import BigInt
import Invoicing
import Metering
import Units

/// Adds costs to containers, and puts the total of each tenant before its containers.
///
/// The kernel counts the usage of a container in its tenant root as well. So the row of a root
/// shows only what is left of the root's usage. The rows of a tenant then add up to its total, and
/// nothing is counted twice. Example: a root uses 30 % of a core, and the only container below it
/// 20 %. The total is 30 %, the row of the root 10 %.
///
/// The cost of a total includes containers that have ended in this hour. Unattributed containers
/// have neither a total nor a cost.
///
/// - Parameters:
///   - live: containers and tenant roots, sorted by tenant; the values of roots are the kernel's.
///   - costs: the cost of the current hour so far, by the id of the tenant.
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
    // A tenant whose containers have all ended in this hour still pays for it.
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

/// Adds costs to the total and the containers of one tenant.
///
/// - Parameter cost: `nil` if it is not known.
private func priced(
    _ sum: LiveContainer, _ containers: [LiveContainer], _ cost: HourCost?
) -> [PricedContainer] {
    guard let cost else {
        return ([sum] + containers).map { PricedContainer(live: $0, cost: nil, currency: nil) }
    }
    // Accounts that have ended are rounded together with the others. Otherwise the rounded costs
    // would not add up to the rounded total.
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

/// How many millionths one is: costs in tables have six decimals.
let millionths = Rational(1_000_000)

extension LiveContainer {
    /// The values that a tenant root counts for everything below it as well.
    private static var inclusive: [WritableKeyPath<LiveContainer, Int64?>] {
        [\.cpuRate, \.memory, \.ioReadRate, \.ioWriteRate, \.netReceiveRate, \.netSendRate]
    }

    /// The values that a tenant's total adds up.
    ///
    /// Throttling is not one of the inclusive values: the kernel counts it only in the cgroup whose
    /// limit throttles, not in the cgroups above it.
    private static var amounts: [WritableKeyPath<LiveContainer, Int64?>] {
        inclusive + [\.throttledRate]
    }

    /// The root without the usage of the containers below it.
    ///
    /// A value is never below zero: the counters are not read at the same instant, so the
    /// containers' sum may exceed the root's value.
    fileprivate func without(_ others: [LiveContainer]) -> LiveContainer {
        var rest = self
        for amount in Self.inclusive {
            let taken = others.compactMap { $0[keyPath: amount] }.reduce(0, +)
            rest[keyPath: amount] = self[keyPath: amount].map { max(0, $0 - taken) }
        }
        return rest
    }

    /// Creates the total of a tenant.
    ///
    /// - Parameters:
    ///   - parts: the tenant's containers, and its roots without what is below them.
    ///   - roots: the tenant's roots with the kernel's values. If there is a single one, its limits
    ///     are the limits of the total.
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
