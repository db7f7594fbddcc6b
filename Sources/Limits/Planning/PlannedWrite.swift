/// One limit of one cgroup.
public struct LimitPlace: Hashable, Sendable {
    /// The cgroup, below the root of the tree.
    public var path: String
    public var key: LimitKey

    public init(_ path: String, _ key: LimitKey) { (self.path, self.key) = (path, key) }
}

/// One write of a change-set: where, through whom, the value there now and the value to come.
public struct PlannedWrite: Hashable, Sendable {
    /// The cgroup, below the root of the tree.
    public var path: String
    public var cgroupID: Int64
    public var owner: LimitOwner
    public var key: LimitKey
    public var before: LimitValue
    public var wanted: LimitValue

    public init(
        path: String, cgroupID: Int64, owner: LimitOwner, key: LimitKey, before: LimitValue,
        wanted: LimitValue
    ) {
        (self.path, self.cgroupID, self.owner) = (path, cgroupID, owner)
        (self.key, self.before, self.wanted) = (key, before, wanted)
    }

    /// Whether the kernel already has it, so that nothing need be written.
    ///
    /// An engine may hold a container for paused that somebody else thawed: it has to be told.
    public var isInForce: Bool {
        if wanted == .frozen(false), owner.remembers { return false }
        return wanted.isSame(as: before, for: key)
    }

    public var place: LimitPlace { LimitPlace(path, key) }

    public var isLowering: Bool { wanted.isTighter(than: before) }

    /// The same the other way round.
    public var reversed: PlannedWrite {
        var write = self
        (write.before, write.wanted) = (wanted, before)
        return write
    }

    fileprivate var depth: Int { path.count { $0 == "/" } }
}

extension [PlannedWrite] {
    /// In the order that never leaves a child above its parent: what is raised goes first and from
    /// the top down, what is lowered comes last and from the bottom up.
    public var ordered: [PlannedWrite] {
        let raised = filter { !$0.isLowering }
        let lowered = filter(\.isLowering)
        return raised.stableSorted { $0.depth < $1.depth }
            + lowered.stableSorted { $0.depth > $1.depth }
    }

    /// The writes that go to one owner in one call, in order.
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

    private func stableSorted(_ isBefore: (PlannedWrite, PlannedWrite) -> Bool) -> [PlannedWrite] {
        enumerated().sorted {
            isBefore($0.element, $1.element)
                || (!isBefore($1.element, $0.element) && $0.offset < $1.offset)
        }.map(\.element)
    }
}
