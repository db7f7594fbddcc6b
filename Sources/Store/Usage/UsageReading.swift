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
    /// Usage over a period of whole hours, added up by the grouping, meter and assurance.
    ///
    /// - Parameter zone: whose civil days those of the grouping are.
    public func usage(
        over period: Period, by grouping: UsageGrouping, tenant: String? = nil,
        in zone: BillingZone = .utc
    ) throws(Fault) -> [Usage] {
        let bucket =
            switch grouping {
            case .hour: "hour_s"
            case .day: dayNumber(zone, period)
            case .tenant, .container, .meter: "NULL"
            }
        let tenantColumn = grouping == .meter ? "NULL" : "tenant"
        let container = grouping == .container ? "container" : "NULL"
        // One tenant's is found by what it owns, not by looking at all there is.
        let isOwner = tenant != nil && tenant != Tenant.unattributed
        let sql = """
            SELECT \(bucket) AS bucket, \(tenantColumn) AS whose, \(container) AS what, meter,
                assurance, sum(quantity >> 32) AS highs, sum(quantity & 0xffffffff) AS lows
            FROM \(isOwner ? "(\(ownedLedger)) l" : "ledger_hour l")
            WHERE hour_s >= :from AND hour_s < :to AND (:tenant IS NULL OR tenant = :tenant)
                AND \(isBilledMemory)
            GROUP BY 1, 2, 3, 4, 5
            ORDER BY 1, 2 = 'unattributed', 2, 3, 4, 5
            """
        return try read { db in
            try Row.fetchAll(
                db, sql: sql,
                arguments: [
                    "from": period.start.seconds, "to": period.end.seconds, "tenant": tenant,
                ]
            ).compactMap { usage($0, period, grouping, zone) }
        }
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

/// SQL: the number of the civil day that `hour_s` lies in, counted from 1970-01-01.
private func dayNumber(_ zone: BillingZone, _ period: Period) -> String {
    let offsets = zone.offsets(over: period)
    let arms = zip(offsets, offsets.dropFirst()).map {
        "WHEN hour_s < \($1.since.seconds) THEN \($0.seconds)"
    }
    let last = offsets.last?.seconds ?? 0
    let offset =
        arms.isEmpty ? "\(last)" : "CASE \(arms.joined(separator: " ")) ELSE \(last) END"
    // SQLite divides towards zero: a million days ahead, no day lies below it.
    return "(hour_s + \(offset) + 86400000000) / 86400 - 1000000"
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
