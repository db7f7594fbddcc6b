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

    /// What it comes to where the kernel has another value without it.
    public func value(over base: LimitValue) -> LimitValue {
        onlyTightens ? value.tightened(by: base) : value
    }
}
