/// The limits that a tenant or container should have, by who asks for them.
///
/// Precedence: boost, then container limit, then tenant limit. A budget can only tighten.
public struct DesiredLimits: Hashable, Sendable {
    /// The limits that the contract or an operator set.
    public var wanted: [LimitKey: LimitValue] = [:]
    /// The limits that a budget's steps add.
    ///
    /// They only tighten.
    public var budget: [LimitKey: LimitValue] = [:]
    /// The limits that an operator granted for a time.
    ///
    /// They replace all others until they end.
    public var boost: [LimitKey: LimitValue] = [:]

    public init() {}

    /// The resulting value of every limit that anything asks for.
    ///
    /// Example: `cpu` is wanted at 4 cores and a budget caps it at 1: 1 core results. A boost to 8
    /// cores makes it 8.
    public var all: [LimitKey: LimitValue] {
        wanted.merging(budget) { $0.tightened(by: $1) }.merging(boost) { $1 }
    }

    /// The limits that hold only for a time: those of a budget or a boost.
    public var passing: Set<LimitKey> { Set(budget.keys).union(boost.keys) }

    public var isEmpty: Bool { wanted.isEmpty && budget.isEmpty && boost.isEmpty }

    /// Combines a container's own limits with those of its tenant.
    ///
    /// The container's own limits and boosts take precedence. Budgets of both tighten.
    ///
    /// - Parameter tenant: the limits of the container's tenant.
    public func over(_ tenant: DesiredLimits) -> DesiredLimits {
        var merged = self
        merged.wanted.merge(tenant.wanted) { own, _ in own }
        merged.budget.merge(tenant.budget) { $0.tightened(by: $1) }
        merged.boost.merge(tenant.boost) { own, _ in own }
        return merged
    }

    /// The limits that pass a test.
    public func filter(_ isIncluded: (LimitKey) -> Bool) -> DesiredLimits {
        var part = DesiredLimits()
        part.wanted = wanted.filter { isIncluded($0.key) }
        part.budget = budget.filter { isIncluded($0.key) }
        part.boost = boost.filter { isIncluded($0.key) }
        return part
    }

    /// Every limit that anything asks for with its resulting value, in a fixed order.
    public var list: [DesiredLimit] {
        let passing = passing
        return all.sorted { $0.key.description < $1.key.description }.map {
            DesiredLimit(
                key: $0.key, value: $0.value, isPassing: passing.contains($0.key),
                onlyTightens: wanted[$0.key] == nil && boost[$0.key] == nil)
        }
    }
}

/// One limit and the value that it should have.
public struct DesiredLimit: Hashable, Sendable {
    public var key: LimitKey
    public var value: LimitValue
    /// Whether it holds only for a time.
    public var isPassing: Bool
    /// Whether only a budget asks for it, so that a tighter value in the kernel stays.
    public var onlyTightens: Bool

    /// The value to write in a cgroup.
    ///
    /// A limit that only a budget asks for never loosens what would be there without it. That is
    /// the value before the budget's own write. If somebody has changed it since, it is what they
    /// wrote.
    ///
    /// - Parameters:
    ///   - now: the value in the kernel.
    ///   - held: the value that was replaced for a time, and its replacement; `nil` if nothing was.
    public func value(now: LimitValue, held: Replaced?) -> LimitValue {
        guard onlyTightens else { return value }
        // A value that somebody else wrote since is what would be there without the budget.
        let base = held.flatMap { $0.isStill(now, for: key) ? $0.before : nil } ?? now
        return value.tightened(by: base)
    }
}

/// A value that another one replaced for a time, to be restored afterwards.
public struct Replaced: Hashable, Sendable {
    /// The value to restore.
    public var before: LimitValue
    /// The value that took its place.
    public var written: LimitValue

    public init(before: LimitValue, written: LimitValue) {
        (self.before, self.written) = (before, written)
    }

    /// Whether a value in the kernel is still the one that was written.
    ///
    /// The kernel keeps it rounded to pages. systemd before 255 keeps a CPU quota in whole percents
    /// over a daemon-reload.
    public func isStill(_ now: LimitValue, for key: LimitKey) -> Bool {
        written.isSame(as: now, for: key) || written.isPercent(now)
    }
}
