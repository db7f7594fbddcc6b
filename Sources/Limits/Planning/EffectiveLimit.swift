/// What holds in a cgroup: its own limit, or a tighter one above or, with crun, below it.
public struct EffectiveLimit: Hashable, Sendable {
    public var value: LimitValue
    /// The cgroups that set it, one for each part of it; its own path where that is tightest.
    public var binding: [String]

    /// Takes the limits of a cgroup and of those above it; those without a value do not limit.
    ///
    /// Weights only weigh against siblings, so a cgroup's own is all there is.
    public init(
        of key: LimitKey, own: (path: String, value: LimitValue),
        others: [(path: String, value: LimitValue)]
    ) {
        value = own.value
        binding = [own.path]
        if key.definition.effect == .weighs { return }
        for other in others {
            let both = value.tightened(by: other.value)
            guard both != value else { continue }
            // Of a device's four limits some may be its own and some another's.
            binding = both == other.value ? [other.path] : binding + [other.path]
            value = both
        }
    }
}
