import GRDB
import Metering
import Units

/// SQL for the usage of a period: whole days from stored sums, all other time from the ledger.
///
/// It provides a table `period_usage` to the query that follows, with these columns:
/// - `tenant`: who owns the time, or `unattributed`.
/// - `container`, `meter`, `assurance`: their ids. Memory is meter 2, by the formula of the
///   tenant's price book.
/// - `day`: the civil day, counted from 1970-01-01; or `hour_s`, if hours were asked for.
/// - `hours`: the hours with usage, as bits (SQL functions `or_bits` and `bit_count`).
/// - `high`, `low`: the sums of `quantity >> 32` and `quantity & 0xffffffff`; `wide(sum(high),
///   sum(low))` is the quantity.
///
/// The query has the parameters `:from`, `:to` and `:tenant` (NULL for all).
struct PeriodUsage {
    /// What a row of the table covers.
    enum Unit {
        /// A civil day of a zone; with `nil`, of the zone whose days are summed, or UTC.
        case days(BillingZone?)
        /// An hour of the ledger.
        case hours
    }

    private let zone: BillingZone
    private let period: Period
    /// Whose usage it is: one tenant's, or everybody's.
    private let tenant: String?
    /// Whether a row is an hour.
    private let isHourly: Bool
    /// Whether table `usage_day` holds the sums of these days.
    private let isSummed: Bool

    /// Decides whether a period is read from the sums of days or from the ledger.
    init(_ db: Database, over period: Period, of tenant: String?, by unit: Unit) throws {
        (self.period, self.tenant) = (period, tenant)
        let summed = try summedZone(db)
        switch unit {
        case .hours: (zone, isHourly, isSummed) = (.utc, true, false)
        case .days(let wanted):
            zone = wanted ?? summed ?? .utc
            isHourly = false
            isSummed = summed == zone
        }
    }

    /// The common table expressions, without the word WITH.
    var sql: String {
        """
        period_span AS MATERIALIZED (
            \(spans)
        ),
        period_cut AS MATERIALIZED (
            SELECT *, \(day("since_s - 1")) + 1 AS first_day, \(day("until_s")) AS end_day
            FROM period_span
        ),
        period_usage AS (
            \((isSummed ? [days] + edges : [hours("usage")]).joined(separator: unionAll))
            \(unionAll)\(hours("usage_open"))
        )
        """
    }

    /// SQL: which tenant each account belonged to in the period.
    ///
    /// For one tenant, an index is used, without reading all containers.
    private var spans: String {
        guard tenant != nil, tenant != Tenant.unattributed else {
            return """
                SELECT container, tenant, memory_meter, max(since_s, :from) AS since_s,
                    min(until_s, :to) AS until_s
                FROM owned_time
                WHERE since_s < :to AND until_s > :from AND (:tenant IS NULL OR tenant = :tenant)
                """
        }
        return """
            SELECT a.container, a.tenant, p.meter AS memory_meter,
                max(a.since_s, p.since_s, :from) AS since_s,
                min(ifnull(a.until_s, :to), p.until_s, :to) AS until_s
            FROM attribution a JOIN paid_memory p ON p.tenant = a.tenant
            WHERE a.tenant = :tenant AND max(a.since_s, p.since_s, :from)
                < min(ifnull(a.until_s, :to), p.until_s, :to)
            """
    }

    /// SQL: the whole days of a span, from their sums.
    private var days: String {
        """
        SELECT o.tenant, o.container, iif(u.meter = o.memory_meter, 2, u.meter) AS meter,
            u.assurance, u.day, u.hours, u.high, u.low
        FROM period_cut o CROSS JOIN usage_day u ON u.container = o.container
            AND u.day >= o.first_day AND u.day < o.end_day
        WHERE u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter
        """
    }

    /// SQL: the hours of a span before its first and after its last whole day.
    ///
    /// A day has 26 hours at most, so only the rows of 26 hours (93,600 s) are read at each end.
    private var edges: [String] {
        let day = day("u.hour_s")
        return [
            hours("usage") + """
                 AND u.hour_s < o.since_s + 93600 AND \(day) < o.first_day
                    AND o.first_day > \(self.day("o.since_s"))
                """,
            hours("usage") + """
                 AND u.hour_s >= o.until_s - 93600 AND \(day) >= o.end_day
                    AND o.first_day <= o.end_day AND o.end_day = \(self.day("o.until_s - 1"))
                """,
        ]
    }

    /// SQL: the rows of a table, hour by hour.
    private func hours(_ table: String) -> String {
        let from =
            table == "usage"
            ? "period_cut o CROSS JOIN usage u" : "usage_open u CROSS JOIN period_cut o"
        return """
            SELECT o.tenant, o.container, iif(u.meter = o.memory_meter, 2, u.meter) AS meter,
                u.assurance, \(isHourly ? "u.hour_s" : day("u.hour_s") + " AS day"),
                1 << ((u.hour_s + 1799) / 1800 & 63) AS hours, u.quantity >> 32 AS high,
                u.quantity & 0xffffffff AS low
            FROM \(from) ON u.container = o.container AND u.hour_s >= o.since_s
                AND u.hour_s < o.until_s
            WHERE (u.meter NOT IN (3, 4, 5) OR u.meter = o.memory_meter)
            """
    }

    /// SQL: the number of the civil day of a time of the period.
    private func day(_ seconds: String) -> String {
        let around = Period(
            start: period.start.advanced(bySeconds: -1), end: period.end.advanced(bySeconds: 1))
        let offsets = zone.offsets(over: around ?? period)
        let arms = zip(offsets, offsets.dropFirst()).map {
            "WHEN \(seconds) < \($1.since.seconds) THEN \($0.seconds)"
        }
        let last = offsets.last?.seconds ?? 0
        let offset =
            arms.isEmpty ? "\(last)" : "CASE \(arms.joined(separator: " ")) ELSE \(last) END"
        // SQLite rounds a quotient towards zero. A million days are added first, so that no number
        // is negative.
        return "((\(seconds) + \(offset) + 86400000000) / 86400 - 1000000)"
    }
}

private let unionAll = "\nUNION ALL\n"
