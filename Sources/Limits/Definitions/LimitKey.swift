import CgroupFormat
import Units

/// A limit that can be set: a kernel file, and for io.max one device of it.
public enum LimitKey: Hashable, Sendable {
    case cpuMax
    case cpuWeight
    case cpusetCpus
    case memoryHigh
    case memoryMax
    case memorySwapMax
    case memoryLow
    case memoryMin
    case ioMax(DeviceNumber)
    case ioWeight
    case pidsMax
    case freeze

    /// Those that are not a device's, in the order in which they are shown.
    public static let plain: [LimitKey] = [
        .cpuMax, .cpuWeight, .cpusetCpus, .memoryHigh, .memoryMax, .memorySwapMax, .memoryLow,
        .memoryMin, .ioWeight, .pidsMax, .freeze,
    ]

    /// Reads what `description` gives, `io.max 254:0` or `memory.max`.
    public init?(_ text: String) {
        if let key = Self.plain.first(where: { $0.file == text }) {
            self = key
        } else if text.hasPrefix("io.max "), let device = DeviceNumber(String(text.dropFirst(7))) {
            self = .ioMax(device)
        } else {
            return nil
        }
    }

    /// What sets it apart from other limits.
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

    /// The kernel file.
    public var file: String { definition.file }

    /// The controller that has to be on; `nil` for the freezer, which every cgroup has.
    public var controller: String? {
        self == .freeze ? nil : String(file.prefix { $0 != "." })
    }

    /// The device that it limits; `nil` for those of the whole cgroup.
    public var device: DeviceNumber? {
        if case .ioMax(let device) = self { device } else { nil }
    }

    /// The value that a cgroup is born with: it limits nothing, and protects nothing.
    public var initial: LimitValue { definition.initial }
}

extension LimitKey: CustomStringConvertible {
    public var description: String {
        if case .ioMax(let device) = self { "io.max \(device)" } else { file }
    }
}

/// A limit and the value it shall have.
public struct LimitSetting: Hashable, Sendable {
    public var key: LimitKey
    public var value: LimitValue

    public init(_ key: LimitKey, _ value: LimitValue) { (self.key, self.value) = (key, value) }
}
