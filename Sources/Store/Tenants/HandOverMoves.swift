import GRDB
import Metering
import Units

extension Fault {
    /// The fault for a tenant that does not exist.
    package static func noTenant(_ id: String) -> Fault {
        Fault(
            .badData, at: "tenant \(quoted(id))", problem: "no such tenant",
            suggestion: "octroi tenant list shows them")
    }
}

/// A request to give hours of a container to a tenant.
public struct HandOverRequest: Sendable {
    /// A path or an imported name, meaning all containers that ever had it.
    public var container: String
    /// Only hours that this tenant owns now; `unattributed` means hours that nobody owns.
    public var from: String?
    /// The tenant that gets the hours.
    public var to: String
    /// Only hours within this period.
    public var period: Period
    /// Only imported hours, not those that Octroi metered under the same name.
    public var isImported: Bool
    public var reason: String?
    /// The user id of whoever asks.
    public var uid: Int64

    /// A request for all hours of a container within a period, unless it is narrowed.
    public init(
        _ container: String, from: String? = nil, to: String, over period: Period,
        isImported: Bool = false, reason: String? = nil, uid: Int64 = 0
    ) {
        (self.container, self.from, self.to, self.period) = (container, from, to, period)
        (self.isImported, self.reason, self.uid) = (isImported, reason, uid)
    }
}

/// A stretch with its present owner, and its owner afterwards.
package struct Move {
    /// The hours, with their present owner.
    package var stretch: Stretch
    /// The hours with usage in the stretch.
    package var hours: UsedHours?
    /// The new owner; `nil` for none.
    package var to: String?

    package init(stretch: Stretch, hours: UsedHours?, to: String?) {
        (self.stretch, self.hours, self.to) = (stretch, hours, to)
    }
}

extension ReadTransaction {
    /// Finds the stretches with usage that a request means.
    ///
    /// - Throws: `badData` if there are none, or if the name belongs to several tenants.
    package func moves(_ request: HandOverRequest) throws -> [Move] {
        let place = "container \(quoted(request.container))"
        let rows = try meant(db, request, at: place)
        var moves: [Move] = []
        var accounts: [Int64: String?] = [:]
        for row in rows {
            let container: Int64 = row["id"]
            for stretch in try stretches(db, of: container, over: request.period)
            where stretch.tenant != request.to {
                let owner = stretch.tenant ?? Tenant.unattributed
                guard request.from == nil || request.from == owner else { continue }
                // Hours without usage do not need to be moved.
                guard let hours = try Store.usedHours(db, stretch) else { continue }
                accounts.updateValue(row["import_tenant"], forKey: container)
                moves.append(Move(stretch: stretch, hours: hours, to: request.to))
            }
        }
        guard !moves.isEmpty else {
            throw Fault(
                .badData, at: place,
                problem: "no usage over \(request.period) that "
                    + (request.from.map { "is of tenant \(quoted($0))" } ?? "is not \(request.to)'s"),
                suggestion: "octroi usage --by container shows what there is")
        }
        // Containers with the same path, one after another, count as one container. Imports of two
        // tenants under the same name are two.
        // Hours without owner do not make a name ambiguous.
        let owners = Set(moves.compactMap(\.stretch.tenant))
        if request.from == nil, owners.count > 1 || Set(accounts.values).count > 1 {
            throw ambiguous(place, moves)
        }
        return moves
    }
}

/// The containers that a request names; with `from`, those of that tenant come first.
private func meant(_ db: Database, _ request: HandOverRequest, at place: String) throws -> [Row] {
    let all = try db.rows(
        """
        SELECT c.id, c.path, c.import_tenant, d.name FROM container c
        LEFT JOIN container_detail d ON d.container = c.id
        WHERE c.kind = 'imported' OR NOT ? ORDER BY c.id
        """, [request.isImported])
    func called(among rows: [Row]) throws(Fault) -> [Row] {
        try containers(
            called: request.container, among: rows, at: place,
            none: request.isImported
                ? "nothing was imported under that path or name"
                : "no container of that path or name in the store", path: { $0["path"] },
            name: { $0["name"] })
    }
    if let from = request.from {
        let owned = Set(
            try db.values(
                Int64.self, "SELECT DISTINCT container FROM attribution WHERE tenant = ?", [from]))
        // The same name may exist for several tenants; prefer containers of the one that was named.
        let found = try? called(among: all.filter { owned.contains($0["id"]) })
        if let found { return found }
    }
    return try called(among: all)
}

/// The fault for a name that belongs to several tenants, with the hours of each.
private func ambiguous(_ place: String, _ moves: [Move]) -> Fault {
    let hours = moves.reduce(into: [String: Int64]()) {
        $0[$1.stretch.tenant ?? Tenant.unattributed, default: 0] += $1.hours?.count ?? 0
    }
    let shown = hours.sorted { $0.key < $1.key }.prefix(8).map { "\($0.key) (\($0.value) h)" }
    let more = hours.count > 8 ? " and \(hours.count - 8) more" : ""
    return Fault(
        .badData, at: place,
        problem: "this name belongs to several tenants: \(shown.joined(separator: ", "))\(more)",
        suggestion: "Choose one with --from-tenant")
}
