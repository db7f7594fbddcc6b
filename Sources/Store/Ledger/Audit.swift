import GRDB
import Metering
import Units

/// Conservation of one meter below one tenant root: the kernel's control total beside the ledger.
public struct AuditRow: Hashable, Sendable {
    /// The tenant the root is of now; `nil` if it is nobody's.
    public var tenant: String?
    public var root: String
    public var meter: Meter
    /// What the root's own counter says.
    public var kernel: Int128
    /// What the ledger holds for the root and all below it.
    public var usage: Int128
    /// What ran while the tree was last read, and is billed by the next tick.
    public var pending: Int128

    public var difference: Int128 { usage + pending - kernel }
}

extension Store {
    /// Whether a collector read anything in a period, or ever.
    public func wasMetered(over period: Period?) throws(Fault) -> Bool {
        try read { db in
            try db.value(
                Bool.self,
                """
                SELECT EXISTS (SELECT 1 FROM completeness_hour WHERE hour_s > ? AND hour_s < ?)
                """,
                [
                    // A UTC hour that began before may reach into the period.
                    period.map { $0.start.seconds - 3600 } ?? .min, period?.end.seconds ?? .max,
                ]) ?? false
        }
    }

    /// Holds the ledger against the control totals, for each tenant root and meter.
    ///
    /// - Parameter period: only these hours; `nil` is everything that was ever metered.
    public func audit(over period: Period?) throws(Fault) -> [AuditRow] {
        try reading { try $0.audit(over: period) }
    }
}

extension ReadTransaction {
    /// Holds the ledger against the control totals, for each tenant root and meter.
    ///
    /// Over a period, the totals are those written by the hour; without one, they are the last
    /// reading of the root's counter less its first. Where the ledger says of usage that it was conserved and
    /// no control total is there, the kernel's part is 0: that is a difference, too.
    package func audit(over period: Period?) throws -> [AuditRow] {
        let kernel =
            period == nil
            ? "coalesce(k.kernel, 0)"
            : """
            (SELECT coalesce(sum(quantity), 0) FROM control_total t
             WHERE t.container = p.container AND t.meter = p.meter
                AND t.hour_s >= :from AND t.hour_s < :to)
            """
        // By the tenant root: what the ledger holds for it and all below it.
        func part(_ from: String) -> String {
            """
            SELECT coalesce(x.root, x.id) AS root, u.meter, u.quantity FROM \(from)
            WHERE u.hour_s >= :from AND u.hour_s < :to AND u.assurance IN
                (SELECT id FROM assurance WHERE name IN ('conserved', 'estimated_split'))
            """
        }
        let sql = """
            WITH billed AS MATERIALIZED (
                SELECT root, meter, sum(quantity) AS quantity FROM (
                    \(part("container x CROSS JOIN usage u ON u.container = x.id"))
                    UNION ALL
                    \(part("usage_open u CROSS JOIN container x ON x.id = u.container")))
                GROUP BY root, meter),
            kept AS MATERIALIZED (
                SELECT container, meter, sum(closed + last - baseline) AS kernel,
                    sum(pending) AS pending
                FROM control GROUP BY container, meter),
            place (container, meter) AS (
                SELECT container, meter FROM kept UNION SELECT root, meter FROM billed)
            SELECT r.path, m.name AS meter, a.tenant, \(kernel) AS kernel,
                \(period == nil ? "coalesce(k.pending, 0)" : "0") AS pending,
                coalesce(b.quantity, 0) AS usage
            FROM place p
            JOIN container r ON r.id = p.container
            JOIN meter m ON m.id = p.meter
            LEFT JOIN kept k ON k.container = p.container AND k.meter = p.meter
            LEFT JOIN billed b ON b.root = p.container AND b.meter = p.meter
            LEFT JOIN attribution a ON a.container = r.id AND a.until_s IS NULL
            ORDER BY a.tenant IS NULL, a.tenant, r.path, r.id, m.id
            """
        // Within these bounds lies every hour there can be.
        let (from, to) = (period?.start.seconds ?? .min, period?.end.seconds ?? .max)
        return try Row.fetchAll(db, sql: sql, arguments: ["from": from, "to": to]).compactMap {
            row in
            Meter(row["meter"] as String).map {
                AuditRow(
                    tenant: row["tenant"], root: row["path"], meter: $0,
                    kernel: Int128(row["kernel"] as Int64), usage: Int128(row["usage"] as Int64),
                    pending: Int128(row["pending"] as Int64))
            }
        }
    }
}
