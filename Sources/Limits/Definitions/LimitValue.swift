import CgroupFormat
import Units

/// The value of a limit.
public enum LimitValue: Hashable, Sendable, CustomStringConvertible {
    /// A quota of CPU time in each period.
    case cpu(CPUMax)
    /// Bytes, or a number of processes.
    case number(Limit)
    /// A weight from 1 to 10000; 100 is the value of a new cgroup.
    case weight(Int64)
    /// The four fields of io.max for one device.
    case io(IOMax)
    /// Whether all processes are stopped.
    case frozen(Bool)
    /// A list of CPUs.
    case cpus(CPUList)

    /// Reads the first line of a kernel file; of io.max, the fields of one device.
    public init?(_ text: some StringProtocol, for key: LimitKey) {
        let text = String(decoding: text.utf8.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        guard let value = key.definition.parse(text) else { return nil }
        self = value
    }

    /// The value as the kernel writes it, without the device of io.max.
    ///
    /// A list of all CPUs is `all`, where the kernel writes nothing.
    public var description: String {
        switch self {
        case .cpu(let value): value.description
        case .number(let value): value.description
        case .weight(let value): String(value)
        case .io(let value): value.description
        case .frozen(let value): value ? "1" : "0"
        case .cpus(let value): value.description
        }
    }

    /// The text to write to the kernel file.
    public func kernelText(for key: LimitKey) -> String {
        switch key {
        case .ioMax(let device): "\(device) \(self)"
        case .ioWeight: "default \(self)"
        // Writing no bytes changes nothing; a newline clears the list.
        case .cpusetCpus where self == .cpus(.all): "\n"
        default: description
        }
    }
}

extension LimitValue {
    /// The size of a page in bytes: the kernel rounds memory limits down to whole pages.
    static let page: Int64 = 4096

    /// Whether the kernel keeps both values as the same.
    ///
    /// Example: memory limits of 4096 and 5000 bytes are both one page.
    public func isSame(as other: LimitValue, for key: LimitKey) -> Bool {
        switch (self, other) {
        case (.cpu(let a), .cpu(let b)): return a == b || (a.quota == .max && b.quota == .max)
        case (.number(.at(let a)), .number(.at(let b))):
            return key == .pidsMax ? a == b : a / Self.page == b / Self.page
        case (.cpus(let a), .cpus(let b)):
            return a.ranges == b.ranges || (a.meansAll && b.meansAll)
        default: return self == other
        }
    }

    /// Whether another value is this one as systemd before 255 keeps it over a daemon-reload.
    ///
    /// It then keeps a quota of CPU time in whole percents: 0.505 cores become 50 %.
    public func isPercent(_ other: LimitValue) -> Bool {
        guard case .cpu(let exact) = self, case .cpu(let kept) = other, let cores = exact.cores,
            let keptCores = kept.cores
        else { return false }
        return Rational((cores * Rational(100)).floor) / Rational(100) == keptCores
    }

    /// Whether less is allowed than by another value of the same limit.
    ///
    /// A smaller weight counts as tighter. Of a device, one tighter field is enough. A CPU list is
    /// tighter if it is a true part of the other. Values of different limits are never tighter.
    public func isTighter(than other: LimitValue) -> Bool {
        switch (self, other) {
        case (.cpu(let a), .cpu(let b)):
            switch (a.quota, b.quota) {
            case (.max, _): return false
            case (.at, .max): return true
            case (.at(let x), .at(let y)):
                return Int128(x) * Int128(b.period) < Int128(y) * Int128(a.period)
            }
        case (.number(let a), .number(let b)): return a.isTighter(than: b)
        case (.weight(let a), .weight(let b)): return a < b
        case (.io(let a), .io(let b)):
            return IOMax.Field.allCases.contains { a[$0].isTighter(than: b[$0]) }
        case (.frozen(let a), .frozen(let b)): return a && !b
        case (.cpus(let a), .cpus(let b)):
            return a.ranges != b.ranges && !a.ranges.isEmpty
                && a.intersection(b)?.ranges == a.ranges
        default: return false
        }
    }

    /// The tighter of two values: of a device field by field, of CPU lists the CPUs in common.
    public func tightened(by other: LimitValue) -> LimitValue {
        if case .io(var mine) = self, case .io(let theirs) = other {
            for field in IOMax.Field.allCases where theirs[field].isTighter(than: mine[field]) {
                mine[field] = theirs[field]
            }
            return .io(mine)
        }
        if case .cpus(let mine) = self, case .cpus(let theirs) = other {
            // A child that shares no CPU with its parent gets all CPUs of the parent from the
            // kernel.
            return .cpus(mine.intersection(theirs) ?? theirs)
        }
        return other.isTighter(than: self) ? other : self
    }
}

extension Limit {
    /// Whether less is allowed; `max` is never tighter.
    public func isTighter(than other: Limit) -> Bool {
        switch (self, other) {
        case (.max, _): false
        case (.at, .max): true
        case (.at(let a), .at(let b)): a < b
        }
    }
}

extension CPUMax {
    /// The cores that the quota grants: 150,000 µs in each 100,000 µs are 1.5; `nil` is no limit.
    public var cores: Rational? {
        guard case .at(let quota) = quota else { return nil }
        return Rational(quota) / Rational(period)
    }
}
