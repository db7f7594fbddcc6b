import Units

/// A cgroup that keeps an account, or that others lie below.
public struct FoundCgroup: Hashable, Sendable, Codable {
    public enum Role: String, Hashable, Sendable, Codable {
        /// None: only others below it keep accounts.
        case inner
        /// A leaf, or a whole container.
        case container
        case tenantRoot
    }

    /// The path under the root, `/system.slice/web.service`.
    public var path: String
    /// The inode.
    public var id: Int64
    public var role: Role
    /// The id of the tenant root it lies below.
    public var root: Int64?
    /// Whether processes live in it; `nil` where no file says so.
    public var isPopulated: Bool?
    /// Whether nothing below it keeps an account.
    public var isLeaf: Bool
    /// Whether it stays one container when it grows children.
    public var isWhole: Bool
    /// After which moment it was made, where that is proven.
    public var birth: Moment?
    /// Whether it has ended since the last survey that was acknowledged.
    public var hasEnded: Bool
    /// Whether it had children since: its counters hold their usage, so they are a new beginning.
    public var hadChildren: Bool

    /// How deep it lies: 1 for a child of the root.
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

/// How a cgroup that is gone ended.
public enum CgroupEnd: String, Hashable, Sendable {
    /// Its files were read after its last process had gone.
    case read
    /// What it used after its last reading is in its ancestors' counters only.
    case unread
}
