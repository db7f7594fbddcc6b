/// A kernel file of pressure stall information (accounting/psi.rst), such as `memory.pressure`.
public struct Pressure: Hashable, Sendable {
    /// Time in which some task waited, in µs.
    public var some: Int64?
    /// Time in which all tasks waited, in µs; of cpu only since Linux 5.13.
    public var full: Int64?

    public init(some: Int64? = nil, full: Int64? = nil) { (self.some, self.full) = (some, full) }

    /// Parses lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`; only the totals are taken.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        var cursor = LineCursor()
        while let line = try cursor.next(in: text) {
            let end = firstIndex(of: UInt8(ascii: " "), in: text, line) ?? line.upperBound
            let equals = lastIndex(of: UInt8(ascii: "="), in: text, line)
            guard let equals, let total = number(text, equals + 1..<line.upperBound) else {
                throw FormatError(
                    line: cursor.line, found: quoted(text, line),
                    expected: "\"some|full … total=unsigned-integer\"")
            }
            if matches(text, line.lowerBound..<end, "some") { some = total }
            if matches(text, line.lowerBound..<end, "full") { full = total }
        }
        guard cursor.line > 0 else { throw emptyFile }
    }
}

/// The kernel file `memory.events`: how often limits were hit, below the cgroup included.
public struct MemoryEvents: Hashable, Sendable {
    public var high: Int64?
    public var max: Int64?
    public var oomKill: Int64?

    public init() {}

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        var events = MemoryEvents()
        try readFlatKeyed(text) { key, value in
            if matches(text, key, "high") {
                events.high = value
            } else if matches(text, key, "max") {
                events.max = value
            } else if matches(text, key, "oom_kill") {
                events.oomKill = value
            }
        }
        self = events
    }
}

/// The time in the freezer of `cgroup.stat.local`, in µs; `nil` before Linux 6.18.
public func parseFrozen(_ text: Span<UInt8>) throws(FormatError) -> Int64? {
    var frozen: Int64?
    try readFlatKeyed(text) { key, value in
        if matches(text, key, "frozen_usec") { frozen = value }
    }
    return frozen
}
