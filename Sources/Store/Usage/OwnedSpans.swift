import GRDB
import Invoicing
import Units

extension ReadTransaction {
    /// The hours between two instants that belong to a tenant, in order of account and time.
    ///
    /// Each span is cut to the two instants.
    package func ownedSpans(
        _ tenant: String, from: Instant, to: Instant
    ) throws -> [OwnedSpan] {
        try db.rows(
            """
            SELECT a.container, max(a.since_s, :from) AS since, min(ifnull(a.until_s, :to), :to)
                AS until, c.path, \(kindByAge), c.first_seen_ms, c.last_seen_ms
            FROM attribution a CROSS JOIN container c ON c.id = a.container
            WHERE a.tenant = :tenant AND a.since_s < :to AND ifnull(a.until_s, :to) > :from
            ORDER BY a.container, a.since_s
            """,
            ["tenant": tenant, "from": from.seconds, "to": to.seconds]
        ).map { row in
            OwnedSpan(
                container: row["container"], path: ExactText(row["path"]), since: row["since"],
                until: row["until"], life: try life(db, row))
        }
    }

    /// The first hour of a period with a closed row in one of the spans; `nil` if there is none.
    package func firstHour(of spans: [OwnedSpan], in period: Period) throws -> Instant? {
        var find = try FastStatement(
            db,
            """
            SELECT (SELECT min(hour_s) FROM usage WHERE container = ?1 AND hour_s >= ?2 AND hour_s < ?3)
            """)
        var first: Int64?
        for span in spans {
            let (from, to) = (
                max(span.since, period.start.seconds), min(span.until, period.end.seconds)
            )
            guard from < to else { continue }
            find.bind(span.container, from, to)
            if try find.step(), let hour = find.integer(0) { first = min(first ?? hour, hour) }
            find.reset()
        }
        return first.map(Instant.init(seconds:))
    }
}

/// SQL: a container's kind; `old` if it existed before the first reading.
///
/// It is not known how long such a container has lived, so no minimum duration applies to it.
let kindByAge = """
    CASE WHEN c.kind = 'container' AND EXISTS (SELECT 1 FROM unmetered b
        WHERE b.container = c.id AND b.reason = 'before_first_reading')
    THEN 'old' ELSE c.kind END AS kind
    """

/// The started seconds of an account's life: of a container from its first to its last reading, of
/// an import from its rows' first start to their last end.
func life(_ db: Database, _ row: Row) throws -> Int64? {
    let kind: String = row["kind"]
    var ends: (Int64, Int64)?
    if kind == "container" { ends = (row["first_seen_ms"], row["last_seen_ms"]) }
    if kind == "imported" {
        let imported = try db.row(
            "SELECT min(start_ms), max(end_ms) FROM usage_import WHERE container = ?",
            [row["container"] as Int64])
        if let start = imported?[0] as Int64?, let end = imported?[1] as Int64? {
            ends = (start, end)
        }
    }
    return ends.map { max(1, ($0.1 - $0.0 + 999) / 1000) }
}
