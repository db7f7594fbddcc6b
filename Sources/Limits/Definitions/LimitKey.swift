import CgroupFormat
import Units

/// A limit that can be set: a kernel file, and for io.max one device in it.
public enum LimitKey: Hashable, Sendable {
    /// CPU time in each period.
    case cpuMax
    /// The share of CPU time among siblings.
    case cpuWeight
    /// The CPUs that processes may run on.
    case cpusetCpus
    /// Above it, the kernel reclaims memory and slows what allocates.
    case memoryHigh
    /// Above it, the kernel kills.
    case memoryMax
    /// The most that is swapped out.
    case memorySwapMax
    /// Memory that is reclaimed only when no unprotected memory is left.
    case memoryLow
    /// Memory that is never reclaimed.
    case memoryMin
    /// Bytes and operations a second of one device.
    case ioMax(DeviceNumber)
    /// The share of disk time among siblings.
    case ioWeight
    /// The number of processes and threads.
    case pidsMax
    /// Stops all processes.
    case freeze

    /// All limits but those of a device, in the order in which they are shown.
    public static let plain: [LimitKey] = [
        .cpuMax, .cpuWeight, .cpusetCpus, .memoryHigh, .memoryMax, .memorySwapMax, .memoryLow,
        .memoryMin, .ioWeight, .pidsMax, .freeze,
    ]

    /// Reads what `description` gives, such as `memory.max` or `io.max 254:0`.
    public init?(_ text: String) {
        if let key = Self.plain.first(where: { $0.file == text }) {
            self = key
        } else if text.hasPrefix("io.max "), let device = DeviceNumber(String(text.dropFirst(7))) {
            self = .ioMax(device)
        } else {
            return nil
        }
    }

    /// What sets this limit apart from others.
    public var definition: LimitDefinition {
        switch self {
        case .cpuMax: .cpuMax
        case .cpuWeight: .cpuWeight
        case .cpusetCpus: .cpusetCpus
        case .memoryHigh: .memoryHigh
        case .memoryMax: .memoryMax
        case .memorySwapMax: .memorySwapMax
        case .memoryLow: .memoryLow
        case .memoryMin: .memoryMin
        case .ioMax: .ioMax
        case .ioWeight: .ioWeight
        case .pidsMax: .pidsMax
        case .freeze: .freeze
        }
    }

    /// The kernel file, such as `memory.max`.
    public var file: String { definition.file }

    /// The cgroup controller that has to be on; `nil` for the freezer, which every cgroup has.
    public var controller: String? {
        self == .freeze ? nil : String(file.prefix { $0 != "." })
    }

    /// The device that it limits; `nil` for limits of the whole cgroup.
    public var device: DeviceNumber? {
        if case .ioMax(let device) = self { device } else { nil }
    }

    /// The value of a new cgroup, which limits nothing and protects nothing.
    public var initial: LimitValue { definition.initial }
}

extension LimitKey: CustomStringConvertible {
    /// The key as the store keeps it: the file's name, and for io.max the device: `io.max 254:0`.
    public var description: String {
        if case .ioMax(let device) = self { "io.max \(device)" } else { file }
    }
}

/// A limit and the value that it should have.
public struct LimitSetting: Hashable, Sendable {
    public var key: LimitKey
    public var value: LimitValue

    public init(_ key: LimitKey, _ value: LimitValue) { (self.key, self.value) = (key, value) }
}
