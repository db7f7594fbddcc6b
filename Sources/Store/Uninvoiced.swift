import GRDB
import Metering
import Units

/// The tenants with usage before a period that no invoice covers, and the hour it begins.
func uninvoicedUsage(
    _ db: Database, before period: Period, tenant: String?
) throws -> [(tenant: String, since: Instant)] {
    let issued = try IssuedInvoices(db, tenant: tenant)
    var result: [(tenant: String, since: Instant)] = []
    for payer in try payers(db, tenant) {
        guard let before = Period(start: beginningOfTime, end: period.start) else { continue }
        let covered = issued.covering(payer.id).map(\.period)
        let spans = try ownedSpans(db, payer.id, from: before.start, to: before.end)
        let open = before.uncovered(by: covered)
        let first = try open.lazy.compactMap { try firstHour(db, spans, $0) }.first
        if let first { result.append((payer.id, Instant(seconds: first))) }
    }
    return result
}

/// Notes that a period was invoiced, whether there was anything to bill or not.
func noteInvoiced(_ db: Database, _ period: Period, of tenant: String?, at now: Instant) throws {
    try db.execute(
        sql: """
            INSERT INTO invoiced_period (tenant, start_s, end_s, issued_ms) VALUES (?, ?, ?, ?)
            """,
        arguments: [tenant, period.start.seconds, period.end.seconds, now.milliseconds])
}

extension Drafting {
    /// Periods before this one that were invoiced when the tenant had nothing to pay, and in which
    /// it has usage now: it came late, or was another's. In order of time.
    func closed(_ tenant: String, before period: Period) throws -> [Period] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT DISTINCT start_s, end_s FROM invoiced_period
                WHERE (tenant IS NULL OR tenant = ?) AND start_s < ? ORDER BY start_s, end_s
                """, arguments: [tenant, period.start.seconds])
        // What was credited in full is billed again on demand only.
        let known = issued.covering(tenant) + issued.uncovered(tenant)
        var taken = known.map(\.period) + [period]
        var found: [Period] = []
        for row in rows {
            let (start, end): (Int64, Int64) = (row["start_s"], row["end_s"])
            guard
                let closed = Period(start: Instant(seconds: start), end: Instant(seconds: end))
            else { continue }
            for part in closed.uncovered(by: taken.sorted { $0.start < $1.start }) {
                let spans = try ownedSpans(db, tenant, from: part.start, to: part.end)
                if !spans.isEmpty, try sweep.isUsed(spans) { found.append(part) }
                taken.append(part)
            }
        }
        return found
    }
}

private func firstHour(
    _ db: Database, _ spans: [OwnedSpan], _ period: Period
) throws -> Int64? {
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
    return first
}
