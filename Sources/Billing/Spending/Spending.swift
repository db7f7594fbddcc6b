import Store
import Invoicing
import Limits
import Metering
import Pricing
import Units

extension Budget.Span {
    /// The one around an instant.
    public func around(_ now: Instant, in zone: BillingZone) -> Period {
        switch self {
        case .day: zone.day(of: now).period
        case .month: zone.month(of: now)
        }
    }
}

extension Store {
    /// What tenants have spent in the billing month or day around `now`, each by its id.
    ///
    /// Rows that are not closed yet count. Each tenant takes one pass over its ledger rows of the
    /// month so far, and four ratings of their sums: the passes are the cost of it. As they hold
    /// the connection, a collector gives this a store of its own.
    ///
    /// - Parameter tenants: ids; `nil` is all there are.
    /// - Returns: for a tenant whose spending cannot be known, the reason: it has no price book, or
    ///   one that does not cover the period.
    /// - Throws: for an id that is no tenant's.
    public func spending(
        of tenants: [String]? = nil, per span: Budget.Span, in zone: BillingZone = .utc,
        at now: Instant
    ) throws(Fault) -> [String: Result<TenantSpending, Fault>] {
        try reading { db in
            let asked = tenants.map(Set.init)
            let all = try db.tenants(withRemoved: asked != nil)
            if let stranger = asked?.subtracting(all.map(\.id)).min() {
                _ = try db.payers(stranger)
            }
            let reader = try PricedUsageReader(db, zone)
            var result: [String: Result<TenantSpending, Fault>] = [:]
            for payer in all where asked?.contains(payer.id) ?? true {
                do {
                    let period = span.around(now, in: zone)
                    let spending = try reader.spending(of: payer, over: period, at: now)
                    result[payer.id] = .success(spending)
                } catch let fault as Fault {
                    result[payer.id] = .failure(fault)
                }
            }
            return result
        }
    }
}
