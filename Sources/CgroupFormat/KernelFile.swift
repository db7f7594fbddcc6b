/// The files of a cgroup that a tick reads, in the order in which they are read.
///
/// Files that are billed from come first, because a cgroup may be removed while it is being read.
/// All are described in Documentation/admin-guide/cgroup-v2.rst. The raw value is also the file's
/// place in `CgroupReading.absenceCode`.
public enum KernelFile: Int, Sendable, CaseIterable {
    /// CPU time used; billed.
    case cpuStat
    /// Bytes and operations by device; billed.
    case ioStat
    /// Memory in use now, page cache included; billed by two of the three memory formulas.
    case memoryCurrent
    /// Memory in use now, by kind; billed by two of the three memory formulas.
    case memoryStat
    /// Swap in use; shown.
    case memorySwap
    /// The most memory used since it was last reset through our own file descriptor; shown.
    case memoryPeak
    /// How often memory limits were hit; shown.
    case memoryEvents
    /// Processes and threads; shown.
    case pidsCurrent
    /// The CPU limit; `cpu_reserved` is billed from it.
    case cpuMax
    /// The memory limit; `memory_reserved` is billed from it.
    case memoryMax
    /// Pressure stall information of CPU; shown.
    case cpuPressure
    /// Pressure stall information of memory; shown.
    case memoryPressure
    /// Pressure stall information of io; shown.
    case ioPressure
    /// Time in the freezer, since Linux 6.18; shown.
    case statLocal
    /// Whether any process lives in the cgroup or below it.
    case cgroupEvents

    /// The file's name as a `String`.
    public var text: String { Self.texts[rawValue] }

    /// The names by raw value.
    ///
    /// They are made once, as a tick asks for them for every cgroup.
    private static let texts = allCases.map { "\($0.name)" }

    /// The file's name as a constant that needs no allocation.
    public var name: StaticString {
        switch self {
        case .cpuStat: "cpu.stat"
        case .ioStat: "io.stat"
        case .memoryCurrent: "memory.current"
        case .memoryStat: "memory.stat"
        case .memorySwap: "memory.swap.current"
        case .memoryPeak: "memory.peak"
        case .memoryEvents: "memory.events"
        case .pidsCurrent: "pids.current"
        case .cpuMax: "cpu.max"
        case .memoryMax: "memory.max"
        case .cpuPressure: "cpu.pressure"
        case .memoryPressure: "memory.pressure"
        case .ioPressure: "io.pressure"
        case .statLocal: "cgroup.stat.local"
        case .cgroupEvents: "cgroup.events"
        }
    }
}
