import Store
import Invoicing
import Limits
import Metering
import Pricing
import Units

extension Budget.Span {
    /// The day or month of the zone that holds an instant.
    public func around(_ now: Instant, in zone: BillingZone) -> Period {
        switch self {
        case .day: zone.day(of: now).period
        case .month: zone.month(of: now)
        }
    }
}

extension Store {
    /// What tenants have spent in the billing month or day that holds `now`, by tenant id.
    ///
    /// Hours that are not closed yet count. Each tenant takes one pass over its ledger rows of the
    /// month so far, and four ratings of the sums; the passes take most of the time. They hold the
    /// connection, so a collector uses a store of its own for this.
    ///
    /// - Parameters:
    ///   - tenants: the ids of the tenants; `nil` is all that are not removed.
    ///   - span: whether the day or the month is counted.
    /// - Returns: for each tenant its spending, or the reason why it is not known: the tenant has
    ///   no price book, or its book does not cover the period.
    /// - Throws: for an id that no tenant has.
    public func spending(
        of tenants: [String]? = nil, per span: Budget.Span, in zone: BillingZone = .utc,
        at now: Instant
    ) throws(Fault) -> [String: Result<TenantSpending, Fault>] {
        try reading { db in
            let asked = tenants.map(Set.init)
            let all = try db.tenants(withRemoved: asked != nil)
            // For an id that no tenant has, this throws.
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
