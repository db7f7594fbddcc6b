import BigInt
import Pricing
import Units

/// What one hour's usage adds to a tenant's month, and which container it is for.
///
/// It is what the month so far costs with the hour, less what it costs without, by the rating of
/// invoices: usage, flat amounts of tiers and discounts, before taxes. So the hours of a month add
/// up to the usage on its draft. It is below zero where a volume price makes the month cheaper.
public struct HourCost: Hashable, Sendable {
    /// What a container used of a meter in the hour, as it is billed.
    public struct Use: Hashable, Sendable {
        public var container: Int64
        public var meter: String
        public var quantity: Int128

        public init(container: Int64, meter: String, quantity: Int128) {
            (self.container, self.meter, self.quantity) = (container, meter, quantity)
        }
    }

    public var currency: Currency
    /// Exact, in major units.
    public var total: Rational
    /// By container, those that have ended and tenant roots included; they add up to `total`.
    public var shares: [Int64: Rational]

    /// Each meter's cost is shared in proportion to what containers used of it in the hour.
    ///
    /// - Parameters:
    ///   - before: the month without the hour.
    ///   - now: the month with it; of the same segments.
    ///   - uses: the hour itself.
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
        // For one base unit.
        var prices: [String: Rational] = [:]
        for meter in Set(old.keys).union(new.keys) {
            let cost = (new[meter] ?? .zero) - (old[meter] ?? .zero)
            total = total + cost
            if let used = totals[meter], used > 0 { prices[meter] = cost / Rational(used) }
        }
        // One denominator for all: reducing a fraction for each use would take most of the time.
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

/// What each meter's lines come to, their discounts taken off.
private func meterCosts(
    _ tenant: String, _ parts: [SegmentUsage]
) throws(Fault) -> [String: Rational] {
    try statement(of: tenant, parts).reduce(into: [:]) { sums, line in
        guard let meter = line.meter else { return }
        sums[meter] = (sums[meter] ?? .zero) + line.exactAmount
    }
}
