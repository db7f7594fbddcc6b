/// The kernel files that a tick reads, in the order in which they are read.
///
/// What is billed comes first: a cgroup may go away under the reading.
public enum KernelFile: Int, Sendable, CaseIterable {
    case cpuStat
    case ioStat
    case memoryCurrent
    case memoryStat
    case memorySwap
    case memoryPeak
    case memoryEvents
    case pidsCurrent
    case cpuMax
    case memoryMax
    case cpuPressure
    case memoryPressure
    case ioPressure
    case statLocal
    case cgroupEvents

    /// The name as text.
    public var text: String { Self.texts[rawValue] }

    private static let texts = allCases.map { "\($0.name)" }

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
