import CgroupFormat
import Units

/// What a limit is set to.
public enum LimitValue: Hashable, Sendable, CustomStringConvertible {
    case cpu(CPUMax)
    /// Bytes or processes.
    case number(Limit)
    /// 1 to 10000; 100 is what a cgroup is born with.
    case weight(Int64)
    /// Of one device.
    case io(IOMax)
    case frozen(Bool)
    case cpus(CPUList)

    /// Reads one limit's text as the kernel file has it; of io.max, the device's own fields.
    public init?(_ text: some StringProtocol, for key: LimitKey) {
        let text = String(decoding: text.utf8.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        guard let value = key.definition.parse(text) else { return nil }
        self = value
    }

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

    /// What is written to the kernel file.
    public func kernelText(for key: LimitKey) -> String {
        switch key {
        case .ioMax(let device): "\(device) \(self)"
        case .ioWeight: "default \(self)"
        // An empty write would be no write: the line's end clears the list.
        case .cpusetCpus where self == .cpus(.all): "\n"
        default: description
        }
    }
}

extension LimitValue {
    /// The size of a page: the kernel rounds memory limits down to whole ones.
    static let page: Int64 = 4096

    /// Whether the kernel takes the two for the same.
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

    /// Whether another value is this one as systemd before version 255 keeps it over a daemon-reload: a quota
    /// of CPU time in whole percents.
    public func isPercent(_ other: LimitValue) -> Bool {
        guard case .cpu(let exact) = self, case .cpu(let kept) = other, let cores = exact.cores,
            let keptCores = kept.cores
        else { return false }
        return Rational((cores * Rational(100)).floor) / Rational(100) == keptCores
    }

    /// Whether less is allowed than by another value of the same limit; weights only weigh.
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

    /// The tighter of both, field by field for a device.
    public func tightened(by other: LimitValue) -> LimitValue {
        if case .io(var mine) = self, case .io(let theirs) = other {
            for field in IOMax.Field.allCases where theirs[field].isTighter(than: mine[field]) {
                mine[field] = theirs[field]
            }
            return .io(mine)
        }
        if case .cpus(let mine) = self, case .cpus(let theirs) = other {
            // The kernel gives a child that has none of its parent's CPUs all of those.
            return .cpus(mine.intersection(theirs) ?? theirs)
        }
        return other.isTighter(than: self) ? other : self
    }
}

extension Limit {
    /// Whether it allows less.
    public func isTighter(than other: Limit) -> Bool {
        switch (self, other) {
        case (.max, _): false
        case (.at, .max): true
        case (.at(let a), .at(let b)): a < b
        }
    }
}

extension CPUMax {
    /// The cores it grants; `nil` is no limit.
    public var cores: Rational? {
        guard case .at(let quota) = quota else { return nil }
        return Rational(quota) / Rational(period)
    }
}
