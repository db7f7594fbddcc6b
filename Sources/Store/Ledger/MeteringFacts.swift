import GRDB
import Metering
import Units

/// Time in which the collector did not run.
package struct CollectorGap {
    package var since: Instant
    package var until: Instant
    package var reason: String
}

/// Time of a container's life that was not metered.
package struct UnmeteredTime {
    package var path: String
    /// `nil` if the beginning is not known.
    package var since: Instant?
    package var until: Instant
    package var reason: String
}

extension ReadTransaction {
    /// The gaps that overlap a period, in order of time.
    package func gaps(in period: Period) throws -> [CollectorGap] {
        try db.rows(
            "SELECT * FROM gap WHERE since_ms < ? AND until_ms > ? ORDER BY since_ms, id",
            [period.end.milliseconds, period.start.milliseconds]
        ).map {
            CollectorGap(
                since: Instant(milliseconds: $0["since_ms"]),
                until: Instant(milliseconds: $0["until_ms"]), reason: $0["reason"])
        }
    }

    /// The wall time of the newest tick that is not later than an instant; `nil` if there is none.
    ///
    /// Ticks count in the order they were written, not by their times: a clock that ran ahead once does
    /// not hide those that came after.
    package func newestTick(until time: Instant?) throws -> Instant? {
        try db.value(
            Int64.self, "SELECT wall_ms FROM tick WHERE wall_ms <= ? ORDER BY id DESC LIMIT 1",
            [time?.milliseconds ?? .max]
        ).map(Instant.init(milliseconds:))
    }

    /// The time of a tenant's containers that was not metered, if it overlaps a period.
    package func unmeteredTime(of tenant: String, in period: Period) throws -> [UnmeteredTime] {
        try db.rows(
            """
            SELECT c.path, u.since_ms, u.until_ms, u.reason FROM attribution a
            CROSS JOIN unmetered u ON u.container = a.container
            JOIN container c ON c.id = a.container
            WHERE a.tenant = :tenant AND ifnull(u.since_ms, u.until_ms) < :to
                AND u.until_ms > :from AND a.since_s * 1000 < u.until_ms
                AND (a.until_s IS NULL OR a.until_s * 1000 > ifnull(u.since_ms, u.until_ms))
            ORDER BY u.until_ms, c.path
            """,
            [
                "tenant": tenant, "from": period.start.milliseconds, "to": period.end.milliseconds,
            ]
        ).map {
            UnmeteredTime(
                path: $0["path"],
                since: ($0["since_ms"] as Int64?).map(Instant.init(milliseconds:)),
                until: Instant(milliseconds: $0["until_ms"]), reason: $0["reason"])
        }
    }

    /// The number of a tenant's containers in a period whose kernel memory is a sum of parts.
    ///
    /// Kernels before 5.18 do not print `kernel` in memory.stat. The parts add up to a little less.
    package func containersWithoutKernelMemory(
        of tenant: String, in period: Period
    ) throws -> Int {
        try db.value(
            Int.self,
            """
            SELECT count(DISTINCT x.container) FROM attribution a
            CROSS JOIN absence x ON x.container = a.container
            WHERE a.tenant = :tenant AND x.file = 'memory.stat kernel' AND x.since_ms < :to
                AND coalesce(x.until_ms, :to) > :from AND a.since_s * 1000 < :to
                AND coalesce(a.until_s * 1000, :to) > :from
            """,
            [
                "tenant": tenant, "from": period.start.milliseconds, "to": period.end.milliseconds,
            ]) ?? 0
    }

    /// The tenant's time in a period in which a priced meter was not measured, in order of time.
    package func unmeasuredTime(of tenant: String, over period: Period) throws -> [Unmeasured] {
        try Store.unmeasuredTime(db, of: tenant, over: period)
    }

    /// Usage in a period that was both metered and imported.
    package func usageCountedTwice(over period: Period) throws -> [CountedTwice] {
        try Store.usageCountedTwice(db, over: period)
    }
}

extension WriteTransaction {
    /// Closes the open rows of a period, so that the usage of an invoice never changes.
    ///
    /// Usage that arrives later for these hours gets an entry of its own. The next invoice corrects
    /// it.
    package func closeRows(of period: Period, at now: Instant) throws {
        let next = now.startOfHour.advanced(bySeconds: 3600)
        let end = min(period.end, next)
        let isOpen = try db.value(
            Bool.self, "SELECT EXISTS (SELECT 1 FROM usage_open WHERE hour_s < ?)",
            [end.seconds])
        guard isOpen == true else { return }
        // Ticks are closed when their samples are sealed, which the collector does by the hour.
        try closeHours(db, before: end, lastTick: try LedgerEntry.last(db).lastTick, at: now)
    }
}
