import GRDB
import Units

/// A container or tenant root that the collector meters now, as far as limits need to know it.
public struct LivingContainer: Hashable, Sendable {
    public var path: String
    public var cgroupID: Int64
    public var runtime: String
    public var isTenantRoot: Bool
    /// Whose it is; `nil` is nobody's.
    public var tenant: String?
    /// What its owner calls it.
    public var name: String?
}

extension Store {
    /// What lives as of the newest run's last tick, by path.
    public func livingContainers() throws(Fault) -> [LivingContainer] {
        try read { db in
            try db.rows(
                """
                SELECT c.path, c.cgroup_id, c.runtime, c.kind, a.tenant, d.name
                FROM position p JOIN container c ON c.id = p.container
                LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
                LEFT JOIN container_detail d ON d.container = c.id
                WHERE c.boot = (SELECT boot FROM run ORDER BY id DESC LIMIT 1)
                ORDER BY c.path, c.id
                """
            ).map {
                LivingContainer(
                    path: $0["path"], cgroupID: $0["cgroup_id"], runtime: $0["runtime"],
                    isTenantRoot: $0["kind"] == "tenant_root", tenant: $0["tenant"],
                    name: $0["name"])
            }
        }
    }
}
