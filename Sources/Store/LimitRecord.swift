import GRDB
import Limits
import Units

/// One limit that was written: who, when, why, before, after.
public struct LimitChange: Hashable, Sendable {
    public var at: Instant
    /// The user id that asked.
    public var uid: Int64
    public var target: String
    public var path: String
    public var cgroupID: Int64
    public var write: LimitWrite
    /// What the kernel gave back after the write.
    public var after: String
    public var isVerified: Bool
    public var reason: String?

    public init(
        at: Instant, uid: Int64, target: String, path: String, cgroupID: Int64, write: LimitWrite,
        after: String, isVerified: Bool, reason: String?
    ) {
        (self.at, self.uid, self.target) = (at, uid, target)
        (self.path, self.cgroupID, self.write) = (path, cgroupID, write)
        (self.after, self.isVerified, self.reason) = (after, isVerified, reason)
    }
}

extension Store {
    /// Appends to the record of limits.
    public func record(_ changes: [LimitChange]) throws(Fault) {
        try write { db in
            for change in changes {
                try db.execute(
                    sql: """
                        INSERT INTO limit_change (at_ms, uid, target, path, cgroup_id, file,
                            before, wanted, after, verified, reason)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        change.at.milliseconds, change.uid, change.target, change.path,
                        change.cgroupID, change.write.key.file, change.write.before,
                        change.write.wanted, change.after, change.isVerified ? 1 : 0,
                        change.reason,
                    ])
            }
        }
    }
}
