import BigInt
import Pricing
import Units

/// The cost that one hour's usage adds to a tenant's month, shared among its containers.
///
/// It is the cost of the month so far with the hour, minus the cost without it, by the rules for
/// invoices: usage, flat amounts of tiers and discounts, before taxes. So the costs of all hours of
/// a month add up to the usage on its draft. The cost is below zero where a volume price makes the
/// month cheaper.
///
/// Example: 10 GB cost 2 each, 11 GB or more cost 1 each. The hour that brings the month from 10 to
/// 11 GB costs 11 - 20 = -9.
public struct HourCost: Hashable, Sendable {
    /// One container's billable usage of one meter in the hour.
    public struct Use: Hashable, Sendable {
        /// The account's row number.
        public var container: Int64
        public var meter: String
        /// The billable quantity in base units.
        public var quantity: Int128

        public init(container: Int64, meter: String, quantity: Int128) {
            (self.container, self.meter, self.quantity) = (container, meter, quantity)
        }
    }

    /// The currency of the tenant's price book.
    public var currency: Currency
    /// The exact cost of the hour in major units.
    public var total: Rational
    /// The exact cost of each account in major units; they add up to `total`.
    ///
    /// Accounts that have ended and tenant roots are included.
    public var shares: [Int64: Rational]

    /// Computes the cost of an hour, and shares each meter's cost in proportion to the usage in it.
    ///
    /// - Parameters:
    ///   - tenant: the id of the tenant.
    ///   - before: the month without the hour.
    ///   - now: the month with the hour, over the same segments.
    ///   - uses: the usage in the hour.
    /// - Throws: as `rate` does.
    public init(
        of tenant: String, before: [SegmentUsage], now: [SegmentUsage], _ uses: [Use],
        in currency: Currency
    ) throws(Fault) {
        self.currency = currency
        let (old, new) = (try meterCosts(tenant, before), try meterCosts(tenant, now))
        let totals = uses.reduce(into: [String: Int128]()) {
            $0[$1.meter, default: 0] += $1.quantity
        }
        total = .zero
        // The cost of one base unit, by meter.
        var prices: [String: Rational] = [:]
        for meter in Set(old.keys).union(new.keys) {
            let cost = (new[meter] ?? .zero) - (old[meter] ?? .zero)
            total = total + cost
            if let used = totals[meter], used > 0 { prices[meter] = cost / Rational(used) }
        }
        // All shares get one denominator: reducing a fraction for each use would take most of the
        // time.
        let denominator = prices.values.reduce(BigInt(1)) { common, price in
            common / common.greatestCommonDivisor(with: price.denominator) * price.denominator
        }
        let numerators = prices.mapValues { $0.numerator * (denominator / $0.denominator) }
        var sums: [Int64: BigInt] = [:]
        for use in uses {
            sums[use.container, default: 0] += (numerators[use.meter] ?? 0) * BigInt(use.quantity)
        }
        shares = sums.mapValues { Rational($0, over: denominator) }
    }
}

/// The cost of each meter's lines, with their discounts.
private func meterCosts(
    _ tenant: String, _ parts: [SegmentUsage]
) throws(Fault) -> [String: Rational] {
    try statement(of: tenant, parts).reduce(into: [:]) { sums, line in
        guard let meter = line.meter else { return }
        sums[meter] = (sums[meter] ?? .zero) + line.exactAmount
    }
}
