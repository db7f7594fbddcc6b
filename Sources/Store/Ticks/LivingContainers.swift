import GRDB
import Units

/// A container or tenant root with an open account, with what limits need to know about it.
public struct LivingContainer: Hashable, Sendable {
    /// The cgroup path.
    public var path: String
    /// The id of the cgroup.
    public var cgroupID: Int64
    /// The runtime, such as `docker`.
    public var runtime: String
    /// Whether it is a tenant root and not a container.
    public var isTenantRoot: Bool
    /// The tenant that owns it; `nil` if none does.
    public var tenant: String?
    /// The name that its runtime gives it.
    public var name: String?
}

extension Store {
    /// All open accounts of cgroups of the newest run's boot, by path.
    public func livingContainers() throws(Fault) -> [LivingContainer] {
        try read { db in
            try db.rows(
                """
                SELECT c.path, c.cgroup_id, c.runtime, c.kind, a.tenant, d.name
                FROM position p JOIN container c ON c.id = p.container
                LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
                LEFT JOIN container_detail d ON d.container = c.id
                WHERE c.boot = (SELECT boot FROM run ORDER BY id DESC LIMIT 1)
                    AND c.cgroup_id > 0
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
