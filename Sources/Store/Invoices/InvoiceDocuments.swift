import Foundation
import GRDB
import Invoicing
import Metering
import Pricing
import Units

extension Store {
    /// An invoice with all that is shown beside its lines.
    ///
    /// - Parameters:
    ///   - zone: the zone that the invoice names.
    ///   - hasHours: whether its usage by the hour is wanted, too, which reads the ledger.
    public func document(
        of invoice: Invoice, in zone: BillingZone, hasHours: Bool = false
    ) throws(Fault) -> InvoiceDocument {
        try read { db in
            var numbers = Set(invoice.draft.lines.compactMap(\.reference))
            if let credits = invoice.credits { numbers.insert(credits) }
            var segments = invoice.draft.segments
            var references: [String: Instant] = [:]
            var creditedEnd: Instant?
            // A credit note has no usage of its own and shows that of the invoice it credits.
            var measured = invoice
            // Corrections and credits refer to other invoices, whose prices and dates exports show.
            for number in numbers.sorted() {
                let other = try loadInvoice(db, number)
                segments += other.draft.segments
                references[number] = other.issued
                if number == invoice.credits {
                    creditedEnd = other.draft.period.end
                    measured = other
                }
            }
            return InvoiceDocument(
                invoice, in: zone, segments: segments, creditedEnd: creditedEnd,
                references: references, containers: try descriptions(db, invoice),
                bookDigests: try bookDigests(db, invoice),
                hourly: hasHours ? try hourly(db, measured) : [])
        }
    }
}

private func descriptions(
    _ db: Database, _ invoice: Invoice
) throws -> [ExactText: ContainerDescription] {
    let rows = try db.rows(
        """
        SELECT DISTINCT c.path, d.name, d.labels FROM invoice_usage u
        JOIN container c ON c.id = u.container JOIN container_detail d ON d.container = c.id
        WHERE u.invoice = ? ORDER BY d.container
        """, [invoice.credits ?? invoice.number])
    return try rows.reduce(into: [:]) { known, row in
        let labels = try JSONDecoder().decode(
            [String: String].self, from: Data((row["labels"] as String).utf8))
        known[ExactText(row["path"])] = ContainerDescription(name: row["name"], labels: labels)
    }
}

/// The hashes of the price book versions of an invoice's charged segments.
private func bookDigests(_ db: Database, _ invoice: Invoice) throws -> [[UInt8]] {
    var definitions = PriceBookDigests()
    return try db.values(
        Int64.self,
        """
        SELECT price_book FROM invoice_segment WHERE invoice = ? AND is_charged = 1
        ORDER BY start_s
        """, [invoice.number]
    ).map { try definitions.digest(db, $0) }
}

/// The hourly usage that an invoice was computed from.
///
/// Only ledger rows that existed when it was issued count, and of memory only the formula that the
/// segment's price book bills.
private func hourly(_ db: Database, _ invoice: Invoice) throws -> [HourlyUsage] {
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT u.hour_s, p.meter, sum(u.quantity >> 32) AS highs,
                sum(u.quantity & 0xffffffff) AS lows
            FROM (SELECT DISTINCT v.container, v.since_s, v.until_s, m.shown_as AS meter, b.memory
                FROM invoice_usage v JOIN meter m ON m.id = v.meter
                JOIN invoice_segment s ON s.invoice = v.invoice AND s.start_s = v.segment_s
                JOIN price_book b ON b.id = s.price_book
                WHERE v.invoice = ?1 AND v.corrects = '' AND s.is_charged = 1) p
            CROSS JOIN usage u ON u.container = p.container AND u.hour_s >= p.since_s
                AND u.hour_s < p.until_s AND u.entry <= ?2
            JOIN meter m ON m.id = u.meter AND m.shown_as = p.meter
                AND (m.memory_formula IS NULL OR m.memory_formula = p.memory)
            GROUP BY 1, 2 ORDER BY 1, 2
            """, arguments: [invoice.number, invoice.proof?.ledger?.entry ?? 0])
    var usage: [HourlyUsage] = []
    while let row = try rows.next() {
        usage.append(
            HourlyUsage(
                hour: Instant(seconds: row["hour_s"]), meter: row["meter"],
                quantity: Int128(sumOfHighs: row["highs"], sumOfLows: row["lows"])))
    }
    return usage
}
