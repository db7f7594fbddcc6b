import Foundation
import GRDB
import Metering
import Units

/// A container as a list shows it.
public struct ContainerRow: Sendable {
    public var row: Int64
    public var path: String
    public var tenant: String
    public var runtime: String
    public var cgroupID: Int64
    public var bootID: String
    public var isTenantRoot: Bool
    public var firstSeen: Instant
    public var lastSeen: Instant
    /// What is not measured now, `file: reason`; of what failed, with the error.
    public var absent: [String]
    public var name: String?
    public var image: String?
    /// The Kubernetes namespace.
    public var namespace: String?
}

extension Store {
    /// The containers and tenant roots of the last tick; with `all`, every one ever seen.
    public func containers(all: Bool) throws(Fault) -> [ContainerRow] {
        try read { db in
            let rows = try db.rows(
                """
                SELECT c.*, b.boot_id, d.name, d.image, d.namespace,
                    CASE WHEN EXISTS (SELECT 1 FROM position p WHERE p.container = c.id)
                        THEN (SELECT max(wall_ms) FROM tick) ELSE c.last_seen_ms END AS seen_ms, coalesce(a.tenant, 'unattributed') AS tenant,
                    (SELECT group_concat(file || ': ' || reason
                            || iif(reason = 'failed', ' (' || detail || ')', ''), char(10))
                     FROM absence
                     WHERE container = c.id AND until_ms IS NULL) AS absent
                FROM container c JOIN boot b ON b.id = c.boot
                LEFT JOIN container_detail d ON d.container = c.id
                LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
                WHERE ? OR EXISTS (
                    SELECT 1 FROM sample s WHERE s.container = c.id
                        AND s.tick = (SELECT max(id) FROM tick))
                ORDER BY a.tenant IS NULL, a.tenant, c.path, c.id
                """, [all])
            return rows.map { row in
                ContainerRow(
                    row: row["id"], path: row["path"], tenant: row["tenant"],
                    runtime: row["runtime"],
                    cgroupID: row["cgroup_id"], bootID: row["boot_id"],
                    isTenantRoot: row["kind"] as String == "tenant_root",
                    firstSeen: Instant(milliseconds: row["first_seen_ms"]),
                    lastSeen: Instant(milliseconds: row["seen_ms"]),
                    absent: (row["absent"] as String?).map { $0.components(separatedBy: "\n") }
                        ?? [], name: row["name"], image: row["image"],
                    namespace: row["namespace"])
            }
        }
    }

    /// The root that the newest run of the collector read, if there was one.
    public func lastRoot() throws(Fault) -> String? {
        try read {
            try $0.value(String.self, "SELECT root FROM run ORDER BY id DESC LIMIT 1")
        }
    }
}
