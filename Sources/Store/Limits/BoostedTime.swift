import GRDB
import Metering
import Units

/// A time in which a tenant or container had boosted limits.
public struct BoostedSpan: Hashable, Sendable {
    /// The time, cut to the period that was asked for.
    public var period: Period
    /// The tenant that the boosted cgroups belong to; `nil` if none.
    public var tenant: String?
    /// The cgroups whose limits were boosted.
    public var paths: [String]
    /// Whether the boost was of a tenant as a whole and not of one container.
    public var isTenant: Bool

    /// Whether a row of usage belongs to what was boosted.
    public func covers(_ usage: Usage) -> Bool {
        // Usage of all tenants together has no tenant and counts in any case.
        if let owner = usage.tenant, owner != tenant ?? Tenant.unattributed { return false }
        guard let container = usage.container, !isTenant else { return true }
        return paths.contains(container)
    }
}

extension Store {
    /// The boosts that were in force within a period, up to `now`.
    public func boostedSpans(over period: Period, at now: Instant) throws(Fault) -> [BoostedSpan] {
        try read { db in
            let rows = try db.rows(
                """
                SELECT o.change_set, o.kind, o.tenant, min(o.since_ms) AS since_ms,
                    max(coalesce(o.ended_ms, ?3)) AS ended_ms
                FROM limit_overlay o
                WHERE o.source = 'boost' AND o.since_ms < ?2 AND coalesce(o.ended_ms, ?3) > ?1
                GROUP BY o.change_set ORDER BY o.change_set
                """,
                [period.start.milliseconds, period.end.milliseconds, now.milliseconds])
            return try rows.compactMap { row in
                let start = max(Instant(milliseconds: row["since_ms"]), period.start)
                let end = min(Instant(milliseconds: row["ended_ms"]), period.end)
                guard let span = Period(start: start, end: end) else { return nil }
                // The cgroups that the boost itself changed, and those that the daemon set again
                // later, because their container was created anew while the boost was in force.
                let paths = try db.values(
                    String.self,
                    """
                    SELECT DISTINCT path FROM limit_change WHERE change_set = ?1
                    UNION
                    -- Where the daemon set it again: in a container that was made anew.
                    SELECT c.path FROM limit_overlay o
                    JOIN limit_change_set s ON s.action = 'reassert' AND s.target = o.target
                        AND s.at_ms >= o.since_ms
                        AND s.at_ms <= coalesce(o.ended_ms, s.at_ms)
                    JOIN limit_change c ON c.change_set = s.id AND c.file = o.file
                    WHERE o.change_set = ?1
                    """,
                    [row["change_set"] as Int64])
                return BoostedSpan(
                    period: span, tenant: row["tenant"], paths: paths,
                    isTenant: row["kind"] == "tenant")
            }
        }
    }
}

extension [BoostedSpan] {
    /// How long the container or tenant of a usage row was boosted within the row's period, in ms.
    ///
    /// Time with two boosts counts once. Example: boosts from 10:00 to 11:00 and from 10:30 to
    /// 12:00 are two hours.
    public func milliseconds(of usage: Usage) -> Int64 {
        var (total, end) = (Int64(0), Int64.min)
        let spans = filter { $0.covers(usage) }.map(\.period)
            .sorted { $0.start < $1.start }
        // `end` is how far time has been counted.
        for span in spans {
            let from = Swift.max(span.start.milliseconds, usage.period.start.milliseconds, end)
            let until = Swift.min(span.end.milliseconds, usage.period.end.milliseconds)
            if until > from { total += until - from }
            end = Swift.max(end, until)
        }
        return total
    }
}
