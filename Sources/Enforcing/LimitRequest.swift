import Glibc
import Limits
import Store
import Units

/// A change-set to be carried out.
public struct LimitRequest {
    public var subject: LimitSubject
    public var tenant: String?
    public var action: LimitChangeSet.Action
    public var reason: String?
    public var writes: [PlannedWrite]
    /// Whether owners shall keep the values over a reboot or a restart.
    public var lasting = true
    /// Whether memory may be taken below what is in use at once, though the kernel may kill.
    public var isForced = false
    public var undoes: Int64?
    public var expires: Instant?
    /// What else changes in the store with it.
    public var effects: [LimitEffect] = []

    public init(
        _ action: LimitChangeSet.Action, of subject: LimitSubject, tenant: String?,
        reason: String?, writes: [PlannedWrite] = []
    ) {
        (self.action, self.subject, self.tenant) = (action, subject, tenant)
        (self.reason, self.writes) = (reason, writes)
    }
}

/// Who asks, as the kernel and sudo(8) say.
public struct Requester: Sendable {
    public let uid: Int64
    public let user: String

    public init() {
        uid = Int64(getuid())
        let name = getpwuid(getuid()).flatMap { $0.pointee.pw_name.map { String(cString: $0) } }
        let own = name ?? "uid \(getuid())"
        let sudo = getuid() == 0 ? getenv("SUDO_USER").map { String(cString: $0) } : nil
        user = sudo.map { "\(own) (sudo by \(escapingControlCharacters($0)))" } ?? own
    }
}
