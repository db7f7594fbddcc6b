import GRDB
import Metering
import Units

/// What each row of a usage report stands for.
public enum UsageGrouping: String, Sendable, CaseIterable {
    case tenant
    case container
    case hour
    case day
    case meter
}

extension Store {
    /// The usage of a period of whole ledger hours, added up by the grouping, meter and assurance.
    ///
    /// Quantities are in base units of the meter.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant, or `unattributed`; `nil` for all.
    ///   - zone: the billing zone, for grouping by day.
    public func usage(
        over period: Period, by grouping: UsageGrouping, tenant: String? = nil,
        in zone: BillingZone = .utc
    ) throws(Fault) -> [Usage] {
        try read { db in
            let sql = try usageQuery(db, over: period, by: grouping, tenant: tenant, in: zone)
            return try Row.fetchAll(
                db, sql: sql,
                arguments: [
                    "from": period.start.seconds, "to": period.end.seconds, "tenant": tenant,
                ]
            ).compactMap { usage($0, period, grouping, zone) }
        }
    }

    /// The SQL of a query with the columns bucket, whose, what, meter, assurance, highs and lows.
    ///
    /// `bucket` is the hour in seconds since 1970, or the day since 1970-01-01. `whose` is the
    /// tenant, `what` the container. `highs` and `lows` are the two halves of the quantity.
    private func usageQuery(
        _ db: Database, over period: Period, by grouping: UsageGrouping, tenant: String?,
        in zone: BillingZone
    ) throws -> String {
        let (unit, bucket): (PeriodUsage.Unit, String) =
            switch grouping {
            case .hour: (.hours, "hour_s")
            case .day: (.days(zone), "day")
            case .tenant, .container, .meter: (.days(nil), "NULL")
            }
        let usage = try PeriodUsage(db, over: period, of: tenant, by: unit)
        return """
            WITH \(usage.sql), added AS (
                SELECT \(bucket) AS bucket, \(grouping == .meter ? "NULL" : "tenant") AS whose,
                    \(grouping == .container ? "container" : "NULL") AS account,
                    meter, assurance, sum(high) AS high, sum(low) AS low
                FROM period_usage GROUP BY 1, 2, 3, 4, 5
            )
            SELECT bucket, whose, c.path AS what, m.shown_as AS meter, s.name AS assurance,
                sum(high) AS highs, sum(low) AS lows
            FROM added a LEFT JOIN container c ON c.id = a.account
            JOIN meter m ON m.id = a.meter JOIN assurance s ON s.id = a.assurance
            GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2 = 'unattributed', 2, 3, 4, 5
            """
    }

    private func usage(
        _ row: Row, _ period: Period, _ grouping: UsageGrouping, _ zone: BillingZone
    ) -> Usage? {
        var part = period
        if let bucket = row["bucket"] as Int64? {
            let start = Instant(seconds: bucket)
            let whole: Period? =
                grouping == .day
                ? zone.day(number: bucket)
                : zone.ledgerHour(of: start)
            guard let cut = whole?.intersection(period) else { return nil }
            part = cut
        }
        guard let meter = Meter(row["meter"] as String),
            let assurance = Assurance(rawValue: row["assurance"])
        else { return nil }
        return Usage(
            period: part, tenant: row["whose"], container: row["what"], meter: meter,
            quantity: Int128(sumOfHighs: row["highs"], sumOfLows: row["lows"]),
            assurance: assurance)
    }
}
