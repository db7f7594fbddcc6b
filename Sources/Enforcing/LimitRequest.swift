import Glibc
import Limits
import Store
import Units

/// A change of limits that is to be carried out as a whole or not at all.
public struct LimitRequest {
    /// The tenant or container whose limits change.
    public var subject: LimitSubject
    /// The tenant that it belongs to; `nil` if none.
    public var tenant: String?
    /// What kind of change it is.
    public var action: LimitChangeSet.Action
    /// Why, in the operator's words or Octroi's.
    public var reason: String?
    /// The values to write, for each cgroup and limit.
    public var writes: [PlannedWrite]
    /// Whether owners keep the values beyond a reboot or a restart.
    public var lasting = true
    /// Whether memory may be set below what is in use, although the kernel may kill processes.
    public var isForced = false
    /// The id of the change that this one undoes.
    public var undoes: Int64?
    /// When the last of its boosts ends.
    public var expires: Instant?
    /// What changes in the store in the same transaction.
    public var effects: [LimitEffect] = []

    /// A request that owners keep and that is not forced.
    public init(
        _ action: LimitChangeSet.Action, of subject: LimitSubject, tenant: String?,
        reason: String?, writes: [PlannedWrite] = []
    ) {
        (self.action, self.subject, self.tenant) = (action, subject, tenant)
        (self.reason, self.writes) = (reason, writes)
    }
}

/// The user who asks, according to the kernel and sudo(8).
public struct Requester: Sendable {
    /// The user id of this process.
    public let uid: Int64
    /// The user's name; after sudo also the name of the user who called it.
    public let user: String

    public init() {
        uid = Int64(getuid())
        let name = getpwuid(getuid()).flatMap { $0.pointee.pw_name.map { String(cString: $0) } }
        let own = name ?? "uid \(getuid())"
        let sudo = getuid() == 0 ? getenv("SUDO_USER").map { String(cString: $0) } : nil
        user = sudo.map { "\(own) (sudo by \(escapingControlCharacters($0)))" } ?? own
    }
}
