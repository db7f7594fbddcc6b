import GRDB
import Units

/// Who changes what the files of the config folder say, and why.
public struct ChangeAuthor: Sendable {
    public var uid: Int64
    public var user: String
    public var reason: String?

    public init(uid: Int64, user: String, reason: String?) {
        (self.uid, self.user, self.reason) = (uid, user, reason)
    }

    /// Appends changes to the record of limits.
    ///
    /// The limits and budgets of a tenant always; prices, tenants and ladders only with a reason, as the store
    /// keeps their versions elsewhere.
    ///
    /// - Parameters:
    ///   - done: what changed, in words.
    ///   - tenant: whose limits or budget; `nil` for what is no single tenant's.
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
