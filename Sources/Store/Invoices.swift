import GRDB
import Invoicing
import Metering
import Pricing
import Units

extension Store {
    /// What invoices over the period would be now, one for each tenant with something to pay.
    public func drafts(over period: Period, tenant: String?) throws(Fault) -> [Draft] {
        try read { db in
            try payers(db, tenant).flatMap { try makeDrafts(db, $0, period) }
        }
    }

    /// Issues the invoices of a period: all that are due or none.
    ///
    /// An invoice that was issued before stays as it is and is handed back.
    ///
    /// - Parameter series: the prefix of the numbers, which run without a gap.
    public func issue(
        over period: Period, tenant: String?, series: String, at now: Instant
    ) throws(Fault) -> [Invoice] {
        try write { db in
            var result: [Invoice] = []
            for payer in try payers(db, tenant) {
                let issued = try existing(db, payer.id, period)
                guard issued.isEmpty else {
                    result += issued
                    continue
                }
                for draft in try makeDrafts(db, payer, period) {
                    result.append(try insert(db, draft, series, now))
                }
            }
            return result
        }
    }

    /// The tenants with usage before a period that no invoice covers, and the hour it begins.
    public func uninvoiced(
        before period: Period, tenant: String?
    ) throws(Fault) -> [(tenant: String, since: Instant)] {
        try read { try uninvoicedUsage($0, before: period, tenant: tenant) }
    }

    /// Issued invoices by number, with their lines.
    public func invoices(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil
    ) throws(Fault) -> [Invoice] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM invoice
                    WHERE (?1 IS NULL OR number = ?1) AND (?2 IS NULL OR tenant = ?2)
                        AND (?3 IS NULL OR (period_start_s >= ?3 AND period_end_s <= ?4))
                    ORDER BY series, sequence
                    """,
                arguments: [number, tenant, period?.start.seconds, period?.end.seconds])
            return try rows.map { try load(db, $0) }
        }
    }
}

private func payers(_ db: Database, _ tenant: String?) throws -> [Tenant] {
    let all = try loadTenants(db).sorted { $0.id < $1.id }
    guard let tenant else { return all }
    guard let one = all.first(where: { $0.id == tenant }) else {
        throw Fault(
            .badData, at: "tenant \(tenant)", found: "no such tenant",
            cure: "Add it to tenants.yaml and run octroi apply, or correct the name")
    }
    return [one]
}

/// The invoices of exactly this period, if they were issued.
///
/// - Throws: if one of an overlapping period was, as usage would be billed twice.
private func existing(_ db: Database, _ tenant: String, _ period: Period) throws -> [Invoice] {
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT * FROM invoice
            WHERE tenant = ? AND period_start_s < ? AND period_end_s > ? ORDER BY sequence
            """, arguments: [tenant, period.end.seconds, period.start.seconds])
    let invoices = try rows.map { try load(db, $0) }
    if let invoice = invoices.first(where: { $0.draft.period != period }) {
        throw Fault(
            .wrongUse, at: "period \(period)",
            found: "invoice \(invoice.number) of tenant \(tenant) covers \(invoice.draft.period)",
            cure: "Choose a period that does not overlap it; usage is invoiced once")
    }
    return invoices
}
