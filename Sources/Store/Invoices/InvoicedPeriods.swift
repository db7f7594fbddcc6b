import GRDB
import Units

extension ReadTransaction {
    /// The periods before another that were invoiced, for a tenant or for all, in order of time.
    ///
    /// They are known whether or not there was anything to bill.
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

    /// Whether exactly this period was invoiced, for a tenant or for all.
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
    /// Records that a period was invoiced, whether or not there was anything to bill.
    ///
    /// Only inside `closingTerms`.
    package func recordInvoiced(_ period: Period, of tenant: String?, at now: Instant) throws {
        try recordInvoiced(
            "VALUES (?, ?, ?, ?)",
            [tenant, period.start.seconds, period.end.seconds, now.milliseconds])
    }

    /// Records, for the tenant that gets the hours of a stretch, which of them were invoiced to the one
    /// that gives them: they would be taken off the one's bill, and come on nobody's.
    ///
    /// Only inside `closingTerms`.
    package func recordInvoiced(_ stretch: Stretch, to tenant: String, at now: Instant) throws {
        guard let giver = stretch.tenant, giver != tenant else { return }
        try recordInvoiced(
            """
            SELECT ?1, max(period_start_s, ?3), min(period_end_s, ?4), ?5 FROM invoice
            WHERE tenant = ?2 AND credits IS NULL AND period_start_s < ?4 AND period_end_s > ?3
            """, [tenant, giver, stretch.since, stretch.until, now.milliseconds])
    }

    private func recordInvoiced(_ rows: String, _ arguments: StatementArguments) throws {
        let last = try db.value(Int64.self, "SELECT max(id) FROM invoiced_period") ?? 0
        try db.execute(
            sql: "INSERT INTO invoiced_period (tenant, start_s, end_s, issued_ms) \(rows)",
            arguments: arguments)
        try say(db, .invoicedPeriod, where: "r.id > ?", [last])
    }

    /// Marks a tenant's invoices from an instant on for another look by the next one.
    package func markForRecheck(_ tenant: String, since: Instant) throws {
        try db.run(
            "INSERT INTO reattribution (tenant, since_s) VALUES (?, ?)", [tenant, since.seconds])
    }
}
