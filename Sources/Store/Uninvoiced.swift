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

extension Period {
    /// What is left of the period beside others, which are in order of time.
    fileprivate func uncovered(by others: [Period]) -> [Period] {
        var (left, start) = ([Period](), start)
        for other in others {
            if let gap = Period(start: start, end: min(other.start, end)) { left.append(gap) }
            start = max(start, other.end)
        }
        return left + [Period(start: start, end: end)].compactMap(\.self)
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
