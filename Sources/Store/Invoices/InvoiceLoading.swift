import BigInt
import Foundation
import GRDB
import Invoicing
import Pricing
import Units

/// Loads an issued invoice or credit note by its number.
///
/// - Throws: `badData` if there is none, or if its rows are not what Octroi writes.
func loadInvoice(_ db: Database, _ number: String) throws -> Invoice {
    let row = try db.row(
        "SELECT * FROM invoice WHERE number = ?", [number])
    guard let row else {
        throw Fault(
            .badData, at: "invoice \(escapingControlCharacters(number))",
            problem: "no such invoice",
            suggestion: "octroi invoice list shows them")
    }
    return try load(db, row)
}

/// Builds an invoice from its row and loads its lines, segments, notes and proof.
func load(_ db: Database, _ row: Row) throws -> Invoice {
    let number: String = row["number"]
    let start = Instant(seconds: row["period_start_s"])
    // Octroi never writes an unknown currency or an empty period.
    guard let currency = Currency(row["currency"] as String),
        let period = Period(start: start, end: Instant(seconds: row["period_end_s"]))
    else { throw damaged(number) }
    let (before, segments) = try loadSegments(db, number)
    let lines = try db.rows(
        "SELECT * FROM invoice_line WHERE invoice = ? ORDER BY line",
        [number]
    ).map { try loadLine($0, number, segments) }
    // A credit note itself can never be credited.
    let isCreditNote = row["kind"] as String == "credit_note"
    return Invoice(
        number: number,
        draft: Draft(
            tenant: row["tenant"], period: period, currency: currency, lines: lines,
            segments: segments, before: before),
        issued: Instant(milliseconds: row["issued_ms"]),
        status: isCreditNote ? .creditNote : try status(db, number, lines), credits: row["credits"],
        reason: row["reason"], zone: row["zone"], parties: try parties(row["parties"]),
        caveats: try loadCaveats(db, number), proof: try loadProof(db, row))
}

/// Parses the seller and buyer; `{}` is what older schemas contain.
private func parties(_ text: String) throws -> Parties {
    text == "{}" ? Parties() : try JSONDecoder().decode(Parties.self, from: Data(text.utf8))
}

/// Whether an invoice is credited, in part or in full.
private func status(
    _ db: Database, _ number: String, _ lines: [LineItem]
) throws -> Invoice.Status {
    let credited = try ReadTransaction(db: db).creditedLines(of: number)
    if credited.isEmpty { return .issued }
    // Tax lines are not credited one by one; they follow from the others.
    return credited.count == lines.count { !$0.isTax } ? .credited : .partlyCredited
}

/// Loads the segments: those that only count for tiers (`before`), and those that are charged.
private func loadSegments(
    _ db: Database, _ number: String
) throws -> (before: [Segment], charged: [Segment]) {
    let rows = try db.rows(
        "SELECT * FROM invoice_segment WHERE invoice = ? ORDER BY start_s",
        [number])
    var (before, charged) = ([Segment](), [Segment]())
    for row in rows {
        let start = Instant(seconds: row["start_s"])
        // Older schemas did not store billing months; they were UTC months then.
        var month = Period(monthOf: start)
        if let from = row["month_start_s"] as Int64?, let to = row["month_end_s"] as Int64? {
            month =
                Period(start: Instant(seconds: from), end: Instant(seconds: to)) ?? month
        }
        guard let period = Period(start: start, end: Instant(seconds: row["end_s"])) else {
            throw damaged(number)
        }
        let segment = Segment(
            period: period, month: month, book: try loadBook(db, row: row["price_book"]))
        // Segments before the period only count for tiers; they are not charged.
        if row["is_charged"] as Bool { charged.append(segment) } else { before.append(segment) }
    }
    return (before, charged)
}

/// Loads the caveats printed on an invoice.
private func loadCaveats(_ db: Database, _ number: String) throws -> [MeteringCaveat] {
    try db.rows(
        "SELECT kind, text FROM invoice_note WHERE invoice = ? ORDER BY place",
        [number]
    ).compactMap { row in
        MeteringCaveat.Kind(rawValue: row["kind"]).map { MeteringCaveat($0, row["text"]) }
    }
}

/// Loads the hashes that an invoice is sealed with; `nil` if it is not in the chain.
private func loadProof(_ db: Database, _ row: Row) throws -> Proof? {
    let seal = try db.row(
        """
        SELECT s.hash, s.previous, e.id AS entry, e.hash AS ledger
        FROM invoice_seal s LEFT JOIN ledger_entry e ON e.id = ? WHERE s.invoice = ?
        """, [row["ledger_entry"] as Int64?, row["number"] as String])
    guard let seal else { return nil }
    // Invoices of an older schema refer to no ledger entry.
    var ledger: Proof.Ledger?
    if let entry = seal["entry"] as Int64?, let hash = seal["ledger"] as Data? {
        ledger = Proof.Ledger(entry: entry, hash: Array(hash))
    }
    return Proof(
        ledger: ledger, hash: Array(seal["hash"] as Data),
        previous: Array(seal["previous"] as Data))
}

/// Builds a line item from its row.
///
/// - Parameters:
///   - number: the invoice's number, for error messages.
///   - segments: the invoice's segments. Lines of older schemas have no taxes of their own and take
///     those of the last segment's price book.
func loadLine(_ row: Row, _ number: String, _ segments: [Segment]) throws -> LineItem {
    let start = Instant(seconds: row["period_start_s"])
    guard let kind = LineItem.Kind(rawValue: row["kind"]),
        let period = Period(start: start, end: Instant(seconds: row["period_end_s"])),
        // The exact amount before rounding, kept so that verification can compare it.
        let exact = Rational(
            numerator: Array(row["exact_numerator"] as Data),
            denominator: Array(row["exact_denominator"] as Data))
    else { throw damaged(number) }
    var price: DecimalParts?
    // Lines without a unit price, such as fees, have NULL here.
    if let digits = row["unit_price_digits"] as Data?, let scale = row["unit_price_scale"] as Int64?
    {
        price = DecimalParts(digits: Array(digits), scale: scale)
        if price == nil { throw damaged(number) }
    }
    let taxes =
        try (row["taxes"] as String?).map {
            try JSONDecoder().decode([Tax].self, from: Data($0.utf8))
        } ?? (kind == .tax ? [] : segments.last?.book.taxes ?? [])
    // `LineColumns` is the only place that turns columns into what a line is about, and back.
    let columns = LineColumns(
        kind: kind, meter: row["meter"], tier: row["tier"], container: row["container"],
        quantity: quantity(row, "quantity"), priced: quantity(row, "priced"), unit: row["unit"],
        unitPrice: price?.text, per: row["per"])
    guard let subject = columns.subject else { throw damaged(number) }
    return LineItem(
        subject, period: period, exactAmount: exact, amount: BigInt(row["amount_minor"] as Int64),
        taxes: taxes, isCorrection: kind == .correction, reference: row["reference"])
}

/// Reads a 128-bit quantity from two columns; `nil` if it is NULL.
private func quantity(_ row: Row, _ name: String) -> Int128? {
    guard let high = row["\(name)_high"] as Int64?, let low = row["\(name)_low"] as Int64? else {
        return nil
    }
    return Int128(high: high, low: low)
}

/// The fault for rows that cannot come from Octroi.
func damaged(_ number: String) -> Fault {
    Fault(
        .badData, at: "invoice \(number)", problem: "a row that Octroi never writes",
        suggestion: "Something other than Octroi changed the store: restore a backup of it")
}
