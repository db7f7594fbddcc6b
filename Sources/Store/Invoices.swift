import BigInt
import Foundation
import GRDB
import Invoicing
import Metering
import Pricing
import Units

extension Store {
    /// What invoices over the period would be now, one for each tenant with something to pay.
    public func drafts(over period: Period, tenant: String?) throws(Fault) -> [Draft] {
        try read { db in
            try payers(db, tenant).flatMap { try makeDrafts(db, $0, period) }
        }
    }

    /// Issues the invoices of a period: all that are due or none.
    ///
    /// An invoice that was issued before stays as it is and is handed back.
    ///
    /// - Parameter series: the prefix of the numbers, which run without a gap.
    public func issue(
        over period: Period, tenant: String?, series: String, at now: Instant
    ) throws(Fault) -> [Invoice] {
        try write { db in
            var result: [Invoice] = []
            for payer in try payers(db, tenant) {
                let issued = try existing(db, payer.id, period)
                guard issued.isEmpty else {
                    result += issued
                    continue
                }
                for draft in try makeDrafts(db, payer, period) {
                    result.append(try insert(db, draft, series, now))
                }
            }
            return result
        }
    }

    /// Issued invoices by number, with their lines.
    public func invoices(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil
    ) throws(Fault) -> [Invoice] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM invoice
                    WHERE (?1 IS NULL OR number = ?1) AND (?2 IS NULL OR tenant = ?2)
                        AND (?3 IS NULL OR (period_start_s >= ?3 AND period_end_s <= ?4))
                    ORDER BY series, sequence
                    """,
                arguments: [number, tenant, period?.start.seconds, period?.end.seconds])
            return try rows.map { try load(db, $0) }
        }
    }
}

private func payers(_ db: Database, _ tenant: String?) throws -> [Tenant] {
    let all = try loadTenants(db).sorted { $0.id < $1.id }
    guard let tenant else { return all }
    guard let one = all.first(where: { $0.id == tenant }) else {
        throw Fault(
            .badData, at: "tenant \(tenant)", found: "no such tenant",
            cure: "Add it to tenants.yaml and run octroi apply, or correct the name")
    }
    return [one]
}

/// The invoices of exactly this period, if they were issued.
///
/// - Throws: if one of an overlapping period was, as usage would be billed twice.
private func existing(_ db: Database, _ tenant: String, _ period: Period) throws -> [Invoice] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT * FROM invoice
            WHERE tenant = ? AND period_start_s < ? AND period_end_s > ? ORDER BY sequence
            """, arguments: [tenant, period.end.seconds, period.start.seconds])
    let invoices = try rows.map { try load(db, $0) }
    if let invoice = invoices.first(where: { $0.draft.period != period }) {
        throw Fault(
            .wrongUse, at: "period \(period)",
            found: "invoice \(invoice.number) of tenant \(tenant) covers \(invoice.draft.period)",
            cure: "Choose a period that does not overlap it; usage is invoiced once")
    }
    return invoices
}

/// The drafts of a period with what came to light since earlier invoices: one, or none, and one
/// more for each other currency that has corrections.
private func makeDrafts(_ db: Database, _ tenant: Tenant, _ period: Period) throws -> [Draft] {
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

/// Numbers the draft and writes it down for good.
private func insert(
    _ db: Database, _ draft: Draft, _ series: String, _ now: Instant
) throws -> Invoice {
    let last = try Int64.fetchOne(
        db, sql: "SELECT max(sequence) FROM invoice WHERE series = ?", arguments: [series])
    let sequence = (last ?? 0) + 1
    let digits = String(sequence)
    let number = "\(series)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    try db.execute(
        sql: "INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        arguments: [
            number, series, sequence, draft.tenant, draft.period.start.seconds,
            draft.period.end.seconds, draft.currency.code, try minor(draft.net),
            try minor(draft.tax), try minor(draft.total), now.milliseconds,
        ])
    let books = try loadBooks(db)
    for segment in draft.segments {
        try db.execute(
            sql: "INSERT INTO invoice_segment VALUES (?, ?, ?, ?)",
            arguments: [
                number, segment.period.start.seconds, segment.period.end.seconds,
                books.first { $0.book == segment.book }?.row,
            ])
    }
    for (index, line) in draft.lines.enumerated() {
        let exact = line.exactAmount.blobs
        let marks = Array(repeating: "?", count: 15).joined(separator: ", ")
        try db.execute(
            sql: "INSERT INTO invoice_line VALUES (\(marks))",
            arguments: [
                number, index + 1, line.kind.rawValue, line.meter, line.container,
                line.period.start.seconds, line.period.end.seconds, line.quantity?.halves.high,
                line.quantity?.halves.low, line.unit, line.unitPrice, line.per,
                Data(exact.numerator), Data(exact.denominator), try minor(line.amount),
            ])
    }
    return Invoice(number: number, draft: draft, issued: now)
}

/// The amount as an INTEGER column takes it.
private func minor(_ amount: BigInt) throws -> Int64 {
    guard let value = Int64(exactly: amount) else {
        throw Fault(
            .badData, at: "an amount of \(amount) minor units", found: "more than 2^63",
            cure: "Check the quantities and prices it comes from")
    }
    return value
}

private func load(_ db: Database, _ row: Row) throws -> Invoice {
    let number: String = row["number"]
    let start = Instant(seconds: row["period_start_s"])
    guard let currency = Currency(row["currency"] as String),
        let period = Period(start: start, end: Instant(seconds: row["period_end_s"]))
    else { throw damaged(number) }
    let lines = try Row.fetchAll(
        db, sql: "SELECT * FROM invoice_line WHERE invoice = ? ORDER BY line",
        arguments: [number])
    let segments = try Row.fetchAll(
        db, sql: "SELECT * FROM invoice_segment WHERE invoice = ? ORDER BY start_s",
        arguments: [number])
    let draft = Draft(
        tenant: row["tenant"], period: period, currency: currency,
        lines: try lines.map { try loadLine($0, number) },
        segments: try segments.compactMap { row in
            let start = Instant(seconds: row["start_s"])
            return try Period(start: start, end: Instant(seconds: row["end_s"])).map {
                Segment(period: $0, book: try loadBook(db, row: row["price_book"]))
            }
        })
    return Invoice(number: number, draft: draft, issued: Instant(milliseconds: row["issued_ms"]))
}

private func loadLine(_ row: Row, _ number: String) throws -> LineItem {
    let start = Instant(seconds: row["period_start_s"])
    guard let kind = LineItem.Kind(rawValue: row["kind"]),
        let period = Period(start: start, end: Instant(seconds: row["period_end_s"])),
        let exact = Rational(
            numerator: Array(row["exact_numerator"] as Data),
            denominator: Array(row["exact_denominator"] as Data))
    else { throw damaged(number) }
    var quantity: Int128?
    if let high = row["quantity_high"] as Int64?, let low = row["quantity_low"] as Int64? {
        quantity = Int128(high: high, low: low)
    }
    return LineItem(
        kind: kind, meter: row["meter"], container: row["container"], period: period,
        quantity: quantity, unit: row["unit"], unitPrice: row["unit_price"], per: row["per"],
        exactAmount: exact, amount: BigInt(row["amount_minor"] as Int64))
}

private func damaged(_ number: String) -> Fault {
    Fault(
        .badData, at: "invoice \(number)", found: "a row that Octroi never writes",
        cure: "The store was changed by another hand: bring back a backup of it")
}
