import GRDB
import Invoicing
import Pricing
import Units

/// What an issued invoice covers, without its lines.
package struct IssuedPeriod: Hashable {
    /// The invoice's number.
    package var number: String
    /// The tenant that it bills.
    package var tenant: String
    /// The period that was invoiced.
    package var period: Period
    /// The billing months that its segments are in, from the first to the last.
    package var months: Period
    /// Whether it has segments of its own; otherwise it contains corrections only.
    package var covers: Bool
    /// Whether a minimum duration raised quantities.
    package var hasMadeUp: Bool
    /// The rules by which it was computed.
    package var rules: RatingRules
    /// The newest ledger entry when it was issued; `nil` for an invoice of an older schema.
    package var entry: Int64?
    /// The newest row of `reattribution` when it was issued.
    package var move: Int64?

    /// Creates the facts of an invoice, by default one of the present rules.
    package init(
        number: String, tenant: String, period: Period, months: Period, covers: Bool,
        hasMadeUp: Bool = false, rules: RatingRules = .current, entry: Int64? = nil,
        move: Int64? = nil
    ) {
        (self.number, self.tenant, self.period, self.months) = (number, tenant, period, months)
        (self.covers, self.hasMadeUp, self.rules) = (covers, hasMadeUp, rules)
        (self.entry, self.move) = (entry, move)
    }
}

/// Changes that may affect the cost of time that was invoiced already.
package struct LateChanges {
    /// Ledger entries that contain invoiced hours; `first` and `last` are seconds since 1970.
    package var entries: [(entry: Int64, first: Int64, last: Int64)]
    /// Moves of hours between tenants; `since` is the first hour in seconds since 1970.
    package var moves: [(id: Int64, tenant: String, since: Int64)]
}

extension ReadTransaction {
    /// All invoices, ordered by period.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant's; `nil` for all.
    ///   - seal: a place in the chain of invoices; only invoices before it count.
    package func issuedPeriods(of tenant: String?, before seal: Int64) throws -> [IssuedPeriod] {
        let firstShared = try firstSharedSeal()
        return try db.rows(
            """
            SELECT i.number, i.tenant, i.period_start_s, i.period_end_s, i.ledger_entry,
                i.reattribution, i.has_made_up, l.id AS seal,
                (SELECT min(s.month_start_s) FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS months_start_s,
                (SELECT max(s.month_end_s) FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS months_end_s,
                EXISTS (SELECT 1 FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS covers
            FROM invoice i LEFT JOIN invoice_seal l ON l.invoice = i.number
            WHERE i.credits IS NULL AND (?1 IS NULL OR i.tenant = ?1)
                AND (l.id IS NULL OR l.id < ?2)
            ORDER BY i.period_start_s, i.series, i.sequence
            """, [tenant, seal]
        ).compactMap { issuedPeriod($0, firstShared) }
    }

    /// Builds what an invoice covers from its row; `nil` if its period is empty.
    private func issuedPeriod(_ row: Row, _ firstShared: Int64) -> IssuedPeriod? {
        let start = Instant(seconds: row["period_start_s"])
        guard let period = Period(start: start, end: Instant(seconds: row["period_end_s"])) else {
            return nil
        }
        // Older schemas stored no months with segments; months were UTC months then.
        let first = (row["months_start_s"] as Int64?).map(Instant.init(seconds:))
        let last = (row["months_end_s"] as Int64?).map(Instant.init(seconds:))
        let months = Period(
            start: min(first ?? Period(monthOf: start).start, start),
            end: max(last ?? Period(monthOf: period.end.advanced(bySeconds: -1)).end, period.end))
        // An invoice that is not in the chain counts as one of the oldest.
        let seal = row["seal"] as Int64? ?? 0
        return IssuedPeriod(
            number: row["number"], tenant: row["tenant"], period: period,
            months: months ?? period, covers: row["covers"], hasMadeUp: row["has_made_up"],
            rules: seal < firstShared ? .first : .sharedMonths, entry: row["ledger_entry"],
            move: row["reattribution"])
    }

    /// The place in the chain from which on the invoices of a month are rated together.
    package func firstSharedSeal() throws -> Int64 {
        try db.value(
            Int64.self, "SELECT first_seal FROM rating_rules WHERE rules = ?",
            [RatingRules.sharedMonths.rawValue]) ?? 1
    }

    /// All late entries and moves that are recorded.
    package func lateChanges() throws -> LateChanges {
        LateChanges(
            entries: try db.rows("SELECT * FROM late_entry").map { ($0[0], $0[1], $0[2]) },
            moves: try db.rows("SELECT * FROM reattribution").map { ($0[0], $0[1], $0[2]) })
    }

    /// The first hour with usage that is not in a ledger entry yet, in seconds since 1970.
    package func firstOpenHour() throws -> Int64? {
        try db.value(Int64.self, "SELECT min(hour_s) FROM usage_open")
    }

    /// The invoices with a short life billed at its minimum duration that became longer since.
    ///
    /// - Parameter number: the document that stores the usage.
    /// - Returns: the invoices whose time the usage belongs to: the document itself, or those it
    ///   corrects.
    package func grownLives(on number: String) throws -> Set<String> {
        let rows = try db.rows(
            """
            SELECT DISTINCT u.corrects, u.container, u.life_s, \(kindByAge), c.first_seen_ms,
                c.last_seen_ms
            FROM invoice_usage u JOIN container c ON c.id = u.container
            WHERE u.invoice = ? AND u.life_s IS NOT NULL
            """, [number])
        return try Set(
            // A container that was still running when it was billed may have lived longer since.
            rows.filter { try life(db, $0) != $0["life_s"] as Int64? }.map { row in
                let corrects: String = row["corrects"]
                return corrects.isEmpty ? number : corrects
            })
    }

    /// All lines for parts of a period of a tenant, without taxes.
    ///
    /// Each line comes with the number of the invoice whose time it accounts for: the invoice that
    /// a credit note credits, or its own.
    ///
    /// - Parameters:
    ///   - currency: only lines in this currency; `nil` for all.
    ///   - isCredited: lines of credit notes instead of billed lines, with their sign reversed, so
    ///     that they equal the lines they credit.
    ///   - seal: a place in the chain of invoices; only documents before it count.
    package func lines(
        of tenant: String, in period: Period, currency: Currency?, isCredited: Bool,
        before seal: Int64
    ) throws -> [(counted: String, line: LineItem)] {
        try db.rows(
            """
            SELECT l.*, coalesce(i.credits, i.number) AS counted
            FROM invoice i JOIN invoice_line l ON l.invoice = i.number
            LEFT JOIN invoice_seal s ON s.invoice = i.number
            WHERE i.tenant = ?1 AND (i.credits IS NOT NULL) = ?2 AND l.kind <> 'tax'
                AND l.period_start_s >= ?3 AND l.period_end_s <= ?4
                AND (s.id IS NULL OR s.id < ?5) AND (?6 IS NULL OR i.currency = ?6)
            ORDER BY i.series, i.sequence, l.line
            """,
            [
                tenant, isCredited, period.start.seconds, period.end.seconds, seal, currency?.code,
            ]
        ).map { row in
            let line = try loadLine(row, row["invoice"], [])
            return (row["counted"], isCredited ? line.negated : line)
        }
    }

    /// The invoices that bill usage of a meter within a period, in the order of the chain.
    ///
    /// - Parameter seal: a place in the chain of invoices; only invoices before it count.
    package func billings(
        of meter: String, _ tenant: String, in period: Period, before seal: Int64
    ) throws -> [(number: String, place: DocumentPlace)] {
        try db.rows(
            """
            SELECT DISTINCT s.id, i.number, i.ledger_entry, i.issued_ms
            FROM invoice i JOIN invoice_line l ON l.invoice = i.number
            JOIN invoice_seal s ON s.invoice = i.number
            WHERE i.tenant = ?1 AND i.credits IS NULL AND i.ledger_entry IS NOT NULL
                AND l.meter = ?2 AND l.container IS NOT NULL
                AND l.period_start_s >= ?3 AND l.period_end_s <= ?4 AND s.id < ?5
            ORDER BY s.id
            """,
            [tenant, meter, period.start.seconds, period.end.seconds, seal]
        ).map { row in
            let issued = Instant(milliseconds: row["issued_ms"])
            return (row["number"], DocumentPlace(entry: row["ledger_entry"], issued: issued))
        }
    }
}
