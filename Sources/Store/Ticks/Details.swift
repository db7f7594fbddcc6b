import Foundation
import GRDB
import Metering
import Units

/// A container whose runtime was not asked for its name yet.
public struct UnnamedContainer: Hashable, Sendable {
    /// Its row in table `container`.
    public let row: Int64
    /// The cgroup path.
    public let path: String
    /// The runtime to ask, such as `docker`.
    public let runtime: String
}

extension Store {
    /// Up to 1000 running containers of the newest run without details, newest first.
    public func unnamedContainers() throws(Fault) -> [UnnamedContainer] {
        try read { db in
            try db.rows(
                """
                SELECT c.id, c.path, c.runtime FROM position p JOIN container c ON c.id = p.container
                LEFT JOIN container_detail d ON d.container = c.id
                WHERE d.container IS NULL AND c.runtime <> 'cgroup' AND c.cgroup_id > 0
                    AND c.kind = 'container'
                    AND c.boot = (SELECT boot FROM run ORDER BY id DESC LIMIT 1)
                ORDER BY c.id DESC LIMIT 1000
                """
            ).map { UnnamedContainer(row: $0["id"], path: $0["path"], runtime: $0["runtime"]) }
        }
    }

    /// Stores what runtimes say about containers, and gives each container to its tenant.
    ///
    /// Until then only its path decided the tenant. So the new owner gets it from its first hour
    /// on, but never within an invoiced period.
    public func saveDetails(
        _ details: [(row: Int64, details: ContainerDetails)], at now: Instant
    ) throws(Fault) {
        try write { db in
            let index = TenantIndex(try loadTenants(db))
            for (container, details) in details {
                try db.run(
                    "INSERT OR REPLACE INTO container_detail VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        container, details.name, details.image, try json(details.labels),
                        details.namespace, now.milliseconds,
                    ])
                try attributeAnew(db, container, among: index, at: now)
            }
        }
    }

    /// Gives a container to the tenant whose rule matches what is known about it now.
    func attributeAnew(
        _ db: Database, _ container: Int64, among tenants: TenantIndex, at now: Instant
    ) throws {
        let row = try db.row(
            """
            SELECT c.path, c.whole, a.tenant, d.labels, d.namespace FROM container c
            LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
            LEFT JOIN container_detail d ON d.container = c.id
            WHERE c.id = ?
            """, [container])
        guard let row else { return }
        let before: String? = row["tenant"]
        let after = tenants.tenant(of: try facts(row))
        guard before != after else { return }
        // Neither the old nor the new owner's invoices may become wrong.
        let invoiced = try [before, after].compactMap(\.self).compactMap { tenant in
            try db.value(
                Int64.self, "SELECT max(period_end_s) FROM invoice WHERE tenant = ?",
                [tenant])
        }.max()
        let since = invoiced.map(Instant.init(seconds:)) ?? .earliest
        // Never later than the next full hour, even if an invoiced period ends later.
        let next = now.startOfHour.advanced(bySeconds: 3600)
        try setTenant(db, of: container, to: after, since: min(since, next))
    }
}
