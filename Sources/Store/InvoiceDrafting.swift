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
            SELECT EXISTS (SELECT 1 FROM ledger_hour
                WHERE tenant = ? AND hour_s >= ? AND hour_s < ?)
            """, arguments: [tenant, period.start.seconds, period.end.seconds]) ?? false
}

/// What the ledger holds beyond what was billed, for each segment of each earlier invoice.
///
/// It is priced by the version that invoice used. A meter that version had no price for takes the
/// price of the version in force for that time now.
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
    return try segments.compactMap { row in
        let start = Instant(seconds: row["start_s"])
        guard let part = Period(start: start, end: Instant(seconds: row["end_s"])) else {
            return nil
        }
        var book = try loadBook(db, row: row["price_book"])
        var open = try tenantUsage(db, tenant.id, part, book.memory)
        for (key, quantity) in try billed(db, tenant.id, part) { open[key, default: 0] -= quantity }
        open = open.filter { $0.value != 0 }
        guard !open.isEmpty else { return nil }
        if let now = try? books.segments(of: book.id, over: part).last?.book {
            book.meters.merge(now.meters) { pinned, _ in pinned }
            book.unpriced = now.unpriced
        }
        return Segment(period: part, book: book).bill(open, tenant.id, isLate: true)
    }
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

/// What a tenant's invoices hold for a segment, by container and meter.
private func billed(
    _ db: Database, _ tenant: String, _ period: Period
) throws -> [UsageKey: Int128] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT container, meter, quantity_high, quantity_low
            FROM invoice_line l JOIN invoice i ON i.number = l.invoice
            WHERE i.tenant = ? AND l.period_start_s = ? AND l.period_end_s = ?
                AND l.kind IN ('usage', 'correction', 'unpriced')
            """, arguments: [tenant, period.start.seconds, period.end.seconds])
    return rows.reduce(into: [:]) { sum, row in
        let key = UsageKey(container: row["container"], meter: row["meter"])
        sum[key, default: 0] += Int128(high: row["quantity_high"], low: row["quantity_low"])
    }
}
