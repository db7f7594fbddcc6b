import Invoicing
import Store
import Pricing
import Units

extension Store {
    /// What a tenant had spent since the start of a period, at the end of each of its UTC hours.
    ///
    /// Each value is what `spending` would have said during that hour, by what the ledger knows
    /// now: late usage counts in the hour that it belongs to. Rows are read once. Each hour is
    /// rated by the sums up to its end, because a volume price can change the cost of earlier
    /// hours.
    ///
    /// - Returns: the ends of the hours and the net amounts in major units, oldest first. Segments
    ///   that end inside an hour add a point.
    /// - Throws: for an unknown tenant, and for one without a price book that covers the period.
    public func spendingHistory(
        of tenant: String, over period: Period, in zone: BillingZone = .utc
    ) throws(Fault) -> [(at: Instant, spent: Rational)] {
        try reading { db in
            var points: [(at: Instant, spent: Rational)] = []
            for payer in try db.payers(tenant) {
                let reader = try PricedUsageReader(db, zone)
                let usage = try reader.read(payer, over: period, cutAt: period.hours)
                var sums = SpendingSums(usage)
                for piece in usage.pieces.indices {
                    sums.add(piece)
                    // Pieces before the period only fill the tiers.
                    guard usage.charged.contains(usage.owners[piece]) else { continue }
                    let end = usage.pieces[piece].period.end
                    points.append((end, try sums.spent(until: end)))
                }
            }
            return points
        }
    }
}

extension Period {
    /// The starts of the UTC hours inside the period.
    fileprivate var hours: [Instant] {
        stride(from: start.startOfHour.seconds + 3600, to: end.seconds, by: 3600)
            .map(Instant.init(seconds:))
    }
}
