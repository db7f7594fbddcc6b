/// What a tenant or container shall have, from all that has a say in it.
public struct DesiredLimits: Hashable, Sendable {
    /// What the contract or an operator set.
    public var wanted: [LimitKey: LimitValue] = [:]
    /// What a budget's steps add: it only ever tightens.
    public var budget: [LimitKey: LimitValue] = [:]
    /// What an operator granted for a time: it stands above the rest until it ends.
    public var boost: [LimitKey: LimitValue] = [:]

    public init() {}

    /// Every limit with a value to hold, whoever it is from.
    public var all: [LimitKey: LimitValue] {
        wanted.merging(budget) { $0.tightened(by: $1) }.merging(boost) { $1 }
    }

    /// The limits that stand only for a time.
    public var passing: Set<LimitKey> { Set(budget.keys).union(boost.keys) }

    public var isEmpty: Bool { wanted.isEmpty && budget.isEmpty && boost.isEmpty }

    /// What a container shall have of which these are its own limits and those its tenant's.
    ///
    /// Its own stand above; budgets tighten, whosever they are.
    public func over(_ tenant: DesiredLimits) -> DesiredLimits {
        var merged = self
        merged.wanted.merge(tenant.wanted) { own, _ in own }
        merged.budget.merge(tenant.budget) { $0.tightened(by: $1) }
        merged.boost.merge(tenant.boost) { own, _ in own }
        return merged
    }

    /// Only the limits that pass a test.
    public func filter(_ isIncluded: (LimitKey) -> Bool) -> DesiredLimits {
        var part = DesiredLimits()
        part.wanted = wanted.filter { isIncluded($0.key) }
        part.budget = budget.filter { isIncluded($0.key) }
        part.boost = boost.filter { isIncluded($0.key) }
        return part
    }

    /// Every limit with a value to hold, in a fixed order.
    public var list: [DesiredLimit] {
        let passing = passing
        return all.sorted { $0.key.description < $1.key.description }.map {
            DesiredLimit(
                key: $0.key, value: $0.value, isPassing: passing.contains($0.key),
                onlyTightens: wanted[$0.key] == nil && boost[$0.key] == nil)
        }
    }
}

/// One limit and the value that it shall have.
public struct DesiredLimit: Hashable, Sendable {
    public var key: LimitKey
    public var value: LimitValue
    /// Whether it stands only for a time.
    public var isPassing: Bool
    /// Whether only a budget has a say in it: what others set in the kernel may be tighter.
    public var onlyTightens: Bool

    /// What it comes to in a cgroup.
    ///
    /// - Parameters:
    ///   - now: what the kernel has.
    ///   - held: what was there before something that stands for a time was written; `nil` if nothing was.
    public func value(now: LimitValue, held: Replaced?) -> LimitValue {
        guard onlyTightens else { return value }
        // What somebody else wrote since is what is there without it.
        let base = held.flatMap { $0.isStill(now, for: key) ? $0.before : nil } ?? now
        return value.tightened(by: base)
    }
}

/// A value that was replaced by another for a time.
public struct Replaced: Hashable, Sendable {
    public var before: LimitValue
    public var written: LimitValue

    public init(before: LimitValue, written: LimitValue) {
        (self.before, self.written) = (before, written)
    }

    /// Whether a value is the one that was written, as the kernel, or systemd over a daemon-reload, keeps it.
    public func isStill(_ now: LimitValue, for key: LimitKey) -> Bool {
        written.isSame(as: now, for: key) || written.isPercent(now)
    }
}
