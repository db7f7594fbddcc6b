import GRDB
import Metering
import Units

/// What a usage report gives one row each.
public enum UsageGrouping: String, Sendable, CaseIterable {
    case tenant
    case container
    case hour
    case day
    case meter
}

extension Store {
    /// Usage over a period of whole ledger hours, added up by the grouping, meter and assurance.
    ///
    /// - Parameter zone: the billing zone, whose civil days grouping by day gives.
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

    /// The SQL of a question; its columns are bucket, whose, what, meter, assurance, highs, lows.
    private func usageQuery(
        _ db: Database, over period: Period, by grouping: UsageGrouping, tenant: String?,
        in zone: BillingZone
    ) throws -> String {
        // One tenant's hours are found by what it owns, without looking at all there is.
        let isOwner = tenant != nil && tenant != Tenant.unattributed
        if grouping == .hour {
            return """
                SELECT hour_s AS bucket, tenant AS whose, NULL AS what, meter, assurance,
                    sum(quantity >> 32) AS highs, sum(quantity & 0xffffffff) AS lows
                FROM \(isOwner ? "(\(ownedLedger)) l" : "ledger_hour l")
                WHERE hour_s >= :from AND hour_s < :to AND (:tenant IS NULL OR tenant = :tenant)
                    AND \(isBilledMemory)
                GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2 = 'unattributed', 2, 3, 4, 5
                """
        }
        let usage = try PeriodUsage(db, over: period, days: grouping == .day ? zone : nil)
        return """
            WITH \(usage.sql), added AS (
                SELECT \(grouping == .day ? "day" : "NULL") AS bucket,
                    \(grouping == .meter ? "NULL" : "tenant") AS whose,
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

/// SQL: the rows of the ledger of `:tenant`, from `:from` until `:to`, as in the view ledger_hour.
///
/// It goes from what the tenant owns to the rows, which lie side by side for each container.
let ownedLedger: String = {
    func arm(_ from: String) -> String {
        """
        SELECT u.hour_s, o.tenant, c.path AS container, m.shown_as AS meter, m.memory_formula,
            u.quantity, a.name AS assurance, u.container AS container_id
        FROM \(from) JOIN container c ON c.id = u.container
        JOIN meter m ON m.id = u.meter JOIN assurance a ON a.id = u.assurance
        WHERE o.tenant = :tenant
        """
    }
    let isOwned = """
        u.container = o.container AND u.hour_s >= max(o.since_s, :from)
        AND u.hour_s < min(ifnull(o.until_s, :to), :to)
        """
    return arm("attribution o CROSS JOIN usage u ON \(isOwned)")
        + " UNION ALL " + arm("usage_open u JOIN attribution o ON \(isOwned)")
}()

/// SQL: whether a row `l` of the ledger is no memory, or memory by the formula that its tenant pays.
let isBilledMemory = """
    (l.memory_formula IS NULL OR l.memory_formula = coalesce(
        (SELECT b.memory FROM tenant t JOIN price_book b ON b.book = t.price_book
         WHERE t.id = l.tenant AND b.replaced_ms IS NULL AND b.effective_s <= l.hour_s
         ORDER BY b.effective_s DESC LIMIT 1), 'unreclaimable'))
    """
