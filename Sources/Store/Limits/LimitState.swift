import Foundation
import GRDB
import Limits
import Units

/// The tenant or container to which limits apply.
public struct LimitSubject: Hashable, Sendable, Codable {
    /// Whether it is a tenant or a container.
    public enum Kind: String, Sendable, Codable { case tenant, container }

    /// Whether the name is that of a tenant or of a container.
    public var kind: Kind
    /// A tenant's id; or a container's name such as `docker/web@acme`, or its path.
    public var name: String

    /// Names a tenant or container.
    public init(_ kind: Kind, _ name: String) { (self.kind, self.name) = (kind, name) }
}

/// A desired limit of a tenant or container.
public struct WantedLimit: Hashable, Sendable {
    /// Where it comes from: a command, limits.yaml, or a change by somebody else that was adopted.
    public enum Source: String, Sendable, Codable { case command, file, adopted }

    public var subject: LimitSubject
    /// The limit.
    public var key: LimitKey
    /// The desired value.
    public var value: LimitValue
    /// Who set it.
    public var source: Source
    /// When it was set.
    public var since: Instant

    public init(
        _ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue, source: Source,
        since: Instant
    ) {
        (self.subject, self.key, self.value) = (subject, key, value)
        (self.source, self.since) = (source, since)
    }
}

/// A limit that applies for a time, above the desired one.
public struct LimitOverlay: Hashable, Sendable {
    /// An operator's boost, or a step of a budget.
    public enum Source: String, Sendable, Codable { case boost, budget }

    /// Its row in table `limit_overlay`; 0 if it is not stored yet.
    public var id: Int64 = 0
    public var source: Source
    public var subject: LimitSubject
    /// The tenant that the subject belongs to; `nil` if none.
    public var tenant: String?
    /// The root of the cgroup tree it was set in.
    public var root: String
    public var key: LimitKey
    /// The value while the overlay is in force.
    public var value: LimitValue
    /// When it was set.
    public var since: Instant
    /// When it ends; `nil` for a budget's step, which ends by the budget.
    public var until: Instant?
    /// The change that set it; 0 if it is not stored yet.
    public var change: Int64 = 0

    public init(
        _ source: Source, _ subject: LimitSubject, tenant: String?, root: String, _ key: LimitKey,
        _ value: LimitValue, since: Instant, until: Instant?
    ) {
        (self.source, self.subject, self.tenant, self.root) = (source, subject, tenant, root)
        (self.key, self.value, self.since, self.until) = (key, value, since, until)
    }
}

/// The value that a cgroup had before an overlay replaced it.
public struct HeldLimit: Hashable, Sendable {
    /// The boot of the host; the cgroup id means nothing in another one.
    public var boot: String
    /// The root of the cgroup tree that the cgroup is in.
    public var root: String
    /// The cgroup whose value was replaced.
    public var cgroupID: Int64
    public var path: String
    public var key: LimitKey
    /// The value before, and the one that was written.
    public var value: Replaced

    /// The value that is restored when no overlay remains.
    public var before: LimitValue { value.before }
    /// The value that was written for an overlay.
    public var written: LimitValue { value.written }
    /// The cgroup's path and the limit.
    public var place: LimitPlace { LimitPlace(path, key) }

    /// What to remember when a write replaces a value.
    ///
    /// - Parameter known: what is remembered already. Its earlier value stays, unless somebody else
    ///   wrote another value since.
    public init(_ write: PlannedWrite, over known: Replaced? = nil, boot: String, root: String) {
        (self.boot, self.root) = (boot, root)
        (cgroupID, path, key) = (write.cgroupID, write.path, write.key)
        let isOurs = known?.isStill(write.before, for: write.key) ?? false
        value = Replaced(
            before: isOurs ? known?.before ?? write.before : write.before, written: write.wanted)
    }
}

/// A change in the store that belongs to a change of limits, in the same transaction.
public enum LimitEffect: Hashable, Sendable {
    /// Stores a desired limit.
    case want(WantedLimit)
    /// Removes a desired limit.
    case unwant(LimitSubject, LimitKey)
    /// Adds an overlay.
    case lay(LimitOverlay)
    /// Ends an overlay.
    case end(overlay: Int64)
    /// Remembers the value that an overlay replaces.
    case hold(HeldLimit)
    /// Forgets a remembered value.
    case release(HeldLimit)
}

/// Everything that the store knows about limits in one cgroup tree.
public struct LimitState: Sendable {
    /// The desired limits of all tenants and containers.
    public var wanted: [WantedLimit]
    /// The overlays in force.
    public var overlays: [LimitOverlay]
    /// The values that overlays replaced.
    public let held: [HeldLimit]
    /// What to do about drift, by tenant; `reassert` for tenants that are not listed.
    public var drift: [String: DriftPolicy]
    /// The replaced values by cgroup id.
    private let replaced: [Int64: [LimitKey: Replaced]]

    init(
        wanted: [WantedLimit], overlays: [LimitOverlay], held: [HeldLimit],
        drift: [String: DriftPolicy]
    ) {
        (self.wanted, self.overlays, self.held, self.drift) = (wanted, overlays, held, drift)
        replaced = held.reduce(into: [:]) { $0[$1.cgroupID, default: [:]][$1.key] = $1.value }
    }

    /// The value that an overlay replaced in a cgroup; `nil` if none did.
    public func held(_ key: LimitKey, in cgroupID: Int64) -> Replaced? { replaced[cgroupID]?[key] }

    /// The desired limits of a tenant or container, with its overlays.
    public func desired(_ subject: LimitSubject) -> DesiredLimits {
        desired[subject] ?? DesiredLimits()
    }

    /// The desired limits of all tenants and containers that have any, with their overlays.
    public var desired: [LimitSubject: DesiredLimits] {
        var desired: [LimitSubject: DesiredLimits] = [:]
        for item in wanted {
            desired[item.subject, default: DesiredLimits()].wanted[item.key] = item.value
        }
        for item in overlays {
            var limits = desired[item.subject] ?? DesiredLimits()
            switch item.source {
            case .boost: limits.boost[item.key] = item.value
            case .budget:
                // Several steps may set the same limit. The tightest one counts.
                let known = limits.budget[item.key] ?? item.value
                limits.budget[item.key] = known.tightened(by: item.value)
            }
            desired[item.subject] = limits
        }
        return desired
    }
}

extension Store {
    /// Loads the state of limits in the cgroup tree at `root`.
    ///
    /// - Parameter boot: only values that were replaced in this boot of the host are loaded.
    public func limitState(in root: String, boot: String) throws(Fault) -> LimitState {
        try read { db in
            LimitState(
                wanted: try db.rows("SELECT * FROM limit_wanted").map(wanted),
                overlays: try db.rows(
                    """
                    SELECT * FROM limit_overlay WHERE ended_ms IS NULL AND root = ? ORDER BY id
                    """, [root]
                ).map(overlay),
                held: try db.rows(
                    """
                    SELECT * FROM limit_held WHERE boot = ? AND root = ? ORDER BY path, file
                    """, [boot, root]
                ).map(held),
                drift: try db.rows(
                    "SELECT id, drift FROM tenant WHERE drift IS NOT NULL"
                ).reduce(into: [:]) { $0[$1["id"]] = DriftPolicy(rawValue: $1["drift"]) })
        }
    }

    /// A text that changes whenever `limitState` does, to notice changes cheaply.
    ///
    /// Overlays and replaced values change only together with a change of limits, so its number
    /// suffices. Desired limits are part of the text themselves, because their times may go
    /// backwards with the clock.
    public func limitVersion() throws(Fault) -> String {
        try read { db in
            try db.value(
                String.self,
                """
                SELECT coalesce((SELECT max(id) FROM limit_change_set), 0) || ' '
                    || coalesce((SELECT group_concat(
                            kind || char(31) || target || char(31) || file || char(31) || value,
                            char(30)) FROM limit_wanted), '')
                    || char(29) || coalesce((SELECT group_concat(id || char(31) || drift,
                        char(30)) FROM tenant WHERE drift IS NOT NULL), '')
                """) ?? ""
        }
    }

    /// The desired limits of a tenant or container, without overlays.
    public func wantedLimits(
        of subject: LimitSubject
    ) throws(Fault) -> [LimitKey: LimitValue] {
        try read { db in
            try db.rows(
                "SELECT * FROM limit_wanted WHERE kind = ? AND target = ?",
                [subject.kind.rawValue, subject.name]
            ).reduce(into: [:]) { known, row in
                let (key, value) = try limit(row)
                known[key] = value
            }
        }
    }

    /// The roots of cgroup trees with boosts that are over but were not ended.
    public func rootsOfOverdueBoosts(at now: Instant) throws(Fault) -> [String] {
        try read { db in
            try db.values(
                String.self,
                """
                SELECT DISTINCT root FROM limit_overlay
                WHERE ended_ms IS NULL AND until_ms <= ? ORDER BY root
                """, [now.milliseconds])
        }
    }

    /// Records that a change is about to be written to the kernel.
    ///
    /// - Parameter document: what is needed to roll it back; see `PendingChange` in Enforcing.
    /// - Returns: its row in table `limit_pending`.
    public func beginLimitChange(
        _ document: String, pid: Int32, boot: String, root: String, at now: Instant
    ) throws(Fault) -> Int64 {
        try write { db in
            try db.run(
                "INSERT INTO limit_pending (at_ms, pid, boot, root, change) VALUES (?, ?, ?, ?, ?)",
                [now.milliseconds, pid, boot, root, document])
            return db.lastInsertedRowID
        }
    }

    /// The changes of a cgroup tree that were begun and neither finished nor rolled back.
    public func pendingLimitChanges(
        in root: String
    ) throws(Fault) -> [(id: Int64, boot: String, change: String)] {
        try read { db in
            try db.rows(
                "SELECT id, boot, change FROM limit_pending WHERE root = ? ORDER BY id",
                [root]
            ).map { ($0["id"], $0["boot"], $0["change"]) }
        }
    }

    /// Adds a change to the chain, together with its effects on the store.
    ///
    /// - Parameter pending: the row that `beginLimitChange` returned; it is deleted.
    /// - Returns: the change with its number and hash.
    @discardableResult
    public func finishLimitChange(
        _ set: LimitChangeSet, pending: Int64? = nil, _ effects: [LimitEffect] = []
    ) throws(Fault) -> LimitChangeSet {
        try write { db in
            let set = try append(db, set)
            for effect in effects { try record(db, effect, change: set.id, at: set.at) }
            if let pending {
                try db.run("DELETE FROM limit_pending WHERE id = ?", [pending])
            }
            return set
        }
    }
}

/// Carries out one effect.
private func record(
    _ db: Database, _ effect: LimitEffect, change: Int64, at now: Instant
) throws {
    switch effect {
    case .want(let item):
        try db.run(
            "INSERT OR REPLACE INTO limit_wanted VALUES (?, ?, ?, ?, ?, ?)",
            [
                item.subject.kind.rawValue, item.subject.name, item.key.description,
                item.value.description, item.source.rawValue, item.since.milliseconds,
            ])
    case .unwant(let subject, let key):
        try db.run(
            "DELETE FROM limit_wanted WHERE kind = ? AND target = ? AND file = ?",
            [subject.kind.rawValue, subject.name, key.description])
    case .lay(let item):
        try db.run(
            """
            INSERT INTO limit_overlay (source, kind, target, tenant, root, file, value, since_ms,
                until_ms, change_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                item.source.rawValue, item.subject.kind.rawValue, item.subject.name, item.tenant,
                item.root, item.key.description, item.value.description, item.since.milliseconds,
                item.until?.milliseconds, change,
            ])
    // Overlays are kept after their end: reports add up boosted time from them.
    case .end(let id):
        try db.run(
            "UPDATE limit_overlay SET ended_ms = ? WHERE id = ? AND ended_ms IS NULL",
            [now.milliseconds, id])
    case .hold(let item):
        // The cgroups of earlier boots do not exist any more.
        try db.run("DELETE FROM limit_held WHERE boot <> ?", [item.boot])
        try db.run(
            """
            INSERT INTO limit_held VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (boot, root, cgroup_id, file) DO UPDATE
                SET before = excluded.before, written = excluded.written
            """,
            [
                item.boot, item.root, item.cgroupID, item.path, item.key.description,
                item.before.description, item.written.description,
            ])
    case .release(let item):
        try db.run(
            "DELETE FROM limit_held WHERE boot = ? AND root = ? AND cgroup_id = ? AND file = ?",
            [item.boot, item.root, item.cgroupID, item.key.description])
    }
}

/// The limit in a row, and the value in one of its columns.
private func limit(_ row: Row, _ column: String = "value") throws -> (LimitKey, LimitValue) {
    guard let key = LimitKey(row["file"]), let value = LimitValue(row[column] as String, for: key)
    else {
        throw DatabaseError(message: "a limit that cannot be read: \(row["file"] as String)")
    }
    return (key, value)
}

/// The tenant or container in a row.
private func subject(_ row: Row) throws -> LimitSubject {
    guard let kind = LimitSubject.Kind(rawValue: row["kind"]) else {
        throw DatabaseError(message: "limits of neither a tenant nor a container")
    }
    return LimitSubject(kind, row["target"])
}

/// Builds a desired limit from its row.
private func wanted(_ row: Row) throws -> WantedLimit {
    let (key, value) = try limit(row)
    return WantedLimit(
        try subject(row), key, value, source: .init(rawValue: row["source"]) ?? .command,
        since: Instant(milliseconds: row["since_ms"]))
}

/// Builds an overlay from its row.
private func overlay(_ row: Row) throws -> LimitOverlay {
    let (key, value) = try limit(row)
    var item = LimitOverlay(
        row["source"] == "boost" ? .boost : .budget, try subject(row), tenant: row["tenant"],
        root: row["root"], key, value, since: Instant(milliseconds: row["since_ms"]),
        until: (row["until_ms"] as Int64?).map(Instant.init(milliseconds:)))
    (item.id, item.change) = (row["id"], row["change_set"])
    return item
}

/// Builds a replaced value from its row.
private func held(_ row: Row) throws -> HeldLimit {
    let (key, before) = try limit(row, "before")
    let (_, written) = try limit(row, "written")
    // `HeldLimit` is built from a write. The owner does not matter here.
    let write = PlannedWrite(
        path: row["path"], cgroupID: row["cgroup_id"], owner: .file, key: key, before: before,
        wanted: written)
    return HeldLimit(write, boot: row["boot"], root: row["root"])
}
