import CgroupFormat
import Units

/// A counter of io.stat that is billed.
public enum IOCounter: Int, Hashable, Sendable, CaseIterable {
    case readBytes
    case writeBytes
    case readOps
    case writeOps

    public var meter: Meter {
        switch self {
        case .readBytes: .ioReadBytes
        case .writeBytes: .ioWriteBytes
        case .readOps: .ioReadOps
        case .writeOps: .ioWriteOps
        }
    }
}

extension IOCounter {
    /// What says that it could not be read.
    var unread: IOCounters.Unread {
        switch self {
        case .readBytes: .readBytes
        case .writeBytes: .writeBytes
        case .readOps: .readOps
        case .writeOps: .writeOps
        }
    }
}

extension IOCounters {
    public subscript(_ counter: IOCounter) -> Int64? {
        get {
            switch counter {
            case .readBytes: readBytes
            case .writeBytes: writeBytes
            case .readOps: readOps
            case .writeOps: writeOps
            }
        }
        set {
            switch counter {
            case .readBytes: readBytes = newValue
            case .writeBytes: writeBytes = newValue
            case .readOps: readOps = newValue
            case .writeOps: writeOps = newValue
            }
        }
    }
}

extension IOCounters {
    /// What the kernel counted; `nil` if it could not be read.
    ///
    /// A line may leave counters out that never moved.
    public func reading(_ counter: IOCounter) -> Int64? {
        unread.contains(counter.unread) ? nil : self[counter] ?? 0
    }

    /// Where an account of these counters begins; `nil` where that has to be read yet.
    public var beginning: IOCounters {
        IOCounters(
            readBytes: reading(.readBytes), writeBytes: reading(.writeBytes),
            readOps: reading(.readOps), writeOps: reading(.writeOps))
    }

    /// A device that nothing was done with.
    public static let zero = IOCounters(readBytes: 0, writeBytes: 0, readOps: 0, writeOps: 0)
}

/// A kernel counter that a tenant root keeps for all below it, the dead included.
public enum Counter: Hashable, Sendable {
    case cpu
    case io(DeviceNumber, IOCounter)

    public var meter: Meter {
        switch self {
        case .cpu: .cpu
        case .io(_, let counter): counter.meter
        }
    }

    /// `nil` for a counter of no device.
    public var device: DeviceNumber? {
        switch self {
        case .cpu: nil
        case .io(let device, _): device
        }
    }

    /// What a sample says; `nil` if it was not read.
    public func reading(_ sample: Sample?) -> Int64? {
        switch self {
        case .cpu: sample?.cpu?.usageMicroseconds
        case .io(let device, let counter): sample?.io?[device]?.reading(counter)
        }
    }
}

/// Whether the kernel keeps io counters of all below in every ancestor.
///
/// From 6.2 to 6.9 a grandparent may miss some (fixed by 9d230c09964e in 6.10), so there a tenant
/// root's own counter is no control total.
///
/// - Parameter release: as uname(2) gives it, `6.1.0-18-cloud-amd64`; what is no release is trusted
///   with nothing.
public func isIOConserved(kernelRelease release: String) -> Bool {
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2 else { return false }
    return numbers[0] != 6 || !(2...9).contains(numbers[1])
}
