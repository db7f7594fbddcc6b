import Foundation
import GRDB
import Glibc
import Metering
import Units

extension Store {
    /// The tenants with their rules in force, in the order in which the rules are tried.
    ///
    /// - Parameter removed: whether to include removed tenants, whose past usage is still billed.
    public func tenants(withRemoved removed: Bool = false) throws(Fault) -> [Tenant] {
        try read { try loadTenants($0, withRemoved: removed) }
    }

    /// Whether a tenant with this id exists or existed; removed ones keep their usage.
    public func hasTenant(_ id: String) throws(Fault) -> Bool {
        try read { db in
            try db.value(
                Bool.self, "SELECT EXISTS (SELECT 1 FROM tenant WHERE id = ?)", [id])
                ?? false
        }
    }

    /// Adds the tenants of a recording, without their price books.
    ///
    /// The user is left out, so that every replay of a recording gives the same ledger.
    public func adoptTenants(_ tenants: [Tenant], at now: Instant) throws(Fault) {
        // Amounts do not matter in a replay, and the price books may not exist in this store.
        let bare = tenants.map { tenant in
            var tenant = tenant
            tenant.priceBook = nil
            return tenant
        }
        _ = try write { db in
            try Store.closingTerms(db, at: now) { try saveTenants(db, bare, at: now, by: nil) }
        }
    }

    /// Removes a tenant and its rules; its usage until the next full hour remains its own.
    ///
    /// - Returns: what changed, as sentences.
    public func removeTenant(_ id: String, at now: Instant) throws(Fault) -> [String] {
        try write { db in
            try db.run(
                "UPDATE tenant_rule SET until_ms = ? WHERE tenant = ? AND until_ms IS NULL",
                [now.milliseconds, id])
            try Store.closingTerms(db, at: now) {
                // Removal decides amounts, so it is recorded in the ledger's chain.
                try db.run(
                    "UPDATE tenant SET removed_ms = ? WHERE id = ?", [now.milliseconds, id])
                try say(db, .tenant, only: ["removed_ms", "rules"], where: "r.id = ?", [id])
            }
            return try ["removed tenant \(id)"]
                + reattribute(db, among: loadTenants(db), at: now)
        }
    }

    /// A number that changes whenever another connection writes, to notice changes cheaply.
    public func dataVersion() throws(Fault) -> Int {
        try read { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
    }
}

extension ReadTransaction {
    /// The tenants in the order in which their rules are tried.
    ///
    /// - Parameter removed: whether to include removed tenants, whose past usage is still billed.
    package func tenants(withRemoved removed: Bool = false) throws -> [Tenant] {
        try loadTenants(db, withRemoved: removed)
    }
}

/// Loads tenants with their rules in force.
func loadTenants(_ db: Database, withRemoved removed: Bool = false) throws -> [Tenant] {
    let rules = try db.rows(
        "SELECT * FROM tenant_rule WHERE until_ms IS NULL ORDER BY tenant, place")
    // One query for all rules instead of one per tenant.
    let byTenant = Dictionary(grouping: rules) { $0["tenant"] as String }
    let rows = try db.rows(
        "SELECT * FROM tenant WHERE ? OR removed_ms IS NULL ORDER BY place, id",
        [removed])
    let decoder = JSONDecoder()
    return try rows.map { row in
        let id: String = row["id"]
        return Tenant(
            id: id, name: row["name"], priceBook: row["price_book"],
            invoiceTo: try decoder.decode(InvoiceAddress.self, from: row["invoice_to"]),
            match: (byTenant[id] ?? []).compactMap {
                Rule(kind: $0["kind"], pattern: $0["pattern"])
            }, since: (row["since_s"] as Int64?).map(Instant.init(seconds:)),
            until: (row["until_s"] as Int64?).map(Instant.init(seconds:)))
    }
}

/// Stores tenants and their rules; tenants that are not named stay as they are.
///
/// Call it only inside `closingTerms`.
///
/// - Parameter uid: the user who does it; `nil` leaves it out.
/// - Returns: what changed, as sentences.
func saveTenants(
    _ db: Database, _ tenants: [Tenant], at now: Instant, by uid: Int64? = Int64(getuid())
) throws -> [String] {
    let existing = try Dictionary(uniqueKeysWithValues: loadTenants(db).map { ($0.id, $0) })
    let books = try Set(
        db.values(String.self, "SELECT book FROM price_book WHERE replaced_ms IS NULL"))
    let known = try knownPlaces(db)
    var changes: [String] = []
    var (written, withNewRules): ([String], [Tenant]) = ([], [])
    for (place, tenant) in zip(places(known, for: tenants), tenants) {
        // A tenant may name a book only once that is in the store.
        try requireBook(books, tenant)
        let before = existing[tenant.id]
        if before == tenant, known[tenant.id] == place { continue }
        try save(db, tenant, place)
        written.append(tenant.id)
        // Only its place changed; that is reported once below, for all tenants.
        if before == tenant { continue }
        changes.append("\(before == nil ? "new" : "changed") tenant \(tenant.id)")
        changes += before?.changes(to: tenant).map { "tenant \(tenant.id): \($0)" } ?? []
        if before?.match != tenant.match { withNewRules.append(tenant) }
    }
    // The order matters: the first tenant with a matching rule gets a container.
    let kept = tenants.map(\.id).filter { existing[$0] != nil }
    if kept != kept.sorted(by: { known[$0, default: 0] < known[$1, default: 0] }) {
        changes.append(
            "tenants in another order: the first whose rule fits wins: "
                + kept.joined(separator: ", "))
    }
    try saveRules(db, of: withNewRules, at: now)
    if !written.isEmpty {
        let isWritten = "r.id IN (SELECT value FROM json_each(?))"
        try say(db, .tenant, where: isWritten, [try json(written)], by: uid)
    }
    // Rules of all tenants decide, also of those that were not given now.
    let all = try loadTenants(db)
    try refuseNested(all)
    try refuseNestedFolders(all)
    return try changes + reattribute(db, among: all, at: now)
}

/// Inserts or updates the row of a tenant; a removed tenant exists again.
private func save(_ db: Database, _ tenant: Tenant, _ place: Int) throws {
    try db.run(
        """
        INSERT INTO tenant (id, place, name, price_book, invoice_to, since_s, until_s)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET place = excluded.place, name = excluded.name,
            price_book = excluded.price_book, invoice_to = excluded.invoice_to,
            since_s = excluded.since_s, until_s = excluded.until_s, removed_ms = NULL
        """,
        [
            tenant.id, place, tenant.name, tenant.priceBook, try json(tenant.invoiceTo),
            tenant.since?.seconds, tenant.until?.seconds,
        ])
}

/// Ends the present rules of some tenants and inserts their new ones.
///
/// All are ended by one statement, which goes through the table only once.
private func saveRules(_ db: Database, of tenants: [Tenant], at now: Instant) throws {
    guard !tenants.isEmpty else { return }
    try db.run(
        """
        UPDATE tenant_rule SET until_ms = ?
        WHERE until_ms IS NULL AND tenant IN (SELECT value FROM json_each(?))
        """, [now.milliseconds, try json(tenants.map(\.id))])
    for tenant in tenants {
        for (place, rule) in tenant.match.enumerated() {
            try db.run(
                """
                INSERT INTO tenant_rule (tenant, place, kind, pattern, since_ms)
                VALUES (?, ?, ?, ?, ?)
                """, [tenant.id, place, rule.kind, rule.pattern, now.milliseconds])
        }
    }
}

/// The place of every tenant in the order of rules.
private func knownPlaces(_ db: Database) throws -> [String: Int] {
    try db.rows("SELECT id, place FROM tenant").reduce(into: [:]) {
        $0[$1["id"] as String] = $1["place"] as Int
    }
}

/// The places of some tenants in the order of rules.
///
/// They keep the places they have, in the order given. New tenants come after all others, so that a
/// second file takes nothing from the tenants of the first.
private func places(_ known: [String: Int], for tenants: [Tenant]) -> [Int] {
    let kept = tenants.compactMap { known[$0.id] }
    let first = (known.values.max() ?? -1) + 1
    return (kept + (first..<first + tenants.count - kept.count)).sorted()
}

/// Refuses a tenant root inside another one, because its usage would be billed twice.
private func refuseNested(_ tenants: [Tenant]) throws {
    let roots = tenants.flatMap { tenant in
        tenant.match.flatMap(\.rootPaths).map { (path: $0, tenant: tenant.id) }
    }.sorted { $0.path + "/" < $1.path + "/" }
    // In this order a root comes right before the first one inside it.
    for (outer, inner) in zip(roots, roots.dropFirst())
    where (inner.path + "/").hasPrefix(outer.path + "/") {
        throw Fault(
            .badData, at: "tenant \(inner.tenant)",
            problem: "its tenant root \(inner.path) is, or lies inside, \(outer.path) of tenant "
                + outer.tenant,
            suggestion: "Give every tenant its own tree: usage in both would be billed twice")
    }
}

/// Refuses a folder inside another one, because its space would be billed twice.
private func refuseNestedFolders(_ tenants: [Tenant]) throws {
    let folders = tenants.flatMap { tenant in
        tenant.match.compactMap(\.folder).map { (path: $0, tenant: tenant.id) }
    }.sorted { $0.path + "/" < $1.path + "/" }
    for (outer, inner) in zip(folders, folders.dropFirst())
    where (inner.path + "/").hasPrefix(outer.path + "/") {
        throw Fault(
            .badData, at: "tenant \(inner.tenant)",
            problem:
                "its storage \(quoted(inner.path)) is, or lies inside, \(quoted(outer.path)) of "
                + "tenant \(outer.tenant)",
            suggestion: "Give every tenant folders of its own: space in both would be billed twice")
    }
}

/// Requires that the price book of a tenant exists.
private func requireBook(_ books: Set<String>, _ tenant: Tenant) throws {
    guard let book = tenant.priceBook, !books.contains(book) else { return }
    throw Fault(
        .badData, at: "tenant \(tenant.id)",
        problem: "its price book \(quoted(book)) does not exist",
        suggestion: "Add the book to prices.yaml and apply both files, or name another book")
}

/// Gives every container to the tenant whose rule matches now.
///
/// A container without owner belongs to its tenant from its first hour on, but not within a period
/// for which that tenant was invoiced. A container of another tenant changes hands at the next full
/// hour.
private func reattribute(
    _ db: Database, among tenants: [Tenant], at now: Instant
) throws -> [String] {
    // The index avoids trying every rule for every container.
    let index = TenantIndex(tenants)
    let next = now.startOfHour.advanced(bySeconds: 3600)
    var moved: [String: Int] = [:]
    let rows = try db.rows(
        """
        SELECT c.id, c.path, c.whole, a.tenant, d.labels, d.namespace FROM container c
        LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
        LEFT JOIN container_detail d ON d.container = c.id
        WHERE c.kind <> 'imported'
        """)
    for row in rows {
        let container: Int64 = row["id"]
        let before: String? = row["tenant"]
        let after = index.tenant(of: try facts(row))
        guard before != after else { continue }
        // Another tenant's hours up to the next full hour remain its own.
        var since = next
        if before == nil, let after {
            since = min(try endOfOthers(db, container, after), next)
        }
        try setTenant(db, of: container, to: after, since: since)
        moved[after ?? Tenant.unattributed, default: 0] += 1
    }
    return moved.sorted { $0.key < $1.key }.map { tenant, count in
        count == 1
            ? "1 container now belongs to \(tenant)" : "\(count) containers now belong to \(tenant)"
    }
}

/// What rules look at, from a row with `path`, `whole`, `labels` and `namespace`.
func facts(_ row: Row) throws -> ContainerFacts {
    let labels = try (row["labels"] as String?).map {
        try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
    }
    return ContainerFacts(
        path: row["path"], labels: labels ?? [:], namespace: row["namespace"],
        isWhole: row["whole"])
}

/// The earliest time from which a container without owner may be given to a tenant.
///
/// This is after the time of earlier owners, and after the periods for which the tenant was
/// invoiced.
func endOfOthers(
    _ db: Database, _ container: Int64, _ tenant: String
) throws -> Instant {
    let ends = try db.row(
        """
        SELECT (SELECT max(period_end_s) FROM invoice WHERE tenant = ?) AS invoiced,
            (SELECT max(until_s) FROM attribution
             WHERE container = ? AND tenant IS NOT NULL) AS owned
        """, [tenant, container])
    let (invoiced, owned): (Int64?, Int64?) = (ends?["invoiced"], ends?["owned"])
    return [
        .earliest, invoiced.map(Instant.init(seconds:)), owned.map(Instant.init(seconds:)),
    ]
    .compactMap(\.self).max() ?? .earliest
}

/// Gives a container to a tenant (`nil`: to nobody) from an hour on, for good.
func setTenant(
    _ db: Database, of container: Int64, to tenant: String?, since: Instant
) throws {
    try db.run(
        "DELETE FROM attribution WHERE container = ? AND since_s >= ?",
        [container, since.seconds])
    try db.run(
        """
        UPDATE attribution SET until_s = ?
        WHERE container = ? AND (until_s IS NULL OR until_s > ?)
        """, [since.seconds, container, since.seconds])
    // The new owner keeps it until something else is assigned.
    try db.run(
        "INSERT INTO attribution (container, since_s, tenant) VALUES (?, ?, ?)",
        [container, since.seconds, tenant])
    try noteAssignment(db, container, since: since.seconds, until: nil, to: tenant)
}

/// A value as one line of JSON with sorted keys, so that equal values give equal text.
func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
