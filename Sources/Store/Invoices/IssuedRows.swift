import GRDB
import Invoicing
import Pricing
import Units

/// An issued invoice, without its lines: which time of which tenant it bills.
package struct IssuedPeriod: Hashable {
    package var number: String
    package var tenant: String
    package var period: Period
    /// From the first to the last of the billing months that its segments lie in.
    package var months: Period
    /// Whether it has segments of its own; one without holds corrections only.
    package var covers: Bool
    /// Whether quantities were raised to a minimum duration.
    package var hasMadeUp: Bool
    /// The rules that it was made by.
    package var rules: RatingRules
    /// The ledger's newest entry when it was issued; `nil` for one of an older schema.
    package var entry: Int64?
    /// The newest move of hours between tenants when it was issued.
    package var move: Int64?

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

/// What may change the cost of time that is invoiced.
package struct LateChanges {
    /// Entries of the ledger that hold hours which were invoiced before.
    package var entries: [(entry: Int64, first: Int64, last: Int64)]
    /// Moves of a tenant's hours, each with the first hour.
    package var moves: [(id: Int64, tenant: String, since: Int64)]
}

extension ReadTransaction {
    /// The invoices, in order of their periods.
    ///
    /// - Parameters:
    ///   - tenant: `nil` is all.
    ///   - seal: a place in the chain of invoices: only those before it.
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

    private func issuedPeriod(_ row: Row, _ firstShared: Int64) -> IssuedPeriod? {
        let start = Instant(seconds: row["period_start_s"])
        guard let period = Period(start: start, end: Instant(seconds: row["period_end_s"])) else {
            return nil
        }
        // Before months were kept with segments, they were those of UTC.
        let first = (row["months_start_s"] as Int64?).map(Instant.init(seconds:))
        let last = (row["months_end_s"] as Int64?).map(Instant.init(seconds:))
        let months = Period(
            start: min(first ?? Period(monthOf: start).start, start),
            end: max(last ?? Period(monthOf: period.end.advanced(bySeconds: -1)).end, period.end))
        let seal = row["seal"] as Int64? ?? 0
        return IssuedPeriod(
            number: row["number"], tenant: row["tenant"], period: period,
            months: months ?? period, covers: row["covers"], hasMadeUp: row["has_made_up"],
            rules: seal < firstShared ? .first : .sharedMonths, entry: row["ledger_entry"],
            move: row["reattribution"])
    }

    /// The place in the chain of invoices from which on months are rated as one.
    package func firstSharedSeal() throws -> Int64 {
        try db.value(
            Int64.self, "SELECT first_seal FROM rating_rules WHERE rules = ?",
            [RatingRules.sharedMonths.rawValue]) ?? 1
    }

    package func lateChanges() throws -> LateChanges {
        LateChanges(
            entries: try db.rows("SELECT * FROM late_entry").map { ($0[0], $0[1], $0[2]) },
            moves: try db.rows("SELECT * FROM reattribution").map { ($0[0], $0[1], $0[2]) })
    }

    /// The first hour, in seconds since 1970, with usage that is not closed yet; `nil` if there is none.
    package func firstOpenHour() throws -> Int64? {
        try db.value(Int64.self, "SELECT min(hour_s) FROM usage_open")
    }

    /// The invoices whose time holds a short life that a document raised to a minimum, and that has
    /// become longer since: the document itself, or those that it corrects.
    package func grownLives(on number: String) throws -> Set<String> {
        let rows = try db.rows(
            """
            SELECT DISTINCT u.corrects, u.container, u.life_s, \(kindByAge), c.first_seen_ms,
                c.last_seen_ms
            FROM invoice_usage u JOIN container c ON c.id = u.container
            WHERE u.invoice = ? AND u.life_s IS NOT NULL
            """, [number])
        return try Set(
            rows.filter { try life(db, $0) != $0["life_s"] as Int64? }.map { row in
                let corrects: String = row["corrects"]
                return corrects.isEmpty ? number : corrects
            })
    }

    /// All lines that stand for a part of a tenant's time, without taxes, each with the number of the
    /// invoice whose time it is on the account of: the invoice that a credit note credits, or its own.
    ///
    /// - Parameters:
    ///   - currency: only those in this currency; `nil` is all.
    ///   - isCredited: the lines of credit notes instead of those that were billed, as they stood on
    ///     their invoice.
    ///   - seal: a place in the chain of invoices: only documents before it.
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

    /// The invoices that bill usage of a meter inside a period, in the order they were sealed in.
    ///
    /// - Parameter seal: a place in the chain of invoices: only those before it.
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
