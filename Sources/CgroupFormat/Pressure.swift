/// A kernel file of pressure stall information (accounting/psi.rst), such as `memory.pressure`.
public struct Pressure: Hashable, Sendable {
    /// Time in which some task waited, in µs.
    public var some: Int64?
    /// Time in which all tasks waited, in µs; of cpu only since Linux 5.13.
    public var full: Int64?
    /// Lines that could not be taken.
    public var odd = OddLines()

    public init(some: Int64? = nil, full: Int64? = nil) { (self.some, self.full) = (some, full) }

    /// Parses lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`; only the totals are taken.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        var cursor = LineCursor()
        var (hasSome, hasFull) = (false, false)
        while let line = cursor.next(in: text) {
            var position = line.lowerBound
            guard let name = nextWord(text, line, from: &position) else { continue }
            let (isSome, isFull) = (
                matches(text, name, "some"), matches(text, name, "full")
            )
            guard isSome || isFull else { continue }
            // A number that ends with the text may have lost digits.
            let total = cursor.isTorn ? nil : Self.total(text, position..<line.upperBound)
            let isOdd =
                isSome
                ? Self.settle(&some, total, isSecond: hasSome)
                : Self.settle(&full, total, isSecond: hasFull)
            if isSome { hasSome = true } else { hasFull = true }
            guard isOdd else { continue }
            odd.add(
                isSome ? "some" : "full",
                FormatError(
                    line: cursor.line, found: quoted(text, line),
                    expected: "\"some|full … total=N\", each once"))
        }
        guard cursor.line > 0 else { throw emptyFile }
    }

    /// Takes a line's total; of two lines of one name that differ, none can be trusted.
    ///
    /// - Returns: whether the line is odd.
    private static func settle(_ known: inout Int64?, _ total: Int64?, isSecond: Bool) -> Bool {
        if isSecond, known == nil || known == total { return false }
        known = isSecond ? nil : total
        return known == nil
    }

    private static func total(_ text: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var position = range.lowerBound
        while let word = nextWord(text, range, from: &position) {
            guard let equals = firstIndex(of: UInt8(ascii: "="), in: text, word),
                matches(text, word.lowerBound..<equals, "total")
            else { continue }
            return number(text, equals + 1..<word.upperBound)
        }
        return nil
    }
}

/// The kernel file `memory.events`: how often limits were hit, below the cgroup included.
public struct MemoryEvents: Hashable, Sendable {
    public var high: Int64?
    public var max: Int64?
    public var oomKill: Int64?
    /// Keys whose lines could not be taken.
    public var odd = OddLines()

    public init() {}

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let file = try FlatKeyed(text, ["high", "max", "oom_kill"])
        (high, max, oomKill) = (file.values[0], file.values[1], file.values[2])
        odd = file.odd
    }
}

/// The time in the freezer of `cgroup.stat.local`, in µs; `nil` before Linux 6.18.
public func parseFrozen(_ text: Span<UInt8>) throws(FormatError) -> Int64? {
    try parseKey("frozen_usec", of: text)
}
