import Units

/// An account of the store: one life of one cgroup.
public struct Account: Hashable, Sendable {
    public let row: Int64
    public let cgroupID: Int64
    public let path: String
    public var isTenantRoot: Bool
    /// The cgroup id of the tenant root it lies below.
    public var root: Int64?
    /// `nil` for a cgroup that has ended or has become an inner one.
    public var position: Position?
    /// One container with all below it, whatever grows there.
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
    /// A code of `absences` that is cheap to compare; `nil` if it is not known.
    public var absenceCode: UInt64?

    public init(
        row: Int64, cgroupID: Int64, path: String, isTenantRoot: Bool, root: Int64?,
        position: Position?, isWhole: Bool, absences: [String: Absence], absenceCode: UInt64? = nil
    ) {
        (self.row, self.cgroupID, self.path) = (row, cgroupID, path)
        (self.isTenantRoot, self.root, self.position) = (isTenantRoot, root, position)
        (self.isWhole, self.absences, self.absenceCode) = (isWhole, absences, absenceCode)
    }
}
