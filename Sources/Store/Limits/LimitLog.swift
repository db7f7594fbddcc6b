import Sealing
import Foundation
import GRDB
import Limits
import Units

/// What one command, or one decision of the daemon, changed of limits.
public struct LimitChangeSet: Hashable, Sendable {
    public enum Action: String, Sendable, CaseIterable, Codable {
        case set, unset, boost, expire, undo, reassert, adopt, alert, budget, recover
    }

    /// Whether it was done, or failed and was undone.
    public enum Outcome: String, Sendable { case done, failed }

    /// Its place in the chain; 0 before it is written down.
    public var id: Int64 = 0
    /// SHA-256 of it and of the chain before it, in hexadecimal; empty before it is written down.
    public var hash = ""
    public var at: Instant
    /// The boot of the host it was in: a cgroup's id means something only within one; `nil` if no
    /// cgroup is of interest.
    public var boot: String?
    /// Who asked.
    public var uid: Int64
    public var user: String
    /// A tenant's id, or a container as it was named.
    public var target: String
    public var tenant: String?
    public var action: Action
    public var outcome: Outcome
    public var reason: String?
    public var undoes: Int64?
    public var expires: Instant?
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

/// One limit that was written, with what the kernel gave back.
public struct LimitChange: Hashable, Sendable {
    public var path: String
    public var cgroupID: Int64
    /// As `LimitKey` describes itself; text, so that a record of a newer version can be read.
    public var key: String
    public var owner: String?
    public var before: String
    public var wanted: String
    public var after: String
    public var isVerified: Bool
    /// The kernel's counter of how often the limit took hold, when it was written.
    public var hitCount: Int64?
    /// What was wanted before it; `nil` is nothing.
    public var wantedBefore: String?

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

/// Appends a change-set to the chain.
///
/// - Returns: it, with its place and hash in it.
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

/// SHA-256 of a change-set with its writes, and of the hash before it.
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
    fileprivate mutating func add(_ text: String?) {
        if let text { add(text.utf8) } else { add(nil as Int64?) }
    }
}

extension Store {
    /// The change-sets, oldest first.
    ///
    /// - Parameters:
    ///   - target: only those of a tenant, a container by its name (`web` of `docker/web@acme`), or a
    ///     cgroup by its path or the end of it.
    ///   - most: the newest so many.
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

    /// One change-set; `nil` if there is none of that number.
    public func limitChangeSet(_ id: Int64) throws(Fault) -> LimitChangeSet? {
        try read { db in
            try db.row(
                "SELECT * FROM limit_change_set WHERE id = ?", [id]
            ).map { try changeSet(db, $0) }
        }
    }

    /// The newest change of a target that can be undone: an operator's, done, not undone, and of boosts one
    /// that stands in the cgroup tree at `root`; `nil` if there is none.
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

    /// The number of the change that undid another; `nil` if none did.
    ///
    /// One that failed undid nothing.
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

    /// The last change of a cgroup's limit in a boot of the host: when, what the kernel had then, and how
    /// often it had taken hold; `nil` if there was none.
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
