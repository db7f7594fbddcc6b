import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// The drafts of a period with what came to light since earlier invoices: one, or none, and one
/// more for each other currency that has corrections.
func makeDrafts(_ db: Database, _ tenant: Tenant, _ period: Period) throws -> [Draft] {
    let late = try late(db, tenant, butNot: period)
    var own: [BillableUsage] = []
    // With corrections alone, the period is invoiced too, and its prices are pinned.
    if try !late.isEmpty || hasUsage(db, tenant.id, period) {
        guard let book = tenant.priceBook else {
            throw Fault(
                .badData, at: "tenant \(tenant.id)",
                found: "it has usage to be billed and no price book",
                cure: "Name one as price_book in tenants.yaml and run octroi apply")
        }
        let books = try PriceBooks(loadBooks(db).map(\.book))
        for (part, book) in try books.segments(of: book, over: period) {
            let segment = Segment(period: part, book: book)
            let usage = try tenantUsage(db, tenant.id, part, book.memory)
            own.append(segment.bill(usage, tenant.id, isLate: false))
        }
    }
    let main = own.last?.segment.book ?? late.last?.segment.book
    let others = Set(late.map(\.segment.book.currency)).subtracting(
        [main?.currency].compactMap(\.self))
    var drafts: [Draft] = []
    for currency in [main?.currency].compactMap(\.self) + others.sorted(by: { $0.code < $1.code }) {
        let corrections = late.filter { $0.segment.book.currency == currency }
        let billable = (currency == main?.currency ? own : []) + corrections
        guard
            let book = billable.last(where: { !$0.isLate })?.segment.book
                ?? corrections.last?.segment.book
        else { continue }
        let draft = try Draft(tenant: tenant.id, period: period, billable: billable, book: book)
        if !draft.lines.isEmpty { drafts.append(draft) }
    }
    // Whichever invoice there is holds the period's segments: what comes later is found by them.
    if drafts.first?.segments.isEmpty == true { drafts[0].segments = own.map(\.segment) }
    return drafts
}

private func hasUsage(_ db: Database, _ tenant: String, _ period: Period) throws -> Bool {
    try Bool.fetchOne(
        db,
        sql: """
            SELECT EXISTS (\(ownedLedger))
            """,
        arguments: [
            "tenant": tenant, "from": period.start.seconds, "to": period.end.seconds,
        ]) ?? false
}

/// What the ledger holds beyond what was billed, for each segment of each earlier invoice.
///
/// It is priced by the version that invoice used. A meter that version had no price for takes the
/// prices in force for that time now, cut at their own dates.
private func late(
    _ db: Database, _ tenant: Tenant, butNot period: Period
) throws -> [BillableUsage] {
    let segments = try Row.fetchAll(
        db,
        sql: """
            SELECT s.* FROM invoice_segment s JOIN invoice i ON i.number = s.invoice
            WHERE i.tenant = ? AND NOT (i.period_start_s = ? AND i.period_end_s = ?)
            ORDER BY s.start_s
            """, arguments: [tenant.id, period.start.seconds, period.end.seconds])
    let books = try PriceBooks(loadBooks(db).map(\.book))
    return try segments.flatMap { row -> [BillableUsage] in
        let start = Instant(seconds: row["start_s"])
        guard let part = Period(start: start, end: Instant(seconds: row["end_s"])) else {
            return []
        }
        let segment = Segment(period: part, book: try loadBook(db, row: row["price_book"]))
        let open = try unbilled(db, tenant.id, segment)
        let priced = open.filter { segment.book.meters[$0.key.meter] != nil }
        let unpriced = Set(open.keys).subtracting(priced.keys)
        var billable: [BillableUsage] = []
        if !priced.isEmpty { billable.append(segment.bill(priced, tenant.id, isLate: true)) }
        guard !unpriced.isEmpty else { return billable }
        for (part, book) in try books.segments(of: segment.book.id, over: part) {
            let now = Segment(period: part, book: book)
            let usage = try unbilled(db, tenant.id, now).filter { unpriced.contains($0.key) }
            if !usage.isEmpty { billable.append(now.bill(usage, tenant.id, isLate: true)) }
        }
        return billable
    }
}

/// A segment's usage less what invoices hold of it.
private func unbilled(
    _ db: Database, _ tenant: String, _ segment: Segment
) throws -> [UsageKey: Int128] {
    var open = try tenantUsage(db, tenant, segment.period, segment.book.memory)
    for (key, quantity) in try billed(db, tenant, segment.period) {
        open[key, default: 0] -= quantity
    }
    return open.filter { $0.value != 0 }
}

/// The tenants with usage before a period that no invoice covers, and the hour it begins.
func uninvoicedUsage(
    _ db: Database, before period: Period, tenant: String?
) throws -> [(tenant: String, since: Instant)] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT l.tenant, min(l.hour_s) AS since FROM ledger_hour l
            JOIN tenant t ON t.id = l.tenant
            WHERE l.hour_s < :start AND (:tenant IS NULL OR l.tenant = :tenant)
                AND NOT EXISTS (
                    SELECT 1 FROM invoice_segment s JOIN invoice i ON i.number = s.invoice
                    WHERE i.tenant = l.tenant AND s.start_s <= l.hour_s AND l.hour_s < s.end_s)
            GROUP BY l.tenant ORDER BY l.tenant
            """, arguments: ["start": period.start.seconds, "tenant": tenant])
    return rows.map { ($0["tenant"], Instant(seconds: $0["since"])) }
}

extension Segment {
    fileprivate func bill(
        _ usage: [UsageKey: Int128], _ tenant: String, isLate: Bool
    ) -> BillableUsage {
        let rows = usage.compactMap { key, quantity in
            Meter(key.meter).map {
                Usage(
                    period: period, tenant: tenant, container: key.container.text, meter: $0,
                    quantity: quantity, assurance: .sampled)
            }
        }
        return BillableUsage(segment: self, usage: rows, isLate: isLate)
    }
}

/// What a tenant's invoices hold of a period or parts of it, by container and meter.
private func billed(
    _ db: Database, _ tenant: String, _ period: Period
) throws -> [UsageKey: Int128] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT container, meter, quantity_high, quantity_low
            FROM invoice_line l JOIN invoice i ON i.number = l.invoice
            WHERE i.tenant = ? AND l.period_start_s >= ? AND l.period_end_s <= ?
                AND l.kind IN ('usage', 'correction', 'unpriced')
            """, arguments: [tenant, period.start.seconds, period.end.seconds])
    return rows.reduce(into: [:]) { sum, row in
        let key = UsageKey(container: row["container"], meter: row["meter"])
        sum[key, default: 0] += Int128(high: row["quantity_high"], low: row["quantity_low"])
    }
}
