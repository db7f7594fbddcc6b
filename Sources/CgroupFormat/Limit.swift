/// A limit as kernel files express it: `max` or a number.
public enum Limit: Hashable, Sendable, CustomStringConvertible {
    /// No limit.
    case max
    /// A limit in the unit of its file, such as bytes in `memory.max`; at least 0.
    case at(Int64)

    /// Reads `max` or a number; `nil` for any other text and for negative numbers.
    public init?(_ text: some StringProtocol) {
        if text == "max" {
            self = .max
        } else if let value = Int64(text), value >= 0 {
            self = .at(value)
        } else {
            return nil
        }
    }

    /// The same from a range of a kernel file, where a number may only have digits.
    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        if matches(text, range, "max") {
            self = .max
        } else if let value = number(text, range) {
            self = .at(value)
        } else {
            return nil
        }
    }

    /// The text as the kernel writes it.
    public var description: String {
        switch self {
        case .max: "max"
        case .at(let value): String(value)
        }
    }
}

/// The kernel file `cpu.max`: how much CPU time may be used in each period.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "cpu.max". Both values are in microseconds:
/// `150000 100000` grants 150 ms of CPU time in every 100 ms, which is 1.5 cores.
public struct CPUMax: Hashable, Sendable, CustomStringConvertible {
    /// CPU time per period in µs, or `max` for no limit.
    public var quota: Limit
    /// The length of a period in µs; the kernel's default is 100,000.
    public var period: Int64

    /// Makes a value.
    ///
    /// The period is the kernel's default unless given.
    public init(quota: Limit, period: Int64 = 100_000) {
        (self.quota, self.period) = (quota, period)
    }

    /// Parses the file, which is one line: `max 100000` or `150000 100000`.
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

    /// Parses the same from a `String`, with or without the newline.
    public init(parsing text: String) throws(FormatError) {
        let bytes = Array((text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n").utf8)
        try self.init(parsing: bytes.span)
    }

    /// The limit in billionths of a core, rounded down: 1,500,000,000 for 1.5 cores.
    ///
    /// `nil` without a limit, and if the value exceeds 64 bits.
    public var nanocores: Int64? {
        guard case .at(let quota) = quota else { return nil }
        return Int64(exactly: Int128(quota) * 1_000_000_000 / Int128(period))
    }

    /// The line as the kernel writes it.
    public var description: String { "\(quota) \(period)" }
}

/// Parses a file that consists of one number: `memory.current`, `pids.current`, `cpu.weight`.
public func parseGauge(_ text: Span<UInt8>) throws(FormatError) -> Int64 {
    let line = try LineCursor.only(of: text, "one unsigned integer")
    guard let value = number(text, line) else {
        throw FormatError(
            line: 1, found: quoted(text, line), expected: "one number up to \(Int64.max)")
    }
    return value
}

/// Parses a file that consists of one limit: `memory.max`, `pids.max`.
public func parseLimit(_ text: Span<UInt8>) throws(FormatError) -> Limit {
    let line = try LineCursor.only(of: text, "\"max\" or one unsigned integer")
    guard let limit = Limit(text, line) else {
        throw FormatError(
            line: 1, found: quoted(text, line),
            expected: "\"max\" or one number up to \(Int64.max)")
    }
    return limit
}

/// The kernel file `cgroup.events` (cgroup-v2.rst, "Core Interface Files").
public struct CgroupEvents: Hashable, Sendable {
    /// Whether any process lives in the cgroup or below it.
    public var populated: Bool

    /// Parses the file.
    ///
    /// - Throws: `FormatError` without exactly one value `populated 0` or `populated 1`.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let populated = try parseKey("populated", of: text)
        guard let populated, populated < 2 else {
            throw FormatError(
                line: 0, found: "no \"populated 0\" or 1", expected: "\"populated N\"")
        }
        self.populated = populated == 1
    }
}
