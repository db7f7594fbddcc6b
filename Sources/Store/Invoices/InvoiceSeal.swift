import Sealing
import Foundation
import GRDB
import Units

/// Adds an invoice to the chain.
///
/// - Returns: its hash and the one before it.
@discardableResult
func seal(
    _ db: Database, _ number: String, _ definitions: inout PriceBookDigests
) throws -> (hash: [UInt8], previous: [UInt8]) {
    let last = try db.row(
        "SELECT id, hash FROM invoice_seal ORDER BY id DESC LIMIT 1")
    let previous = (last?["hash"] as Data?).map { Array($0) } ?? HashChain.start
    let hash = try sealHash(db, number, after: previous, &definitions)
    try db.run(
        "INSERT INTO invoice_seal VALUES (?, ?, ?, ?)",
        [(last?["id"] as Int64? ?? 0) + 1, number, Data(previous), Data(hash)])
    return (hash, previous)
}

/// Adds invoices of an older schema to the chain, in the order in which they were issued.
func sealOlder(_ db: Database) throws {
    var definitions = PriceBookDigests()
    let numbers = try db.values(
        String.self,
        """
        SELECT number FROM invoice WHERE number NOT IN (SELECT invoice FROM invoice_seal)
        ORDER BY issued_ms, series, sequence
        """)
    for number in numbers { try seal(db, number, &definitions) }
}

/// Computes the hash of an invoice.
///
/// It covers the invoice's rows in all tables, the price books of its segments, the ledger's hash
/// when it was issued, and the hash of the invoice before it.
func sealHash(
    _ db: Database, _ number: String, after previous: [UInt8],
    _ definitions: inout PriceBookDigests
) throws -> [UInt8] {
    let digest = Digest()
    // Older schemas have no table for pins. Their invoices have none.
    // Every field is hashed with its length (`CanonicalRow`), so that fields cannot run into
    // each other.
    for (table, sql) in sealedRows where try db.tableExists(table) {
        try rows(db, sql, number) { fields in
            var row = CanonicalRow()
            row.begin(table)
            for field in fields {
                switch field.storage {
                case .null: row.add(nil)
                case .int64(let value): row.add(value)
                case .string(let text): row.add(text.utf8)
                case .blob(let data): row.add(data)
                // No column is a floating-point number. A forged one must still change the hash.
                case .double(let value): row.add("\(value)".utf8)
                }
            }
            row.end()
            digest.add(row.bytes)
        }
    }
    // A price book may be replaced later, but the version that an invoice used never changes.
    let books = try db.values(
        Int64.self, "SELECT price_book FROM invoice_segment WHERE invoice = ? ORDER BY start_s",
        [number])
    for book in books { digest.add(try definitions.digest(db, book)) }
    digest.add(previous)
    return digest.finish()
}

/// Calls `body` with the fields of each row of a query.
private func rows(
    _ db: Database, _ sql: String, _ number: String, _ body: ([DatabaseValue]) -> Void
) throws {
    let statement = try db.cachedStatement(sql: sql)
    let cursor = try Row.fetchCursor(statement, arguments: [number])
    while let row = try cursor.next() { body(Array(row.databaseValues)) }
}

/// The rows that are hashed, by table, in a fixed order.
///
/// Any change here would break every seal.
private let sealedRows = [
    (
        "invoice",
        """
        SELECT i.number, i.series, i.sequence, i.tenant, i.period_start_s, i.period_end_s,
            i.currency, i.net_minor, i.tax_minor, i.total_minor, i.issued_ms, i.kind, i.credits,
            i.reason, i.zone, i.parties, i.ledger_entry, i.reattribution, i.has_made_up, e.hash
        FROM invoice i LEFT JOIN ledger_entry e ON e.id = i.ledger_entry WHERE i.number = ?
        """
    ),
    (
        "invoice_segment",
        """
        SELECT start_s, end_s, month_start_s, month_end_s, is_charged FROM invoice_segment
        WHERE invoice = ? ORDER BY start_s
        """
    ),
    (
        "invoice_line",
        """
        SELECT line, kind, meter, container, period_start_s, period_end_s, quantity_high,
            quantity_low, unit, unit_price_digits, unit_price_scale, per, exact_numerator,
            exact_denominator, amount_minor, tier, priced_high, priced_low, taxes, reference,
            credits_line
        FROM invoice_line WHERE invoice = ? ORDER BY line
        """
    ),
    (
        "invoice_usage",
        """
        SELECT u.corrects, u.segment_s, c.path, b.boot_id, c.cgroup_id, u.since_s, u.until_s, m.name,
            u.is_unreserved, u.quantity_high, u.quantity_low, u.billable_high, u.billable_low,
            u.life_s
        FROM invoice_usage u JOIN container c ON c.id = u.container JOIN meter m ON m.id = u.meter
        LEFT JOIN boot b ON b.id = c.boot WHERE u.invoice = ?
        ORDER BY u.corrects, u.segment_s, u.container, u.since_s, u.meter, u.is_unreserved
        """
    ),
    (
        "invoice_pin",
        "SELECT corrects, pinned_on FROM invoice_pin WHERE invoice = ? ORDER BY corrects"
    ),
    ("invoice_note", "SELECT place, kind, text FROM invoice_note WHERE invoice = ? ORDER BY place"),
]

/// Hashes of price book versions, each computed only once.
package struct PriceBookDigests {
    /// The hashes so far, by row of table `price_book`.
    private var known: [Int64: [UInt8]] = [:]

    /// Starts without any hashes.
    package init() {}

    /// The hash of the price book version in a row of table `price_book`.
    mutating func digest(_ db: Database, _ row: Int64) throws -> [UInt8] {
        if let digest = known[row] { return digest }
        let book = try db.row(
            "SELECT book, effective_s, memory, definition FROM price_book WHERE id = ?",
            [row])
        let digest = Digest()
        var fields = CanonicalRow()
        fields.begin("price_book")
        // The times at which a version was applied and replaced are left out: they may change.
        for name in ["book", "memory", "definition"] {
            fields.add((book?[name] as String? ?? "").utf8)
        }
        fields.add(book?["effective_s"] as Int64?)
        fields.end()
        digest.add(fields.bytes)
        let bytes = digest.finish()
        known[row] = bytes
        return bytes
    }
}
