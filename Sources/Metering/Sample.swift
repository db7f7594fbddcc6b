import CgroupFormat
import Units

/// Everything that was read of one cgroup at one moment; `nil` means "not measured", never 0.
public struct Sample: Hashable, Sendable {
    /// `cpu.stat`.
    public var cpu: CPUStat?
    /// `memory.current`, in bytes.
    public var memoryCurrent: Int64?
    /// `memory.stat`.
    public var memory: MemoryStat?
    /// `memory.swap.current`, in bytes.
    public var memorySwap: Int64?
    /// The most memory in use since the last sample, in bytes.
    ///
    /// It is an upper bound and never billed.
    public var memoryPeak: Int64?
    /// `memory.events`.
    public var memoryEvents: MemoryEvents?
    /// `io.stat`: the counters of each device that is billed.
    public var io: [DeviceNumber: IOCounters]?
    /// Whether there is no io.stat because the io controller is off.
    ///
    /// The kernel then forgets the counters: those that appear later begin at 0.
    public var isIOOff = false
    /// Whether io.stat may lack devices, so that a device without a line may still exist.
    public var hasUnknownDevices = false
    /// Whether io.stat could be relied on to list every device.
    public var ioCompleteness = IOStat.Completeness.whole
    /// The network that is metered for this container, and its counters.
    public var network: NetworkSample?
    /// `pids.current`: processes and threads.
    public var pids: Int64?
    /// `cpu.max`.
    public var cpuMax: CPUMax?
    /// `memory.max`.
    public var memoryMax: Limit?
    /// Whether `cpu.max` exists and could not be read, which is not the same as no limit.
    public var isCPUMaxUnread = false
    /// The same for `memory.max`.
    public var isMemoryMaxUnread = false
    /// The space that a folder holds, in bytes; `nil` for a cgroup.
    public var storageBytes: Int64?
    /// `cpu.pressure`.
    public var cpuPressure: Pressure?
    /// `memory.pressure`.
    public var memoryPressure: Pressure?
    /// `io.pressure`.
    public var ioPressure: Pressure?
    /// Time in the freezer, in µs (`cgroup.stat.local`, since Linux 6.18).
    public var frozenMicroseconds: Int64?

    public init() {}

    /// The devices that have counters; `nil` if that is unknown.
    public var devices: [DeviceNumber: IOCounters]? { isIOOff ? [:] : io }
}

/// Why a kernel file of a container, or a measurement of a folder, gave no value.
public struct Absence: Error, Hashable, Sendable {
    /// The class of the reason.
    ///
    /// The raw value is stored.
    public enum Reason: String, Sendable, CaseIterable {
        /// The file does not exist: its controller is off here, or this kernel does not have it.
        case controllerOff = "controller_off"
        /// The kernel refused access to this user.
        case notPermitted = "not_permitted"
        /// The text does not have the documented form.
        case malformed
        /// Keys are missing, as in kernels that are older than those keys.
        case incomplete
        /// Reading failed in another way.
        case failed
        /// It uses the host's network namespace, so its traffic cannot be attributed.
        case hostNamespace = "host_namespace"
        /// It shares its network with another container, for which the network is metered.
        case sharedNamespace = "shared_namespace"
    }

    /// Used in place of a file if the whole cgroup could not be seen.
    public static let wholeCgroup = "cgroup"

    /// The class of the reason.
    public var reason: Reason
    /// The errno, or the line and what was found in it.
    public var detail: String

    public init(_ reason: Reason, detail: String) { (self.reason, self.detail) = (reason, detail) }

    /// Whether it continues an earlier absence: the same reason, and the same keys.
    ///
    /// The text after the first colon is ignored. It quotes the file, which may differ at every
    /// reading.
    public func goesOn(from other: Absence?) -> Bool {
        guard let other else { return false }
        return reason == other.reason && subject == other.subject
    }

    /// The part of the detail before the first colon, which names the keys.
    private var subject: Substring {
        detail.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false).first
            ?? detail[...]
    }
}
