import Foundation
import GRDB
import Metering
import Units

/// A container or tenant root, for lists.
public struct ContainerRow: Sendable {
    /// Its row in table `container`.
    public var row: Int64
    /// The cgroup path, or the name of an imported account.
    public var path: String
    /// The tenant that owns it now, or `unattributed`.
    public var tenant: String
    /// The runtime, such as `docker`; `cgroup` if it is not known.
    public var runtime: String
    /// The id of the cgroup, unique within its boot.
    public var cgroupID: Int64
    /// The boot of the host in which it ran.
    public var bootID: String
    /// Whether it is a tenant root and not a container.
    public var isTenantRoot: Bool
    /// The tick that first saw it.
    public var firstSeen: Instant
    /// The newest tick while it runs, otherwise the tick that saw its end.
    public var lastSeen: Instant
    /// Files that cannot be read now, each as `file: reason`, with the error of a failed read.
    public var absent: [String]
    /// The name that its runtime gives it.
    public var name: String?
    /// The image that it runs.
    public var image: String?
    /// The Kubernetes namespace.
    public var namespace: String?
}

extension Store {
    /// The containers, tenant roots and folders of the last tick.
    ///
    /// - Parameter all: whether to include all others that the store knows.
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
                    -- Folders have measurements instead of samples.
                    OR c.cgroup_id < 0 AND EXISTS (
                        SELECT 1 FROM position p WHERE p.container = c.id)
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

    /// The root of the cgroup tree that the newest run reads; `nil` before the first run.
    public func lastRoot() throws(Fault) -> String? {
        try read {
            try $0.value(String.self, "SELECT root FROM run ORDER BY id DESC LIMIT 1")
        }
    }
}
