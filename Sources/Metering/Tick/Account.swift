import Units

/// An account in the store: one life of one cgroup.
///
/// A cgroup that ends and is created again under the same name gets a new account.
public struct Account: Hashable, Sendable {
    /// The account's row in the store.
    public let row: Int64
    /// The cgroup id, which the kernel gives only once per boot.
    ///
    /// In a plain folder it is the inode. For a folder whose space is billed it is a negative number
    /// of the collector's own.
    public let cgroupID: Int64
    /// The path below the cgroup2 mount.
    public let path: String
    /// Whether it is the account of a tenant root.
    public var isTenantRoot: Bool
    /// The cgroup id of the tenant root that it is below, if any.
    public var root: Int64?
    /// Where it stands; `nil` if its cgroup has ended or has become an inner one.
    public var position: Position?
    /// Whether it is one container with all below it, whatever cgroups are created there.
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
    /// The code of `absences` (`CgroupReading.absenceCode`), which is cheap to compare.
    ///
    /// `nil` if it is not known, as after a restart.
    public var absenceCode: UInt64?

    /// Whether it is the account of a folder (`StorageReading`) and not of a cgroup.
    public var isFolder: Bool { cgroupID < 0 }

    public init(
        row: Int64, cgroupID: Int64, path: String, isTenantRoot: Bool, root: Int64?,
        position: Position?, isWhole: Bool, absences: [String: Absence], absenceCode: UInt64? = nil
    ) {
        (self.row, self.cgroupID, self.path) = (row, cgroupID, path)
        (self.isTenantRoot, self.root, self.position) = (isTenantRoot, root, position)
        (self.isWhole, self.absences, self.absenceCode) = (isWhole, absences, absenceCode)
    }
}
