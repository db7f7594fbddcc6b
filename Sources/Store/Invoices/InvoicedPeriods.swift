import GRDB
import Units

extension ReadTransaction {
    /// The invoiced periods that begin before another one, in order of time.
    ///
    /// These include periods in which there was nothing to bill.
    ///
    /// - Parameter tenant: periods invoiced for this tenant or for all tenants count.
    package func invoicedPeriods(of tenant: String, before period: Period) throws -> [Period] {
        try db.rows(
            """
            SELECT DISTINCT start_s, end_s FROM invoiced_period
            WHERE (tenant IS NULL OR tenant = ?) AND start_s < ? ORDER BY start_s, end_s
            """, [tenant, period.start.seconds]
        ).compactMap {
            Period(start: Instant(seconds: $0["start_s"]), end: Instant(seconds: $0["end_s"]))
        }
    }

    /// Whether exactly this period was invoiced, for this tenant or for all.
    package func wasInvoiced(_ period: Period, _ tenant: String) throws -> Bool {
        try db.value(
            Bool.self,
            """
            SELECT EXISTS (SELECT 1 FROM invoiced_period
                WHERE (tenant IS NULL OR tenant = ?) AND start_s = ? AND end_s = ?)
            """, [tenant, period.start.seconds, period.end.seconds]) ?? false
    }
}

extension WriteTransaction {
    /// Records that a period was invoiced, even if there was nothing to bill.
    ///
    /// Call it only inside `closingTerms`.
    ///
    /// - Parameter tenant: `nil` if it was invoiced for all tenants.
    package func recordInvoiced(_ period: Period, of tenant: String?, at now: Instant) throws {
        try recordInvoiced(
            "VALUES (?, ?, ?, ?)",
            [tenant, period.start.seconds, period.end.seconds, now.milliseconds])
    }

    /// Records hours that were invoiced to a stretch's old owner as invoiced for the new one.
    ///
    /// The new owner's next invoice then bills them as a correction. Otherwise they would be
    /// credited to one tenant and billed to nobody. Call it only inside `closingTerms`.
    package func recordInvoiced(_ stretch: Stretch, to tenant: String, at now: Instant) throws {
        guard let giver = stretch.tenant, giver != tenant else { return }
        try recordInvoiced(
            """
            SELECT ?1, max(period_start_s, ?3), min(period_end_s, ?4), ?5 FROM invoice
            WHERE tenant = ?2 AND credits IS NULL AND period_start_s < ?4 AND period_end_s > ?3
            """, [tenant, giver, stretch.since, stretch.until, now.milliseconds])
    }

    /// Inserts rows of `invoiced_period` and records them as terms.
    private func recordInvoiced(_ rows: String, _ arguments: StatementArguments) throws {
        let last = try db.value(Int64.self, "SELECT max(id) FROM invoiced_period") ?? 0
        try db.execute(
            sql: "INSERT INTO invoiced_period (tenant, start_s, end_s, issued_ms) \(rows)",
            arguments: arguments)
        try say(db, .invoicedPeriod, where: "r.id > ?", [last])
    }

    /// Makes the tenant's next invoice look again at its invoices from an instant on.
    package func markForRecheck(_ tenant: String, since: Instant) throws {
        try db.run(
            "INSERT INTO reattribution (tenant, since_s) VALUES (?, ?)", [tenant, since.seconds])
    }
}
