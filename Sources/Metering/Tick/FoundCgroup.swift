import Units

/// A cgroup that a survey found and that has an account, or that others with accounts are below.
public struct FoundCgroup: Hashable, Sendable, Codable {
    /// What the cgroup is to metering.
    public enum Role: String, Hashable, Sendable, Codable {
        /// It has no account; cgroups below it have one.
        case inner
        /// A leaf, or a container that includes all below it.
        case container
        /// A tenant root, which has an account beside those of the containers below it.
        case tenantRoot
    }

    /// The path below the cgroup2 mount, such as `/system.slice/web.service`.
    public var path: String
    /// The cgroup id, which is the inode of its directory.
    public var id: Int64
    /// What the cgroup is to metering.
    public var role: Role
    /// The id of the tenant root that it is below, if any.
    public var root: Int64?
    /// Whether processes live in it or below it; `nil` if no file says so.
    public var isPopulated: Bool?
    /// Whether no cgroup below it has an account.
    public var isLeaf: Bool
    /// Whether it remains one container when cgroups are created below it.
    public var isWhole: Bool
    /// A moment before which it did not exist; `nil` if that is not certain.
    public var birth: Moment?
    /// Whether it has ended since the last survey whose tick was committed.
    public var hasEnded: Bool
    /// Whether it had children before.
    ///
    /// Its counters contain their usage, so they start from this reading.
    public var hadChildren: Bool

    /// The number of names in the path: 1 for a child of the root.
    public var depth: Int { path.utf8.reduce(0) { $1 == UInt8(ascii: "/") ? $0 + 1 : $0 } }

    public init(
        path: String, id: Int64, role: Role, root: Int64?, isPopulated: Bool?, isLeaf: Bool,
        isWhole: Bool, birth: Moment?, hasEnded: Bool, hadChildren: Bool
    ) {
        (self.path, self.id, self.role, self.root) = (path, id, role, root)
        (self.isPopulated, self.isLeaf, self.isWhole) = (isPopulated, isLeaf, isWhole)
        (self.birth, self.hasEnded, self.hadChildren) = (birth, hasEnded, hadChildren)
    }
}

/// How a cgroup ended.
public enum CgroupEnd: String, Hashable, Sendable {
    /// Its files were read after its last process had ended, so nothing is missing.
    case read
    /// It was gone before that.
    ///
    /// Usage after its last reading is only in the counters above it.
    case unread
}
