import CgroupFormat
import Units

/// The values of one cgroup at one moment; `nil` is "not measured", never 0.
public struct Sample: Hashable, Sendable {
    public var cpu: CPUStat?
    /// `memory.current`, in bytes.
    public var memoryCurrent: Int64?
    public var memory: MemoryStat?
    /// `memory.swap.current`, in bytes.
    public var memorySwap: Int64?
    /// The most memory held since the last sample, in bytes: an upper bound, never billed.
    public var memoryPeak: Int64?
    public var memoryEvents: MemoryEvents?
    /// The counters of each billed device.
    public var io: [DeviceNumber: IOCounters]?
    /// Whether there is no io.stat, as the io controller is off.
    ///
    /// Its counters are gone with it: those that appear later begin at 0.
    public var isIOOff = false
    /// Whether io.stat may have devices that it could not be asked for: one without a line may be
    /// there still.
    public var hasUnknownDevices = false
    /// How far io.stat told of all devices.
    public var ioCompleteness = IOStat.Completeness.whole
    /// The network that is read for this container, and its counters.
    public var network: NetworkSample?
    /// `pids.current`.
    public var pids: Int64?
    public var cpuMax: CPUMax?
    public var memoryMax: Limit?
    /// Whether there is such a file and what it says is not known, which is not "no limit".
    public var isCPUMaxUnread = false
    public var isMemoryMaxUnread = false
    public var cpuPressure: Pressure?
    public var memoryPressure: Pressure?
    public var ioPressure: Pressure?
    /// Time in the freezer, in µs (`cgroup.stat.local`, Linux 6.18).
    public var frozenMicroseconds: Int64?

    public init() {}

    /// The devices that have counters; `nil` if it is not known which.
    public var devices: [DeviceNumber: IOCounters]? { isIOOff ? [:] : io }
}

/// The counters of one network namespace.
public struct NetworkSample: Hashable, Sendable {
    /// The namespace's inode: unique while it lives.
    public var namespace: Int64
    public var counters: NetDev

    public init(namespace: Int64, counters: NetDev) {
        (self.namespace, self.counters) = (namespace, counters)
    }

    /// Where its account stands from now on: what could not be read now stays where it stood.
    func standing(after before: NetDev?) -> NetworkSample {
        var counters = counters
        counters.odd = OddLines()
        for (name, last) in before?.interfaces ?? [:]
        where counters.interfaces[name] == nil
            && (counters.isPartial || counters.unread.contains(name))
        {
            counters.interfaces[name] = last
        }
        // One that has a mark now is counted from there; one without begins at its first reading.
        let unknown = counters.unread.union(counters.isPartial ? before?.unread ?? [] : [])
        counters.unread = unknown.filter { counters.interfaces[$0] == nil }
        counters.isPartial = false
        return NetworkSample(namespace: namespace, counters: counters)
    }
}

/// Why a kernel file of a container gave no value.
public struct Absence: Hashable, Sendable {
    public enum Reason: String, Sendable, CaseIterable {
        /// No such file: its controller is off here, or this kernel has none.
        case controllerOff = "controller_off"
        /// The kernel refused this user.
        case notPermitted = "not_permitted"
        /// The text had not the documented shape.
        case malformed
        /// Keys are missing in it, as in kernels before the one that brought them.
        case incomplete
        /// Any other error of the read.
        case failed
        /// It uses the host's own network, whose traffic cannot be told apart by container.
        case hostNamespace = "host_namespace"
        /// It shares its network with a container for which it is metered already.
        case sharedNamespace = "shared_namespace"
    }

    /// In the place of a file: the whole cgroup could not be seen.
    public static let wholeCgroup = "cgroup"

    public var reason: Reason
    /// The errno, or the line and what was found in it.
    public var detail: String

    public init(_ reason: Reason, detail: String) { (self.reason, self.detail) = (reason, detail) }

    /// Whether it goes on as it was: for the same reason, and of the same keys.
    ///
    /// What is quoted of a file, behind the first colon, may be another text at every reading; it
    /// is one event all the same.
    public func goesOn(from other: Absence?) -> Bool {
        guard let other else { return false }
        return reason == other.reason && subject == other.subject
    }

    private var subject: Substring {
        detail.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false).first
            ?? detail[...]
    }
}

/// What memory is billed; the price book names one, all three are metered.
public enum MemoryFormula: String, Sendable, CaseIterable, Codable {
    /// `memory.current`, page cache included.
    case current
    /// `memory.current` − `inactive_file`, as Kubernetes counts it.
    case workingSet = "working_set"
    /// `anon` + `shmem` + `kernel` + `sock`: what the kernel cannot take back.
    ///
    /// `anon` is there, not only `shmem`: the two do not overlap in memory.stat.
    case unreclaimable

    /// Bytes held by this formula; `nil` if a part of it was not measured.
    public func bytes(of sample: Sample) -> Int64? {
        switch self {
        case .current:
            return sample.memoryCurrent
        case .workingSet:
            guard let current = sample.memoryCurrent, let cache = sample.memory?.inactiveFile else {
                return nil
            }
            // memory.stat lags by up to a flush, so its cache may exceed what is left.
            return max(0, current - cache)
        case .unreclaimable:
            return sample.memory?.unreclaimable
        }
    }
}
