/// One limit of one cgroup.
public struct LimitPlace: Hashable, Sendable {
    /// The path of the cgroup below the root of the tree.
    public var path: String
    public var key: LimitKey

    public init(_ path: String, _ key: LimitKey) { (self.path, self.key) = (path, key) }
}

/// One write of a change-set.
///
/// It says which limit of which cgroup gets which value, through which owner.
public struct PlannedWrite: Hashable, Sendable {
    /// The path of the cgroup below the root of the tree.
    public var path: String
    /// The kernel's id of the cgroup, which a later cgroup of the same path does not share.
    public var cgroupID: Int64
    /// The owner through which the limit is written.
    public var owner: LimitOwner
    public var key: LimitKey
    /// The value in the kernel when the write was planned.
    public var before: LimitValue
    /// The value to write.
    public var wanted: LimitValue

    public init(
        path: String, cgroupID: Int64, owner: LimitOwner, key: LimitKey, before: LimitValue,
        wanted: LimitValue
    ) {
        (self.path, self.cgroupID, self.owner) = (path, cgroupID, owner)
        (self.key, self.before, self.wanted) = (key, before, wanted)
    }

    /// Whether the kernel already has the value, so that no write is needed.
    ///
    /// A container is always thawed through its engine: the engine may still take it for paused
    /// after somebody else thawed it.
    public var isInForce: Bool {
        if wanted == .frozen(false), owner.remembers { return false }
        return wanted.isSame(as: before, for: key)
    }

    public var place: LimitPlace { LimitPlace(path, key) }

    /// Whether the new value is tighter than the old one.
    public var isLowering: Bool { wanted.isTighter(than: before) }

    /// The write that undoes this one.
    public var reversed: PlannedWrite {
        var write = self
        (write.before, write.wanted) = (wanted, before)
        return write
    }

    /// The number of slashes in the path: the deeper the cgroup, the more.
    fileprivate var depth: Int { path.count { $0 == "/" } }
}

extension [PlannedWrite] {
    /// The writes in an order in which a child never exceeds its parent.
    ///
    /// Raised limits come first, from the top of the tree down. Lowered limits come last, from the
    /// bottom up.
    public var ordered: [PlannedWrite] {
        let raised = filter { !$0.isLowering }
        let lowered = filter(\.isLowering)
        return raised.stableSorted { $0.depth < $1.depth }
            + lowered.stableSorted { $0.depth > $1.depth }
    }

    /// The writes in order, grouped into calls.
    ///
    /// Consecutive writes to one cgroup through one owner go into one call.
    public var batches: [[PlannedWrite]] {
        var batches: [[PlannedWrite]] = []
        for write in ordered {
            if let last = batches.last?.last, last.path == write.path, last.owner == write.owner {
                batches[batches.count - 1].append(write)
            } else {
                batches.append([write])
            }
        }
        return batches
    }

    /// Sorts and keeps the order of equal elements, which `sorted` does not promise.
    private func stableSorted(_ isBefore: (PlannedWrite, PlannedWrite) -> Bool) -> [PlannedWrite] {
        enumerated().sorted {
            isBefore($0.element, $1.element)
                || (!isBefore($1.element, $0.element) && $0.offset < $1.offset)
        }.map(\.element)
    }
}
