import BigInt
import Foundation
import GRDB
import Invoicing
import Pricing
import Units

extension WriteTransaction {
    /// Numbers a new document, stores it and adds it to the chain.
    ///
    /// - Parameters:
    ///   - invoice: the document without its number and hashes.
    ///   - series: the prefix of the number, such as `2026`. A series has no gaps, because a number
    ///     is taken in the transaction that stores the document.
    ///   - creditedLines: for a credit note, the line that each of its lines credits.
    ///   - pinned: the usage that it was computed from.
    ///   - books: the price book versions in force, each with its row.
    /// - Returns: the document with its number and hashes.
    package func issue(
        _ invoice: Invoice, series: String, creditedLines: [Int?] = [], pinned: [PinnedUsage] = [],
        books: [(row: Int64, book: PriceBook)] = [], _ digests: inout PriceBookDigests
    ) throws -> Invoice {
        let (number, sequence) = try nextNumber(db, series)
        var invoice = invoice
        invoice.number = number
        // If a life was billed at its minimum duration and grows later, a correction may be due.
        let hasMadeUp = pinned.contains { pinned in
            pinned.usage.contains { $0.billable != $0.quantity }
        }
        try insert(db, invoice, series, sequence, creditedLines, hasMadeUp, books)
        for part in pinned { try insert(db, part, of: number) }
        let (hash, previous) = try seal(db, number, &digests)
        invoice.proof = Proof(ledger: invoice.proof?.ledger, hash: hash, previous: previous)
        return invoice
    }
}

/// The next number of a series: `2026-000042` after `2026-000041`.
private func nextNumber(
    _ db: Database, _ series: String
) throws -> (number: String, sequence: Int64) {
    let last = try db.value(
        Int64.self, "SELECT max(sequence) FROM invoice WHERE series = ?", [series])
    let sequence = (last ?? 0) + 1
    // At least six digits, so that numbers sort as text.
    let digits = String(sequence)
    return (
        "\(series)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits, sequence
    )
}

/// Stores a document with its segments, lines and notes.
private func insert(
    _ db: Database, _ invoice: Invoice, _ series: String, _ sequence: Int64,
    _ creditedLines: [Int?], _ hasMadeUp: Bool, _ books: [(row: Int64, book: PriceBook)]
) throws {
    let draft = invoice.draft
    // Moves of hours up to this row are part of the invoice. Later ones may need a correction.
    let newest = try db.value(Int64.self, "SELECT max(id) FROM reattribution") ?? 0
    try db.run(
        """
        INSERT INTO invoice (number, series, sequence, tenant, period_start_s, period_end_s,
            currency, net_minor, tax_minor, total_minor, issued_ms, kind, credits, reason, zone,
            parties, ledger_entry, reattribution, has_made_up)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            invoice.number, series, sequence, draft.tenant, draft.period.start.seconds,
            draft.period.end.seconds, draft.currency.code, try minor(draft.net, of: draft),
            try minor(draft.tax, of: draft), try minor(draft.total, of: draft),
            invoice.issued.milliseconds, invoice.isCreditNote ? "credit_note" : "invoice",
            invoice.credits, invoice.reason,
            invoice.zone, try json(invoice.parties), invoice.proof?.ledger?.entry, newest,
            hasMadeUp,
        ])
    // Segments before the period only count for the tiers of the billing month.
    for (segments, isCharged) in [(draft.before, false), (draft.segments, true)] {
        for segment in segments {
            try db.run(
                "INSERT INTO invoice_segment VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    invoice.number, segment.period.start.seconds, segment.period.end.seconds,
                    books.first { $0.book == segment.book }?.row, segment.month.start.seconds,
                    segment.month.end.seconds, isCharged,
                ])
        }
    }
    var taxes = TaxText()
    // Lines are numbered from 1, as people count them.
    for (index, line) in draft.lines.enumerated() {
        let credited = creditedLines.isEmpty ? nil : creditedLines[index]
        try insert(db, line, of: invoice, index + 1, try taxes.of(line.taxes), credited)
    }
    for (place, caveat) in invoice.caveats.enumerated() {
        try db.run(
            "INSERT INTO invoice_note VALUES (?, ?, ?, ?)",
            [invoice.number, place, caveat.kind.rawValue, caveat.text])
    }
}

/// Stores one line.
private func insert(
    _ db: Database, _ line: LineItem, of invoice: Invoice, _ place: Int, _ taxes: String,
    _ credited: Int?
) throws {
    let exact = line.exactAmount.blobs
    let columns = line.columns
    // The unit price is stored as digits and scale, so that no zero is lost.
    let price = columns.unitPrice.flatMap { DecimalParts($0) }
    try db.run(
        """
        INSERT INTO invoice_line (invoice, line, kind, meter, container, period_start_s,
            period_end_s, quantity_high, quantity_low, unit, unit_price_digits,
            unit_price_scale, per, exact_numerator, exact_denominator, amount_minor, tier,
            priced_high, priced_low, taxes, reference, credits_line)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            invoice.number, place, columns.kind.rawValue, columns.meter, columns.container,
            line.period.start.seconds, line.period.end.seconds, columns.quantity?.halves.high,
            columns.quantity?.halves.low, columns.unit, price.map { Data($0.digits) }, price?.scale,
            columns.per, Data(exact.numerator), Data(exact.denominator),
            try minor(line.amount, of: invoice.draft),
            columns.tier, columns.priced?.halves.high, columns.priced?.halves.low, taxes,
            line.reference,
            credited,
        ])
}

/// Encodes taxes as JSON; the lines of an invoice mostly have the same, so texts are reused.
private struct TaxText {
    /// The texts so far.
    private var known: [[Tax]: String] = [:]

    mutating func of(_ taxes: [Tax]) throws -> String {
        if let text = known[taxes] { return text }
        let text = try json(taxes)
        known[taxes] = text
        return text
    }
}

/// An amount in minor units as a 64-bit column can hold it.
///
/// - Throws: `badData` if it is too large, naming the line with the largest amount.
private func minor(_ amount: BigInt, of draft: Draft) throws -> Int64 {
    // Columns have 64 bits. For cents the largest amount is about 92 million billion.
    if let value = Int64(exactly: amount) { return value }
    // Name the line that most likely has a wrong price or quantity.
    let largest = draft.lines.max { $0.amount.magnitude < $1.amount.magnitude }
    let line = largest.map { line in
        let container = line.container.map { " of \(quoted($0))" } ?? ""
        return ", the most of it for \(line.columns.meter)\(container)"
    }
    throw Fault(
        .badData, at: "invoice of tenant \(draft.tenant) over \(draft.period)",
        problem:
            "an amount of \(draft.currency.text(amount)) \(draft.currency)\(line ?? ""): more than "
            + "2^63 of its smallest unit",
        suggestion: "Check the quantities and the price of that meter, in base units")
}
