import GRDB
import Units

/// An account, and hours in which it is one tenant's.
struct OwnedSpan: Hashable {
    var container: Int64
    var path: ExactText
    /// Seconds since 1970, whole hours: from the one on, until before the other.
    var since: Int64
    var until: Int64
    /// Started seconds of its life; `nil` if it is not to be made up to a minimum.
    var life: Int64?
}

extension OwnedSpan {
    /// The part of it in a period; `nil` if there is none.
    func within(_ period: Period) -> OwnedSpan? {
        var span = self
        span.since = max(since, period.start.seconds)
        span.until = min(until, period.end.seconds)
        return span.since < span.until ? span : nil
    }
}

/// What a tenant owns of a period, by account.
func ownedSpans(
    _ db: Database, _ tenant: String, from: Instant, to: Instant
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

/// SQL: a container's kind; one that was there before the first reading is `old`, as nobody knows how long
/// it has lived: its life is not taken for a short one.
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
