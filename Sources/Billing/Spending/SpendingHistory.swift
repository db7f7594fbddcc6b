import Invoicing
import Store
import Pricing
import Units

extension Store {
    /// What a tenant had spent since the start of a period, at the end of each of its UTC hours.
    ///
    /// Each is what `spending` says during that hour, of what the ledger knows now: late usage
    /// stands in the hour it belongs to. The rows are read once. Each hour is rated by the sums
    /// until its end, as a volume price may change what came before.
    ///
    /// - Throws: for an unknown tenant, or one without a price book that covers the period.
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
    /// The whole UTC hours inside.
    fileprivate var hours: [Instant] {
        stride(from: start.startOfHour.seconds + 3600, to: end.seconds, by: 3600)
            .map(Instant.init(seconds:))
    }
}
