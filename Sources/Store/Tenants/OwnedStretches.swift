import GRDB
import Metering
import Units

/// Consecutive hours of a container that belong to one tenant, or to nobody.
package struct Stretch: Hashable {
    /// The container's row.
    package var container: Int64
    /// The start in seconds since 1970; the start of an hour.
    package var since: Int64
    /// The end in seconds since 1970, exclusive; the start of an hour.
    package var until: Int64
    /// The owner; `nil` for nobody.
    package var tenant: String?
}

/// Which hours of a stretch have usage.
package struct UsedHours: Hashable {
    /// The start of the first hour, in seconds since 1970.
    package var first: Int64
    /// The start of the last hour, in seconds since 1970.
    package var last: Int64
    /// The number of hours with usage between them.
    package var count: Int64
}

/// The owners of a container over a period, as stretches without gaps.
func stretches(
    _ db: Database, of container: Int64, over period: Period
) throws -> [Stretch] {
    let (from, to) = (period.start.seconds, period.end.seconds)
    let rows = try db.rows(
        """
        SELECT max(since_s, :from), min(ifnull(until_s, :to), :to), tenant FROM attribution
        WHERE container = :container AND since_s < :to AND ifnull(until_s, :to) > :from
        ORDER BY since_s
        """, ["container": container, "from": from, "to": to])
    var found: [Stretch] = []
    var reached = from
    func add(_ until: Int64, _ tenant: String?) {
        guard until > reached else { return }
        // Adjacent hours of one owner become one stretch.
        if let last = found.last, last.tenant == tenant {
            found[found.count - 1].until = until
        } else {
            found.append(
                Stretch(container: container, since: reached, until: until, tenant: tenant))
        }
        reached = until
    }
    for row in rows {
        // What lies before this row and after the last one has no owner.
        add(row[0] as Int64, nil)
        add(row[1] as Int64, row[2] as String?)
    }
    add(to, nil)
    return found
}

extension WriteTransaction {
    /// Gives the hours of a stretch to its tenant, whoever owned them before.
    ///
    /// Example: acme owns hours 0 to 10, and hours 3 to 5 are given to shop. Afterwards acme owns 0
    /// to 3 and 5 to 10, and shop owns 3 to 5.
    package func give(_ stretch: Stretch) throws {
        let rows = try db.rows(
            """
            SELECT since_s, until_s, tenant FROM attribution
            WHERE container = ? AND since_s <= ? AND (until_s IS NULL OR until_s >= ?)
            ORDER BY since_s
            """, [stretch.container, stretch.until, stretch.since])
        var (since, until): (Int64, Int64?) = (stretch.since, stretch.until)
        for row in rows {
            let (start, end, tenant): (Int64, Int64?, String?) = (row[0], row[1], row[2])
            // Rows that only touch the stretch matter only if they can be merged with it.
            let isBeside = start == stretch.until || end == stretch.since
            if isBeside, tenant != stretch.tenant { continue }
            try db.run(
                "DELETE FROM attribution WHERE container = ? AND since_s = ?",
                [stretch.container, start])
            // Adjacent hours of the same tenant are merged into one row.
            if tenant == stretch.tenant {
                since = min(since, start)
                until = until.flatMap { until in end.map { max($0, until) } }
                continue
            }
            // The other owner keeps what lies outside the stretch, before and after it.
            if start < stretch.since {
                try insert(db, stretch.container, start, min(end ?? .max, stretch.since), tenant)
            }
            if end ?? .max > stretch.until {
                try insert(db, stretch.container, max(start, stretch.until), end, tenant)
            }
        }
        try insert(db, stretch.container, since, until, stretch.tenant)
        // The record of assignments is what `attribution` is verified against.
        try noteAssignment(
            db, stretch.container, since: stretch.since, until: stretch.until, to: stretch.tenant)
    }
}

/// Inserts a row of table `attribution`; `until` is `nil` if it is open.
private func insert(
    _ db: Database, _ container: Int64, _ since: Int64, _ until: Int64?, _ tenant: String?
) throws {
    try db.run(
        "INSERT INTO attribution (container, since_s, until_s, tenant) VALUES (?, ?, ?, ?)",
        [container, since, until, tenant])
}

extension Store {
    /// The first and last hour with usage in a stretch, and their number; `nil` if there are none.
    static func usedHours(
        _ db: Database, _ stretch: Stretch
    ) throws -> UsedHours? {
        let row = try db.row(
            """
            SELECT min(hour_s), max(hour_s), count(*) FROM (
                SELECT hour_s FROM usage
                WHERE container = ?1 AND hour_s >= ?2 AND hour_s < ?3 AND quantity > 0
                UNION
                SELECT hour_s FROM usage_open
                WHERE container = ?1 AND hour_s >= ?2 AND hour_s < ?3 AND quantity > 0)
            """, [stretch.container, stretch.since, stretch.until])
        guard let row, let first = row[0] as Int64?, let last = row[1] as Int64? else { return nil }
        return UsedHours(first: first, last: last, count: row[2])
    }
}
