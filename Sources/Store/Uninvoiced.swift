import GRDB
import Invoicing
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
    try noteInvoiced(
        db, "VALUES (?, ?, ?, ?)",
        [tenant, period.start.seconds, period.end.seconds, now.milliseconds])
}

/// Notes what of a stretch was invoiced to its tenant, before it is given to another: else it would be
/// taken off the one's bill and come on nobody's.
func noteInvoiced(_ db: Database, _ stretch: Stretch, to tenant: String, at now: Instant) throws {
    guard let giver = stretch.tenant, giver != tenant else { return }
    try noteInvoiced(
        db,
        """
        SELECT ?1, max(period_start_s, ?3), min(period_end_s, ?4), ?5 FROM invoice
        WHERE tenant = ?2 AND credits IS NULL AND period_start_s < ?4 AND period_end_s > ?3
        """, [tenant, giver, stretch.since, stretch.until, now.milliseconds])
}

/// Only inside `closingTerms`.
private func noteInvoiced(
    _ db: Database, _ rows: String, _ arguments: StatementArguments
) throws {
    let last = try db.value(Int64.self, "SELECT max(id) FROM invoiced_period") ?? 0
    try db.execute(
        sql: "INSERT INTO invoiced_period (tenant, start_s, end_s, issued_ms) \(rows)",
        arguments: arguments)
    try say(db, .invoicedPeriod, where: "r.id > ?", [last])
}

/// A stretch of time that was invoiced when a tenant had nothing to pay.
struct ClosedStretch: Hashable {
    var period: Period
    /// Whether the tenant has usage in it now: it came late, or was another's.
    var isUsed: Bool
}

extension Drafting {
    /// The stretches before a period that were invoiced when the tenant had nothing to pay, in order
    /// of time.
    func closed(_ tenant: String, before period: Period) throws -> [ClosedStretch] {
        let rows = try db.rows(
            """
            SELECT DISTINCT start_s, end_s FROM invoiced_period
            WHERE (tenant IS NULL OR tenant = ?) AND start_s < ? ORDER BY start_s, end_s
            """, [tenant, period.start.seconds])
        // What was credited in full is billed again on demand only.
        let known = issued.covering(tenant) + issued.uncovered(tenant)
        var taken = known.map(\.period) + [period]
        var found: [ClosedStretch] = []
        for row in rows {
            let (start, end): (Int64, Int64) = (row["start_s"], row["end_s"])
            guard
                let closed = Period(start: Instant(seconds: start), end: Instant(seconds: end))
            else { continue }
            for part in closed.uncovered(by: taken.sorted { $0.start < $1.start }) {
                let spans = try ownedSpans(db, tenant, from: part.start, to: part.end)
                let isUsed = try !spans.isEmpty && sweep.isUsed(spans)
                found.append(ClosedStretch(period: part, isUsed: isUsed))
                taken.append(part)
            }
        }
        return found.sorted { $0.period.start < $1.period.start }
    }

    /// The stretches that are to be billed: what is open of a period, and what was invoiced before
    /// when there was nothing to pay.
    ///
    /// Such a stretch is due once there is something to pay in its month: its usage, and its part of
    /// the fees and the minimum. It goes on one invoice with its neighbours of the same month.
    func due(
        _ tenant: Tenant, _ open: [Period], in period: Period
    ) throws -> (closed: [Period], open: [Period]) {
        var closed: [ClosedStretch] = []
        for next in try self.closed(tenant.id, before: period) {
            if let last = closed.last, let both = joined(last.period, next.period) {
                let isUsed = last.isUsed || next.isUsed
                closed[closed.count - 1] = ClosedStretch(period: both, isUsed: isUsed)
            } else {
                closed.append(next)
            }
        }
        var open = open.sorted { $0.start < $1.start }
        if let first = open.first, let last = closed.last,
            let both = joined(last.period, first)
        {
            open[0] = both
            closed.removeLast()
        }
        let due = try closed.filter { try $0.isUsed || isInDueMonth($0.period, tenant) }
        return (due.map(\.period), open)
    }

    /// Two stretches as one, if the second follows the first in a billing month.
    private func joined(_ first: Period, _ second: Period) -> Period? {
        let shared = Set(zone.months(touching: first))
            .intersection(zone.months(touching: second))
        guard first.end == second.start, !shared.isEmpty else { return nil }
        return Period(start: first.start, end: second.end)
    }

    /// Whether an invoice bills another part of its month.
    private func isInDueMonth(_ period: Period, _ tenant: Tenant) throws -> Bool {
        try issued.sharing(zone.months(touching: period), tenant.id).contains { base in
            if tenant.contract.covers(base.period) { return true }
            let spans = try ownedSpans(db, tenant.id, from: base.period.start, to: base.period.end)
            return try sweep.isUsed(spans)
        }
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
