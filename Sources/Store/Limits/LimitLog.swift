import Sealing
import Foundation
import GRDB
import Limits
import Units

/// What one command, or one decision of the daemon, changed in limits.
public struct LimitChangeSet: Hashable, Sendable {
    /// What was done.
    ///
    /// `set`, `unset`, `boost` and `undo` are commands of an operator. The daemon uses `expire` (a
    /// boost is over), `reassert` and `adopt` and `alert` (drift), `budget` (a step of a ladder)
    /// and `recover` (an unfinished change was rolled back).
    public enum Action: String, Sendable, CaseIterable, Codable {
        case set, unset, boost, expire, undo, reassert, adopt, alert, budget, recover
    }

    /// Whether it was done, or failed and was rolled back.
    public enum Outcome: String, Sendable { case done, failed }

    /// Its number in the chain; 0 if it is not stored yet.
    public var id: Int64 = 0
    /// SHA-256 of this change and the chain before it, in hexadecimal; empty if not stored yet.
    public var hash = ""
    /// When it was done.
    public var at: Instant
    /// The boot of the host in which it was done; `nil` if no cgroup is concerned.
    ///
    /// Cgroup ids are unique only within one boot.
    public var boot: String?
    /// The user id of whoever asked.
    public var uid: Int64
    /// The user's name.
    public var user: String
    /// A tenant's id, or a container's name or path.
    public var target: String
    /// The tenant that the target belongs to; `nil` if none.
    public var tenant: String?
    /// What was done.
    public var action: Action
    /// Whether it succeeded.
    public var outcome: Outcome
    /// Why, in the operator's words or Octroi's.
    public var reason: String?
    /// The number of the change that this one undoes.
    public var undoes: Int64?
    /// When a boost ends.
    public var expires: Instant?
    /// The values that were written.
    public var changes: [LimitChange] = []

    public init(
        at: Instant, uid: Int64, user: String, boot: String? = nil, target: String,
        tenant: String?, action: Action, outcome: Outcome, reason: String?, undoes: Int64? = nil,
        expires: Instant? = nil
    ) {
        (self.at, self.uid, self.user, self.boot) = (at, uid, user, boot)
        (self.target, self.tenant, self.action) = (target, tenant, action)
        (self.outcome, self.reason) = (outcome, reason)
        (self.undoes, self.expires) = (undoes, expires)
    }
}

/// One value that was written, and what the kernel had afterwards.
public struct LimitChange: Hashable, Sendable {
    /// The cgroup whose limit was written.
    public var path: String
    /// The id of the cgroup at that time.
    public var cgroupID: Int64
    /// The limit as `LimitKey` describes itself.
    ///
    /// It is text, so that records of a newer version can be read.
    public var key: String
    /// Who owned the cgroup's limits, such as `systemd:tenant-acme.slice`.
    public var owner: String?
    /// The value before.
    public var before: String
    /// The value that was written.
    public var wanted: String
    /// The value that the kernel had afterwards.
    public var after: String
    /// Whether the kernel had the written value afterwards.
    public var isVerified: Bool
    /// How often the limit had taken effect when it was written; see `LimitedCgroup.hitCount(of:)`.
    public var hitCount: Int64?
    /// The desired value before; `nil` if there was none.
    public var wantedBefore: String?

    /// Records a write.
    ///
    /// - Parameters:
    ///   - after: what the kernel had afterwards.
    ///   - hitCount: how often the limit had taken effect before.
    public init(_ write: PlannedWrite, after: LimitValue, isVerified: Bool, hitCount: Int64?) {
        (path, cgroupID) = (write.path, write.cgroupID)
        (key, owner) = (write.key.description, write.owner.description)
        (before, wanted) = (write.before.description, write.wanted.description)
        (self.after, self.isVerified, self.hitCount) = (after.description, isVerified, hitCount)
    }

    init(_ row: Row) {
        (path, cgroupID) = (row["path"], row["cgroup_id"])
        (key, owner) = (row["file"], row["owner"])
        (before, wanted, after) = (row["before"], row["wanted"], row["after"])
        (isVerified, hitCount) = (row["verified"], row["bites"])
        wantedBefore = row["wanted_before"]
    }
}

/// Adds a change to the chain.
///
/// - Returns: the change with its number and hash.
@discardableResult
func append(_ db: Database, _ set: LimitChangeSet) throws -> LimitChangeSet {
    let last = try db.row(
        "SELECT id, hash FROM limit_change_set ORDER BY id DESC LIMIT 1")
    let previous = (last?["hash"] as Data?).map { Array($0) } ?? HashChain.start
    var set = set
    set.id = (last?["id"] as Int64? ?? 0) + 1
    let own = hash(set, after: previous)
    set.hash = hex(own)
    try db.run(
        "INSERT INTO limit_change_set VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            set.id, set.at.milliseconds, set.boot, set.uid, set.user, set.target, set.tenant,
            set.action.rawValue, set.outcome.rawValue, set.reason, set.undoes,
            set.expires?.milliseconds, Data(previous), Data(own),
        ])
    // The writes repeat time, user and reason of their change, so that each can be read by itself.
    // `strayWrites` checks that they agree.
    for change in set.changes {
        try db.run(
            """
            INSERT INTO limit_change (at_ms, uid, target, path, cgroup_id, file, before, wanted,
                after, verified, reason, change_set, owner, bites, wanted_before)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                set.at.milliseconds, set.uid, set.target, change.path, change.cgroupID, change.key,
                change.before, change.wanted, change.after, change.isVerified, set.reason, set.id,
                change.owner, change.hitCount, change.wantedBefore,
            ])
    }
    return set
}

/// Computes the hash of a change, which covers its writes and the hash before it.
func hash(_ set: LimitChangeSet, after previous: [UInt8]) -> [UInt8] {
    let digest = Digest()
    var row = CanonicalRow()
    row.begin("limit_change_set")
    for number in [set.id, set.at.milliseconds, set.uid] { row.add(number) }
    row.add(set.boot)
    for text in [set.user, set.target] { row.add(text.utf8) }
    row.add(set.tenant)
    for text in [set.action.rawValue, set.outcome.rawValue] { row.add(text.utf8) }
    row.add(set.reason)
    row.add(set.undoes)
    row.add(set.expires?.milliseconds)
    row.end()
    digest.add(row.bytes)
    // The row number of a write is not hashed, only its place among the others.
    for change in set.changes {
        row.begin("limit_change")
        row.add(change.path.utf8)
        row.add(change.cgroupID)
        row.add(change.key.utf8)
        row.add(change.owner)
        for text in [change.before, change.wanted, change.after] { row.add(text.utf8) }
        row.add(change.isVerified ? 1 : 0)
        row.add(change.hitCount)
        row.add(change.wantedBefore)
        row.end()
        digest.add(row.bytes)
    }
    digest.add(previous)
    return digest.finish()
}

extension CanonicalRow {
    /// Adds a text or NULL.
    fileprivate mutating func add(_ text: String?) {
        if let text { add(text.utf8) } else { add(nil as Int64?) }
    }
}

extension Store {
    /// The recorded changes, oldest first.
    ///
    /// - Parameters:
    ///   - target: only changes of this tenant; of a container by its name (`web` of
    ///     `docker/web@acme`); or of a cgroup by its path or the end of its path.
    ///   - most: the number of changes, counted from the newest.
    public func limitHistory(
        of target: String? = nil, most: Int = .max
    ) throws(Fault) -> [LimitChangeSet] {
        try read { db in
            let rows = try db.rows(
                """
                SELECT * FROM limit_change_set s WHERE ?1 IS NULL
                    OR ?1 IN (target, tenant, substr(target, instr(target, '/') + 1),
                        substr(target, instr(target, '/') + 1,
                            instr(target, '@') - instr(target, '/') - 1))
                    OR EXISTS (SELECT 1 FROM limit_change c
                        WHERE c.change_set = s.id AND (c.path = ?1
                            OR substr(c.path, -length(?1) - 1) = '/' || ?1))
                ORDER BY id DESC LIMIT ?2
                """, [target, most])
            return try rows.reversed().map { try changeSet(db, $0) }
        }
    }

    /// One recorded change; `nil` if there is none with this number.
    public func limitChangeSet(_ id: Int64) throws(Fault) -> LimitChangeSet? {
        try read { db in
            try db.row(
                "SELECT * FROM limit_change_set WHERE id = ?", [id]
            ).map { try changeSet(db, $0) }
        }
    }

    /// The newest change of a target that can be undone; `nil` if there is none.
    ///
    /// It is an operator's, succeeded, and was not undone. A boost must still be in force in the
    /// cgroup tree at `root`.
    public func lastUndoable(
        of target: String, in root: String
    ) throws(Fault) -> LimitChangeSet? {
        try read { db in
            try db.row(
                """
                SELECT * FROM limit_change_set s
                WHERE s.target = ? AND s.outcome = 'done'
                    AND (s.action IN ('set', 'unset') OR s.action = 'boost' AND s.id IN (
                        SELECT change_set FROM limit_overlay
                        WHERE ended_ms IS NULL AND root = ?))
                    AND EXISTS (SELECT 1 FROM limit_change c WHERE c.change_set = s.id)
                    AND NOT EXISTS (SELECT 1 FROM limit_change_set u
                        WHERE u.id > s.id AND u.undoes = s.id AND u.outcome = 'done')
                ORDER BY s.id DESC LIMIT 1
                """, [target, root]
            ).map { try changeSet(db, $0) }
        }
    }

    /// The number of the change that undid another one; `nil` if none did.
    ///
    /// A failed attempt does not count.
    public func limitChange(thatUndid id: Int64) throws(Fault) -> Int64? {
        try read { db in
            try db.value(
                Int64.self,
                """
                SELECT id FROM limit_change_set
                WHERE id > ?1 AND undoes = ?1 AND outcome = 'done' ORDER BY id LIMIT 1
                """, [id])
        }
    }

    /// The last verified change of a cgroup's limit in a boot of the host; `nil` if there is none.
    ///
    /// - Returns: when it was, the kernel's value afterwards, and how often the limit had taken
    ///   effect.
    public func lastLimitChange(
        of cgroupID: Int64, _ key: String, boot: String
    ) throws(Fault) -> (at: Instant, after: String, hitCount: Int64?)? {
        try read { db in
            try db.row(
                """
                SELECT c.at_ms, c.after, c.bites
                FROM limit_change c JOIN limit_change_set s ON s.id = c.change_set
                WHERE c.cgroup_id = ? AND c.file = ? AND c.verified = 1 AND s.boot = ?
                ORDER BY c.id DESC LIMIT 1
                """, [cgroupID, key, boot]
            ).map { (Instant(milliseconds: $0["at_ms"]), $0["after"], $0["bites"]) }
        }
    }
}

/// Builds a change from its row and loads its writes.
func changeSet(_ db: Database, _ row: Row) throws -> LimitChangeSet {
    guard let action = LimitChangeSet.Action(rawValue: row["action"]),
        let outcome = LimitChangeSet.Outcome(rawValue: row["outcome"])
    else { throw DatabaseError(message: "limit_change_set: an unknown action") }
    var set = LimitChangeSet(
        at: Instant(milliseconds: row["at_ms"]), uid: row["uid"], user: row["user"],
        boot: row["boot"], target: row["target"], tenant: row["tenant"], action: action,
        outcome: outcome,
        reason: row["reason"], undoes: row["undoes"],
        expires: (row["expires_ms"] as Int64?).map(Instant.init(milliseconds:)))
    (set.id, set.hash) = (row["id"], hex(Array(row["hash"] as Data)))
    set.changes = try db.rows(
        "SELECT * FROM limit_change WHERE change_set = ? ORDER BY id", [set.id]
    ).map(LimitChange.init)
    return set
}
