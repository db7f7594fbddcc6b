import Glibc

/// How many more descriptors may be kept open.
///
/// Where the process may not open enough files, the rest is opened anew at each reading.
final class DescriptorBudget {
    var left: Int
    /// Whether something was opened anew for want of descriptors.
    var wasShort = false

    init(left: Int) { self.left = left }

    /// Takes one descriptor; false if none is left.
    func take() -> Bool {
        guard left > 0 else {
            wasShort = true
            return false
        }
        left -= 1
        return true
    }

    /// What may be kept, once the soft limit of open files is raised to the hard one, and that, where
    /// this process may, to what ten thousand cgroups need (getrlimit(2)).
    ///
    /// - Parameter spare: descriptors left for everything else this process does.
    static func raised(spare: Int = 256) -> DescriptorBudget {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limit) == 0 else { return DescriptorBudget(left: 0) }
        let wanted: rlim_t = 262_144
        if limit.rlim_max < wanted {
            var higher = rlimit(rlim_cur: wanted, rlim_max: wanted)
            _ = setrlimit(files, &higher)
        }
        guard getrlimit(files, &limit) == 0 else { return DescriptorBudget(left: 0) }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(files, &limit)
        guard getrlimit(files, &limit) == 0 else { return DescriptorBudget(left: 0) }
        return DescriptorBudget(left: max(0, Int(min(limit.rlim_cur, 1 << 20)) - spare))
    }
}
