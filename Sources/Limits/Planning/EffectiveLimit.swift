/// The limit that takes effect in a cgroup: its own, or a tighter one of another cgroup.
///
/// The other one lies above it. With crun it may also lie below: crun makes an inner cgroup, and
/// copies limits to it.
public struct EffectiveLimit: Hashable, Sendable {
    /// The tightest value; of a device, field by field.
    public var value: LimitValue
    /// The paths of the cgroups that set the value; its own path where that is the tightest.
    ///
    /// Several cgroups can each set some of a device's four fields.
    public var binding: [String]

    /// Finds the tightest of a cgroup's limit and those of others.
    ///
    /// A weight only weighs against siblings, so the cgroup's own is taken.
    ///
    /// - Parameters:
    ///   - own: the cgroup's path and its value.
    ///   - others: the path and value of the cgroups above it, and of crun's inner one. A cgroup
    ///     without a value does not limit and is left out.
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
            // Each cgroup may be the tightest in some of a device's four fields.
            binding = both == other.value ? [other.path] : binding + [other.path]
            value = both
        }
    }
}
