import GRDB
import Metering
import Units

extension Store {
    /// Gives hours of a container to a tenant, whoever had them; invoices are corrected later.
    ///
    /// - Parameter container: a path or imported name; every life of it counts.
    /// - Returns: how many containers that were.
    public func assign(
        _ container: String, to tenant: String, over period: Period
    ) throws(Fault) -> Int {
        try write { db in
            guard try loadTenants(db).contains(where: { $0.id == tenant }) else {
                throw Fault(
                    .badData, at: "tenant \(harmless(tenant))", found: "no such tenant",
                    cure: "octroi tenant list shows them")
            }
            let rows = try Int64.fetchAll(
                db, sql: "SELECT id FROM container WHERE path = ?", arguments: [container])
            guard !rows.isEmpty else {
                throw Fault(
                    .badData, at: "container \(harmless(container))", found: "no such container",
                    cure: "octroi containers --all and octroi usage --by container show them")
            }
            for row in rows { try give(db, row, to: tenant, period) }
            return rows.count
        }
    }
}

/// Cuts the period out of whatever the container's hours were, and puts the tenant there.
private func give(
    _ db: Database, _ container: Int64, to tenant: String, _ period: Period
) throws {
    let (from, to) = (period.start.seconds, period.end.seconds)
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT since_s, until_s, tenant FROM attribution
            WHERE container = ? AND since_s < ? AND (until_s IS NULL OR until_s > ?)
            """, arguments: [container, to, from])
    func insert(_ since: Int64, _ until: Int64?, _ tenant: String?) throws {
        try db.execute(
            sql:
                "INSERT INTO attribution (container, since_s, until_s, tenant) VALUES (?, ?, ?, ?)",
            arguments: [container, since, until, tenant])
    }
    for row in rows {
        let (since, until): (Int64, Int64?) = (row["since_s"], row["until_s"])
        try db.execute(
            sql: "DELETE FROM attribution WHERE container = ? AND since_s = ?",
            arguments: [container, since])
        if since < from { try insert(since, from, row["tenant"]) }
        if until ?? .max > to { try insert(to, until, row["tenant"]) }
    }
    try insert(from, to, tenant)
    try noteAssignment(db, container, since: from, until: to, to: tenant)
}
