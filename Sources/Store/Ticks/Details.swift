import Foundation
import GRDB
import Metering
import Units

/// A container whose owner was not asked for its name yet.
public struct UnnamedContainer: Hashable, Sendable {
    public let row: Int64
    public let path: String
    public let runtime: String
}

extension Store {
    /// The living containers of the newest run without details, newest first.
    public func unnamedContainers() throws(Fault) -> [UnnamedContainer] {
        try read { db in
            try db.rows(
                """
                SELECT c.id, c.path, c.runtime FROM position p JOIN container c ON c.id = p.container
                LEFT JOIN container_detail d ON d.container = c.id
                WHERE d.container IS NULL AND c.runtime <> 'cgroup' AND c.kind = 'container'
                    AND c.boot = (SELECT boot FROM run ORDER BY id DESC LIMIT 1)
                ORDER BY c.id DESC LIMIT 1000
                """
            ).map { UnnamedContainer(row: $0["id"], path: $0["path"], runtime: $0["runtime"]) }
        }
    }

    /// Writes down what containers' owners say of them, and gives each to the tenant it is now known
    /// to be of.
    ///
    /// Until then a container was given away by its path alone, so what is learned holds from its
    /// first hour on, but never into an invoiced period.
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

    /// Gives a container to the tenant whose rule fits what is known of it now.
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
        let invoiced = try [before, after].compactMap(\.self).compactMap { tenant in
            try db.value(
                Int64.self, "SELECT max(period_end_s) FROM invoice WHERE tenant = ?",
                [tenant])
        }.max()
        let since = invoiced.map(Instant.init(seconds:)) ?? .earliest
        let next = now.startOfHour.advanced(bySeconds: 3600)
        try setTenant(db, of: container, to: after, since: min(since, next))
    }
}
