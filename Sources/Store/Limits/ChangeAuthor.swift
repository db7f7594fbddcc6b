import GRDB
import Units

/// Who applies the configuration files, and why.
public struct ChangeAuthor: Sendable {
    /// The user id.
    public var uid: Int64
    /// The user's name.
    public var user: String
    /// The reason that was given.
    public var reason: String?

    public init(uid: Int64, user: String, reason: String?) {
        (self.uid, self.user, self.reason) = (uid, user, reason)
    }

    /// Records changes in the history of limits.
    ///
    /// Changes of a tenant's limits and budget are always recorded. Prices, tenants and ladders are
    /// recorded only with a reason, because the store keeps their versions elsewhere.
    ///
    /// - Parameters:
    ///   - done: what changed, as sentences.
    ///   - tenant: the tenant whose limits or budget changed; `nil` for anything else.
    func note(
        _ db: Database, _ done: [String], of tenant: String?, _ action: LimitChangeSet.Action,
        at now: Instant
    ) throws {
        guard !done.isEmpty, tenant != nil || reason != nil else { return }
        let words = shortened(done.joined(separator: "; "), to: 2000)
        try append(
            db,
            LimitChangeSet(
                at: now, uid: uid, user: user, target: tenant ?? "apply", tenant: tenant,
                action: action, outcome: .done,
                reason: [words, reason].compactMap(\.self).joined(separator: ": ")))
    }
}
