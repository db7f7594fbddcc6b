import Foundation
import GRDB
import Limits
import Units

/// Who has limits: a tenant, or one container.
public struct LimitSubject: Hashable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable { case tenant, container }

    public var kind: Kind
    /// A tenant's id; a container's name as its owner has it, `docker/web@acme`, or else its path.
    public var name: String

    public init(_ kind: Kind, _ name: String) { (self.kind, self.name) = (kind, name) }
}

/// A limit that a tenant or container shall have.
public struct WantedLimit: Hashable, Sendable {
    public enum Source: String, Sendable, Codable { case command, file, adopted }

    public var subject: LimitSubject
    public var key: LimitKey
    public var value: LimitValue
    public var source: Source
    public var since: Instant

    public init(
        _ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue, source: Source,
        since: Instant
    ) {
        (self.subject, self.key, self.value) = (subject, key, value)
        (self.source, self.since) = (source, since)
    }
}

/// A limit that stands for a time above what is wanted.
public struct LimitOverlay: Hashable, Sendable {
    public enum Source: String, Sendable, Codable { case boost, budget }

    /// Its row; 0 before it has one.
    public var id: Int64 = 0
    public var source: Source
    public var subject: LimitSubject
    public var tenant: String?
    /// The cgroup tree it was laid in.
    public var root: String
    public var key: LimitKey
    public var value: LimitValue
    public var since: Instant
    /// When it is to end; `nil` for a budget's.
    public var until: Instant?
    /// The change-set that laid it; 0 before it is written down.
    public var change: Int64 = 0

    public init(
        _ source: Source, _ subject: LimitSubject, tenant: String?, root: String, _ key: LimitKey,
        _ value: LimitValue, since: Instant, until: Instant?
    ) {
        (self.source, self.subject, self.tenant, self.root) = (source, subject, tenant, root)
        (self.key, self.value, self.since, self.until) = (key, value, since, until)
    }
}

/// What a cgroup had before an overlay was written there.
public struct HeldLimit: Hashable, Sendable {
    public var boot: String
    /// The cgroup tree it lies in.
    public var root: String
    public var cgroupID: Int64
    public var path: String
    public var key: LimitKey
    public var value: Replaced

    public var before: LimitValue { value.before }
    public var written: LimitValue { value.written }
    public var place: LimitPlace { LimitPlace(path, key) }

    /// - Parameter known: what is held there already: that stays what was before, unless somebody else wrote
    ///   since.
    public init(_ write: PlannedWrite, over known: Replaced? = nil, boot: String, root: String) {
        (self.boot, self.root) = (boot, root)
        (cgroupID, path, key) = (write.cgroupID, write.path, write.key)
        let isOurs = known?.isStill(write.before, for: write.key) ?? false
        value = Replaced(
            before: isOurs ? known?.before ?? write.before : write.before, written: write.wanted)
    }
}

/// What changes in the store together with a change-set, in its transaction.
public enum LimitEffect: Hashable, Sendable {
    case want(WantedLimit)
    case unwant(LimitSubject, LimitKey)
    case lay(LimitOverlay)
    case end(overlay: Int64)
    /// Keeps what was there.
    case hold(HeldLimit)
    case release(HeldLimit)
}

/// All that the store knows of what limits shall be in one cgroup tree.
public struct LimitState: Sendable {
    public var wanted: [WantedLimit]
    /// Those that stand.
    public var overlays: [LimitOverlay]
    public let held: [HeldLimit]
    /// What to do about drift, by tenant; `reassert` where none is named.
    public var drift: [String: DriftPolicy]
    private let replaced: [Int64: [LimitKey: Replaced]]

    init(
        wanted: [WantedLimit], overlays: [LimitOverlay], held: [HeldLimit],
        drift: [String: DriftPolicy]
    ) {
        (self.wanted, self.overlays, self.held, self.drift) = (wanted, overlays, held, drift)
        replaced = held.reduce(into: [:]) { $0[$1.cgroupID, default: [:]][$1.key] = $1.value }
    }

    /// What something that stands for a time replaced in a cgroup; `nil` if nothing did.
    public func held(_ key: LimitKey, in cgroupID: Int64) -> Replaced? { replaced[cgroupID]?[key] }

    /// What a subject shall have.
    public func desired(_ subject: LimitSubject) -> DesiredLimits {
        desired[subject] ?? DesiredLimits()
    }

    /// What everybody shall have that has limits at all.
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
                let known = limits.budget[item.key] ?? item.value
                limits.budget[item.key] = known.tightened(by: item.value)
            }
            desired[item.subject] = limits
        }
        return desired
    }
}

extension Store {
    /// What limits shall be, now, in the cgroup tree at `root`.
    ///
    /// - Parameter boot: of what is held, only what was in this boot of the host.
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

    /// A text that is another whenever `limitState` is: cheaper than to read it all.
    ///
    /// Overlays and what is held change only together with a change-set. What is wanted stands in it
    /// as it is: a clock that was set back gives a new wish an older time.
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

    /// What a subject shall have before overlays.
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

    /// The cgroup trees with boosts that are over and that nobody ended.
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

    /// Writes down that a change-set is about to be written to the kernel.
    ///
    /// - Parameter document: what is needed to take it back in the cgroup tree at `root`.
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

    /// The change-sets of a cgroup tree that were begun and neither finished nor taken back.
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

    /// Appends a change-set to the chain, with all that goes with it.
    ///
    /// - Returns: it, with its place in the chain.
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
    case .end(let id):
        try db.run(
            "UPDATE limit_overlay SET ended_ms = ? WHERE id = ? AND ended_ms IS NULL",
            [now.milliseconds, id])
    case .hold(let item):
        // The cgroups of another boot are gone.
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

/// A row's limit and one of its values.
private func limit(_ row: Row, _ column: String = "value") throws -> (LimitKey, LimitValue) {
    guard let key = LimitKey(row["file"]), let value = LimitValue(row[column] as String, for: key)
    else {
        throw DatabaseError(message: "a limit that cannot be read: \(row["file"] as String)")
    }
    return (key, value)
}

private func subject(_ row: Row) throws -> LimitSubject {
    guard let kind = LimitSubject.Kind(rawValue: row["kind"]) else {
        throw DatabaseError(message: "limits of neither a tenant nor a container")
    }
    return LimitSubject(kind, row["target"])
}

private func wanted(_ row: Row) throws -> WantedLimit {
    let (key, value) = try limit(row)
    return WantedLimit(
        try subject(row), key, value, source: .init(rawValue: row["source"]) ?? .command,
        since: Instant(milliseconds: row["since_ms"]))
}

private func overlay(_ row: Row) throws -> LimitOverlay {
    let (key, value) = try limit(row)
    var item = LimitOverlay(
        row["source"] == "boost" ? .boost : .budget, try subject(row), tenant: row["tenant"],
        root: row["root"], key, value, since: Instant(milliseconds: row["since_ms"]),
        until: (row["until_ms"] as Int64?).map(Instant.init(milliseconds:)))
    (item.id, item.change) = (row["id"], row["change_set"])
    return item
}

private func held(_ row: Row) throws -> HeldLimit {
    let (key, before) = try limit(row, "before")
    let (_, written) = try limit(row, "written")
    let write = PlannedWrite(
        path: row["path"], cgroupID: row["cgroup_id"], owner: .file, key: key, before: before,
        wanted: written)
    return HeldLimit(write, boot: row["boot"], root: row["root"])
}
