import GRDB
import Invoicing
import Units

/// The invoices there are, as much of them as tells what is billed and what may have changed since.
struct IssuedInvoices {
    private struct Entry {
        var number: String
        var tenant: String
        var period: Period
        var ledgerEntry: Int64?
        var reattribution: Int64?
    }

    private let db: Database
    private let entries: [String: [Entry]]
    /// Numbers of invoices all of whose lines were credited.
    let credited: Set<String>
    private let inDoubt: [String: [String]]

    /// - Parameter firstOpen: the first hour with rows that are not closed, if they count.
    init(_ db: Database, tenant: String?, withOpen: Bool) throws {
        self.db = db
        let credited = try fullyCredited(db)
        self.credited = credited
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT number, tenant, period_start_s, period_end_s, ledger_entry, reattribution
                FROM invoice WHERE kind = 'invoice' AND (?1 IS NULL OR tenant = ?1)
                ORDER BY series, sequence
                """, arguments: [tenant])
        let all = rows.compactMap { row -> Entry? in
            let start = Instant(seconds: row["period_start_s"])
            return Period(start: start, end: Instant(seconds: row["period_end_s"])).map {
                Entry(
                    number: row["number"], tenant: row["tenant"], period: $0,
                    ledgerEntry: row["ledger_entry"], reattribution: row["reattribution"])
            }
        }
        entries = Dictionary(grouping: all, by: \.tenant)
        let open =
            withOpen
            ? try Int64.fetchOne(db, sql: "SELECT min(hour_s) FROM usage_open") : nil
        let changes = try Changes(db, firstOpen: open)
        inDoubt = entries.mapValues { entries in
            let live = entries.filter { !credited.contains($0.number) }
            // Each issue looks at all invoices before it.
            let seen = live.compactMap(\.ledgerEntry).max()
            let passed = live.compactMap(\.reattribution).max()
            return live.filter { changes.touch($0.tenant, $0.period, since: seen, passed) }
                .map(\.number)
        }
    }

    /// Invoices of a tenant whose ledger rows or owners may have changed since.
    func inDoubt(of tenant: String) -> [String] { inDoubt[tenant] ?? [] }

    /// The periods that a tenant is invoiced for, in order of time, and by which invoice.
    func periods(of tenant: String) -> [(number: String, period: Period)] {
        (entries[tenant] ?? []).filter { !credited.contains($0.number) }
            .map { ($0.number, $0.period) }.sorted { $0.period.start < $1.period.start }
    }

    /// Whether a tenant's invoices reach to the end of a period.
    func covers(_ tenant: String, _ period: Period) -> Bool {
        (entries[tenant] ?? []).contains {
            $0.period.intersection(period) != nil && $0.period.end >= period.end
        }
    }

    /// Credited invoices of exactly this period.
    func credited(of tenant: String, over period: Period) -> [String] {
        (entries[tenant] ?? []).filter { credited.contains($0.number) && $0.period == period }
            .map(\.number)
    }

    /// What was billed for an invoice's period: its own lines, and corrections on later ones.
    func billed(for invoice: Invoice) throws -> [LineItem] {
        let own = invoice.draft.lines.filter {
            $0.kind != .tax && $0.kind != .correction && $0.reference == nil
                && invoice.draft.period.intersection($0.period) == $0.period
        }
        // Before references were kept, a correction's period told where it belonged.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT l.* FROM invoice_line l JOIN invoice i ON i.number = l.invoice
                WHERE l.reference = ?1 AND i.kind = 'invoice'
                UNION ALL
                SELECT l.* FROM invoice i JOIN invoice_line l ON l.invoice = i.number
                WHERE i.tenant = ?2 AND i.ledger_entry IS NULL AND i.number <> ?1
                    AND l.kind IN ('correction', 'unpriced') AND l.reference IS NULL
                    AND l.period_start_s >= ?3 AND l.period_end_s <= ?4
                    AND NOT (i.period_start_s <= ?3 AND i.period_end_s >= ?4)
                """,
            arguments: [
                invoice.number, invoice.draft.tenant, invoice.draft.period.start.seconds,
                invoice.draft.period.end.seconds,
            ])
        let later = try rows.filter { !credited.contains($0["invoice"]) }
            .map { try loadLine($0, $0["invoice"], []) }
        return own + later
    }
}

/// What may change what an invoiced period costs.
private struct Changes {
    private let late: [(entry: Int64, first: Int64, last: Int64)]
    private let moved: [(id: Int64, tenant: String, since: Int64)]
    private let firstOpen: Int64?

    init(_ db: Database, firstOpen: Int64?) throws {
        self.firstOpen = firstOpen
        late = try Row.fetchAll(db, sql: "SELECT * FROM late_entry").map { ($0[0], $0[1], $0[2]) }
        moved = try Row.fetchAll(db, sql: "SELECT * FROM reattribution")
            .map { ($0[0], $0[1], $0[2]) }
    }

    func touch(_ tenant: String, _ period: Period, since entry: Int64?, _ move: Int64?) -> Bool {
        let (start, end) = (period.start.seconds, period.end.seconds)
        guard let entry, let move else { return true }
        return firstOpen.map { $0 < end } ?? false
            || late.contains { $0.entry > entry && $0.first < end && $0.last >= start }
            || moved.contains { $0.id > move && $0.tenant == tenant && $0.since < end }
    }
}

/// Numbers of invoices that credit notes took back line by line.
private func fullyCredited(_ db: Database) throws -> Set<String> {
    try Set(
        String.fetchAll(
            db,
            sql: """
                SELECT n.credits FROM invoice n JOIN invoice_line l ON l.invoice = n.number
                WHERE n.credits IS NOT NULL AND l.credits_line IS NOT NULL
                GROUP BY n.credits
                HAVING count(*) = (SELECT count(*) FROM invoice_line o
                    WHERE o.invoice = n.credits AND o.kind <> 'tax')
                """))
}

/// The lines of an invoice that credit notes took back.
func creditedLines(_ db: Database, of number: String) throws -> Set<Int> {
    try Set(
        Int.fetchAll(
            db,
            sql: """
                SELECT l.credits_line FROM invoice n JOIN invoice_line l ON l.invoice = n.number
                WHERE n.credits = ? AND l.credits_line IS NOT NULL
                """, arguments: [number]))
}
