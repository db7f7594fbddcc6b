import BigInt
import Foundation
import GRDB
import Invoicing
import Pricing
import Units

/// Numbers the draft and writes it down for good.
func insert(
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
        let price = line.unitPrice.flatMap { DecimalParts($0) }
        let marks = Array(repeating: "?", count: 16).joined(separator: ", ")
        try db.execute(
            sql: "INSERT INTO invoice_line VALUES (\(marks))",
            arguments: [
                number, index + 1, line.kind.rawValue, line.meter, line.container,
                line.period.start.seconds, line.period.end.seconds, line.quantity?.halves.high,
                line.quantity?.halves.low, line.unit,
                price.map { Data($0.digits) }, price?.scale, line.per,
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

func load(_ db: Database, _ row: Row) throws -> Invoice {
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
    var price: DecimalParts?
    if let digits = row["unit_price_digits"] as Data?, let scale = row["unit_price_scale"] as Int64?
    {
        price = DecimalParts(digits: Array(digits), scale: scale)
        if price == nil { throw damaged(number) }
    }
    var quantity: Int128?
    if let high = row["quantity_high"] as Int64?, let low = row["quantity_low"] as Int64? {
        quantity = Int128(high: high, low: low)
    }
    return LineItem(
        kind: kind, meter: row["meter"], container: row["container"], period: period,
        quantity: quantity, unit: row["unit"], unitPrice: price?.text, per: row["per"],
        exactAmount: exact, amount: BigInt(row["amount_minor"] as Int64))
}

private func damaged(_ number: String) -> Fault {
    Fault(
        .badData, at: "invoice \(number)", found: "a row that Octroi never writes",
        cure: "The store was changed by another hand: bring back a backup of it")
}
