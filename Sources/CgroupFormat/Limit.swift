/// A value the kernel may cap: `max`, or a number.
public enum Limit: Hashable, Sendable, CustomStringConvertible {
    case max
    case at(Int64)

    public init?(_ text: some StringProtocol) {
        if text == "max" {
            self = .max
        } else if let value = Int64(text), value >= 0 {
            self = .at(value)
        } else {
            return nil
        }
    }

    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        if matches(text, range, "max") {
            self = .max
        } else if let value = number(text, range) {
            self = .at(value)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .max: "max"
        case .at(let value): String(value)
        }
    }
}

/// The kernel file `cpu.max`: a quota of CPU time in each period, both in microseconds.
public struct CPUMax: Hashable, Sendable, CustomStringConvertible {
    public var quota: Limit
    public var period: Int64

    public init(quota: Limit, period: Int64 = 100_000) {
        (self.quota, self.period) = (quota, period)
    }

    /// Parses the file's one line, `max 100000` or `150000 100000`.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let line = try LineCursor.only(of: text, "\"quota|max period\"")
        guard let space = firstIndex(of: UInt8(ascii: " "), in: text, line),
            let quota = Limit(text, line.lowerBound..<space),
            let period = number(text, space + 1..<line.upperBound), period > 0
        else {
            throw FormatError(line: 1, found: quoted(text, line), expected: "\"quota|max period\"")
        }
        self.init(quota: quota, period: period)
    }

    /// Parses `max 100000` or `150000 100000`, with or without its newline.
    public init(parsing text: String) throws(FormatError) {
        let bytes = Array((text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n").utf8)
        try self.init(parsing: bytes.span)
    }

    /// Billionths of a core that it grants; `nil` without a limit, and past 64 bits.
    public var nanocores: Int64? {
        guard case .at(let quota) = quota else { return nil }
        return Int64(exactly: Int128(quota) * 1_000_000_000 / Int128(period))
    }

    public var description: String { "\(quota) \(period)" }
}

/// Parses a file of one number: `memory.current`, `pids.current`, `cpu.weight`.
public func parseGauge(_ text: Span<UInt8>) throws(FormatError) -> Int64 {
    let line = try LineCursor.only(of: text, "one unsigned integer")
    guard let value = number(text, line) else {
        throw FormatError(
            line: 1, found: quoted(text, line), expected: "one number up to \(Int64.max)")
    }
    return value
}

/// Parses a file of one limit: `memory.max`, `pids.max`.
public func parseLimit(_ text: Span<UInt8>) throws(FormatError) -> Limit {
    let line = try LineCursor.only(of: text, "\"max\" or one unsigned integer")
    guard let limit = Limit(text, line) else {
        throw FormatError(
            line: 1, found: quoted(text, line),
            expected: "\"max\" or one number up to \(Int64.max)")
    }
    return limit
}

/// The kernel file `cgroup.events`.
public struct CgroupEvents: Hashable, Sendable {
    /// Whether a process lives in the cgroup or below it.
    public var populated: Bool

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let populated = try parseKey("populated", of: text)
        guard let populated, populated < 2 else {
            throw FormatError(
                line: 0, found: "no \"populated 0\" or 1", expected: "\"populated N\"")
        }
        self.populated = populated == 1
    }
}
