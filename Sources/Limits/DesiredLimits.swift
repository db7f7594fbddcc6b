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
}
