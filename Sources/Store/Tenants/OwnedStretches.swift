import GRDB
import Metering
import Units

/// Hours of a container that are one tenant's, or nobody's.
package struct Stretch: Hashable {
    package var container: Int64
    /// The first second, since 1970: a whole hour.
    package var since: Int64
    /// The second after the last: a whole hour.
    package var until: Int64
    /// `nil` is nobody.
    package var tenant: String?
}

/// The hours of a stretch with usage.
package struct UsedHours: Hashable {
    /// Their starts, in seconds since 1970.
    package var first: Int64
    package var last: Int64
    package var count: Int64
}

/// Whose the hours of a container are over a period, without a gap.
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
        if let last = found.last, last.tenant == tenant {
            found[found.count - 1].until = until
        } else {
            found.append(
                Stretch(container: container, since: reached, until: until, tenant: tenant))
        }
        reached = until
    }
    for row in rows {
        add(row[0] as Int64, nil)
        add(row[1] as Int64, row[2] as String?)
    }
    add(to, nil)
    return found
}

extension WriteTransaction {
    /// Gives the hours of a stretch to its tenant, whoever had them.
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
            let isBeside = start == stretch.until || end == stretch.since
            if isBeside, tenant != stretch.tenant { continue }
            try db.run(
                "DELETE FROM attribution WHERE container = ? AND since_s = ?",
                [stretch.container, start])
            // What lies beside it and is of the same tenant becomes one row with it.
            if tenant == stretch.tenant {
                since = min(since, start)
                until = until.flatMap { until in end.map { max($0, until) } }
                continue
            }
            if start < stretch.since {
                try insert(db, stretch.container, start, min(end ?? .max, stretch.since), tenant)
            }
            if end ?? .max > stretch.until {
                try insert(db, stretch.container, max(start, stretch.until), end, tenant)
            }
        }
        try insert(db, stretch.container, since, until, stretch.tenant)
        try noteAssignment(
            db, stretch.container, since: stretch.since, until: stretch.until, to: stretch.tenant)
    }
}

private func insert(
    _ db: Database, _ container: Int64, _ since: Int64, _ until: Int64?, _ tenant: String?
) throws {
    try db.run(
        "INSERT INTO attribution (container, since_s, until_s, tenant) VALUES (?, ?, ?, ?)",
        [container, since, until, tenant])
}

extension Store {
    /// The first and the last hour with usage in a stretch, and how many there are; `nil` if none.
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
