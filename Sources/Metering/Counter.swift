import CgroupFormat
import Units

/// A kernel counter that a tenant root keeps for all below it, including what has ended.
public enum Counter: Hashable, Sendable {
    /// CPU time: `usage_usec` of cpu.stat.
    case cpu
    /// One counter of one device in io.stat.
    case io(DeviceNumber, IOCounter)

    /// The meter that the counter is billed by.
    public var meter: Meter {
        switch self {
        case .cpu: .cpu
        case .io(_, let counter): counter.meter
        }
    }

    /// The device; `nil` for CPU time.
    public var device: DeviceNumber? {
        switch self {
        case .cpu: nil
        case .io(let device, _): device
        }
    }

    /// The value in a sample; `nil` if it was not read.
    public func reading(_ sample: Sample?) -> Int64? {
        switch self {
        case .cpu: sample?.cpu?.usageMicroseconds
        case .io(let device, let counter): sample?.io?[device]?.reading(counter)
        }
    }
}
