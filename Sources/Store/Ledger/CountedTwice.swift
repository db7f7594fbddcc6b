import GRDB
import Metering
import Units

/// Usage that was both metered and imported, so that its tenant would pay for it twice.
public struct CountedTwice: Hashable, Sendable {
    /// Who pays for the imported rows.
    public var tenant: String
    public var container: String
    public var meter: String
    /// From the start of the first such row to the end of the last.
    public var period: Period
    /// The number of imported rows.
    public var rows: Int
    /// The imported quantity, in base units of the meter.
    public var quantity: Int128

    /// One sentence, as it is printed on an invoice.
    public var text: String {
        "\(escapingControlCharacters(container)), \(meter): metered by Octroi and imported for the same time, "
            + "\(quantity) in \(rows) \(rows == 1 ? "row" : "rows") from \(period.start) to "
            + "\(period.end)"
    }
}

extension Store {
    /// Usage in a period that was both metered and imported; `nil` is all time.
    public func countedTwice(over period: Period?) throws(Fault) -> [CountedTwice] {
        try read { try Store.usageCountedTwice($0, over: period ?? .allTime) }
    }

    /// Imported usage that Octroi metered at the same time, under the same path and meter.
    ///
    /// An import is refused if a container of that path is known. A container that starts later is
    /// found here, before it is billed, because the collector has no time to look for it.
    ///
    /// Hours that were moved to another tenant (`tenant assign`) count once for each of the two.
    static func usageCountedTwice(_ db: Database, over period: Period) throws -> [CountedTwice] {
        let rows = try Row.fetchCursor(
            db, sql: doubleRows,
            arguments: ["from": period.start.milliseconds, "to": period.end.milliseconds])
        var found: [CountedTwice] = []
        while let row = try rows.next() {
            let (tenant, path, meter): (String, String, String) = (row[0], row[1], row[2])
            let (start, end) = (Instant(milliseconds: row[3]), Instant(milliseconds: row[4]))
            let quantity = Int128(high: row[5], low: row[6])
            guard let period = Period(start: start, end: end) else { continue }
            if let last = found.last, last.tenant == tenant, last.meter == meter,
                ExactText(last.container) == ExactText(path)
            {
                found[found.count - 1].add(period, quantity)
            } else {
                found.append(
                    CountedTwice(
                        tenant: tenant, container: path, meter: meter, period: period, rows: 1,
                        quantity: quantity))
            }
        }
        return found
    }
}

extension CountedTwice {
    /// Adds another row of the same tenant, container and meter.
    fileprivate mutating func add(_ other: Period, _ more: Int128) {
        period = Period(start: period.start, end: max(period.end, other.end)) ?? period
        rows += 1
        quantity += more
    }
}

/// SQL: each imported row with metered usage at the same time, and the tenant that pays for it.
///
/// The time in question is the intersection of the row, the container's life, the tenant's hours
/// and the period. A tenant root is compared by its control total, because the ledger has only the part
/// of its usage that no container got.
private let doubleRows = """
    WITH pair AS MATERIALIZED (
        SELECT i.id AS imported, i.import_tenant, m.id AS metered, m.path, m.first_seen_ms AS since,
            CASE WHEN EXISTS (SELECT 1 FROM position p WHERE p.container = m.id)
                THEN 9223372036854775807 ELSE m.last_seen_ms END AS until
        FROM container i JOIN container m ON m.path = i.path AND m.boot IS NOT NULL
        WHERE i.kind = 'imported'),
    shared AS (
        SELECT p.imported, p.import_tenant, p.metered, p.path, a.tenant, u.meter, u.start_ms, u.end_ms,
            u.quantity_high, u.quantity_low,
            max(u.start_ms, p.since, a.since_s * 1000, :from) AS since,
            min(u.end_ms, p.until, ifnull(a.until_s * 1000, :to), :to) AS until
        FROM pair p
        CROSS JOIN usage_import u ON u.container = p.imported
            AND u.start_ms < min(p.until, :to) AND u.end_ms > max(p.since, :from)
            AND (u.quantity_high > 0 OR u.quantity_low <> 0)
        CROSS JOIN attribution a ON a.container = p.imported AND a.tenant IS NOT NULL
            AND a.since_s * 1000 < u.end_ms AND ifnull(a.until_s * 1000, :to) > u.start_ms)
    SELECT DISTINCT s.tenant, s.path, n.shown_as, s.start_ms, s.end_ms, s.quantity_high, s.quantity_low
    FROM shared s CROSS JOIN meter n ON n.id = s.meter
    WHERE s.since < s.until
        AND EXISTS (SELECT 1 FROM attribution b
            WHERE b.container = s.metered AND b.since_s * 1000 < s.until
                AND ifnull(b.until_s * 1000, :to) > s.since
                AND (b.tenant = s.tenant OR (b.tenant IS NOT NULL AND s.tenant = s.import_tenant)))
        AND (\(["usage", "usage_open", "control_total"].map(meteredBeside).joined(separator: " OR ")))
    ORDER BY 1, 2, 3, 4, 5
    """

/// SQL: whether a table holds usage of the container and meter in an hour of that time.
private func meteredBeside(_ table: String) -> String {
    """
    EXISTS (SELECT 1 FROM \(table) h WHERE h.container = s.metered
        AND h.hour_s > s.since / 1000 - 3600 AND h.hour_s * 1000 < s.until AND h.quantity > 0
        AND h.meter IN (SELECT k.id FROM meter k WHERE k.shown_as = n.shown_as))
    """
}
