import CgroupFormat
import Units

/// The counters of a device in io.stat that are billed.
///
/// The raw value is the counter's place in `Position.DeviceMark.ahead`.
public enum IOCounter: Int, Hashable, Sendable, CaseIterable {
    /// Bytes read: `rbytes`.
    case readBytes
    /// Bytes written: `wbytes`.
    case writeBytes
    /// Read operations: `rios`.
    case readOps
    /// Write operations: `wios`.
    case writeOps

    /// The meter that the counter is billed by.
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
    /// The flag that says that this counter could not be read.
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
    /// The value of one counter as the kernel printed it.
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
    /// A line may leave out counters that never moved, so a counter that was not printed is 0.
    public func reading(_ counter: IOCounter) -> Int64? {
        unread.contains(counter.unread) ? nil : self[counter] ?? 0
    }

    /// The counters at which an account begins that starts with this reading.
    ///
    /// `nil` for a counter that could not be read: it begins at its first good reading.
    public var beginning: IOCounters {
        IOCounters(
            readBytes: reading(.readBytes), writeBytes: reading(.writeBytes),
            readOps: reading(.readOps), writeOps: reading(.writeOps))
    }

    /// The counters of a device that was not used yet.
    public static let zero = IOCounters(readBytes: 0, writeBytes: 0, readOps: 0, writeOps: 0)
}
