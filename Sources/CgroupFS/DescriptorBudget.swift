import Glibc

/// How many more descriptors may be kept open.
///
/// Where the limit of open files is too low to keep everything open, the remaining files are opened
/// again for every reading, which costs CPU time.
final class DescriptorBudget {
    /// Descriptors that may still be taken.
    var left: Int
    /// Whether a descriptor was ever refused, so that something had to be opened anew.
    var wasShort = false

    init(left: Int) { self.left = left }

    /// Takes one descriptor from the budget.
    ///
    /// - Returns: false if none is left.
    func take() -> Bool {
        guard left > 0 else {
            wasShort = true
            return false
        }
        left -= 1
        return true
    }

    /// Raises this process's limit of open files and returns what may be kept open (getrlimit(2)).
    ///
    /// The hard limit is first raised to 262,144, enough for about ten thousand cgroups, if this
    /// process has the privilege. Then the soft limit is raised to the hard limit.
    ///
    /// - Parameter spare: descriptors reserved for everything else this process does.
    /// - Returns: a budget of at most 2^20 less `spare`; 0 if the limits cannot be read.
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
