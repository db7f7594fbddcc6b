import GRDB
import Metering
import Units

/// One meter of one tenant root: the kernel's control total, and the usage in the ledger.
///
/// All quantities are in base units of the meter.
public struct AuditRow: Hashable, Sendable {
    /// The tenant that the root belongs to now; `nil` if it belongs to no tenant.
    public var tenant: String?
    public var root: String
    public var meter: Meter
    /// The rise of the root's own counter.
    public var kernel: Int128
    /// The usage in the ledger for the root and everything below it.
    public var usage: Int128
    /// Usage during the last reading of the tree, which the next tick will assign to a container.
    public var pending: Int128

    /// What the ledger has too much (above 0) or too little (below 0); 0 if all is well.
    public var difference: Int128 { usage + pending - kernel }
}

extension Store {
    /// Whether a collector read anything in a period; `nil` is all time.
    public func wasMetered(over period: Period?) throws(Fault) -> Bool {
        try read { db in
            try db.value(
                Bool.self,
                """
                SELECT EXISTS (SELECT 1 FROM completeness_hour WHERE hour_s > ? AND hour_s < ?)
                """,
                [
                    // A UTC hour that began before the period may reach into it.
                    period.map { $0.start.seconds - 3600 } ?? .min, period?.end.seconds ?? .max,
                ]) ?? false
        }
    }

    /// Compares the ledger with the control totals, for each tenant root and meter.
    ///
    /// - Parameter period: only these hours; `nil` is all time.
    public func audit(over period: Period?) throws(Fault) -> [AuditRow] {
        try reading { try $0.audit(over: period) }
    }
}

extension ReadTransaction {
    /// Compares the ledger with the control totals, for each tenant root and meter.
    ///
    /// For a period, the control totals are those stored by the hour. Without one, they are the
    /// last reading of the root's counter minus its first. If the ledger has conserved usage without a
    /// control total, the total counts as 0, so a difference is found.
    package func audit(over period: Period?) throws -> [AuditRow] {
        let kernel =
            period == nil
            ? "coalesce(k.kernel, 0)"
            : """
            (SELECT coalesce(sum(quantity), 0) FROM control_total t
             WHERE t.container = p.container AND t.meter = p.meter
                AND t.hour_s >= :from AND t.hour_s < :to)
            """
        // The usage in the ledger for each tenant root and everything below it.
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
        // Without a period, the bounds include every possible hour.
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
