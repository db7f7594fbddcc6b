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
        switch key {
        case .cpuWeight, .ioWeight: return
        default: break
        }
        for other in others where other.value.isTighter(than: value) {
            let both = value.tightened(by: other.value)
            // Of a device's four limits some may be its own and some another's.
            binding = both == other.value ? [other.path] : binding + [other.path]
            value = both
        }
    }
}
