import Glibc

/// The kernel files that every tick reads.
public enum KernelFile: Int, Sendable, CaseIterable {
    case cpuStat
    case memoryCurrent
    case memoryStat
    case ioStat
    case pidsCurrent
    case cgroupEvents

    /// The name as text.
    public var text: String { Self.texts[rawValue] }

    private static let texts = allCases.map { "\($0.name)" }

    public var name: StaticString {
        switch self {
        case .cpuStat: "cpu.stat"
        case .memoryCurrent: "memory.current"
        case .memoryStat: "memory.stat"
        case .ioStat: "io.stat"
        case .pidsCurrent: "pids.current"
        case .cgroupEvents: "cgroup.events"
        }
    }
}

/// How many more descriptors may be kept open.
final class DescriptorBudget {
    var left: Int

    init(left: Int) { self.left = left }
}

/// Open cgroups, kept from one walk to the next by cgroup id.
///
/// An id is never used twice in one boot, so what is found here is the same cgroup, whatever its
/// name. Where the process may not open enough files, the rest is opened anew at each walk.
public struct KeptDirectories {
    private var byID: [Int64: CgroupDirectory] = [:]
    private let budget: DescriptorBudget

    /// - Parameter spare: descriptors left for everything else this process does.
    public init(spare: Int = 256) {
        budget = DescriptorBudget(left: max(0, Self.raisedLimit() - spare))
    }

    subscript(_ id: Int64) -> CgroupDirectory? { byID[id] }

    mutating func keep(_ directory: CgroupDirectory, _ id: Int64) {
        directory.keepFiles(within: budget)
        byID[id] = directory
    }

    /// Closes those that a walk did not see again.
    public mutating func release(butNot seen: Set<Int64>) {
        byID = byID.filter { seen.contains($0.key) }
    }

    /// Raises the soft limit of open files to the hard one (getrlimit(2)).
    private static func raisedLimit() -> Int {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(files, &limit)
        guard getrlimit(files, &limit) == 0 else { return 0 }
        return Int(min(limit.rlim_cur, 1 << 20))
    }
}
