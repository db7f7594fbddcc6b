/// A kernel file of pressure stall information, such as `memory.pressure`.
///
/// Source: Documentation/accounting/psi.rst. Only the totals are used; both only rise.
public struct Pressure: Hashable, Sendable {
    /// Time in which at least one task waited for the resource, in µs.
    public var some: Int64?
    /// Time in which all tasks waited at the same time, in µs.
    ///
    /// For cpu the kernel reports it since Linux 5.13.
    public var full: Int64?
    /// Lines that could not be read.
    public var odd = OddLines()

    /// Makes a value from the two totals.
    public init(some: Int64? = nil, full: Int64? = nil) { (self.some, self.full) = (some, full) }

    /// Parses lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
    ///
    /// - Throws: `FormatError` if the file is empty.
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
            // A number at the very end of the text may have lost digits.
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

    /// Takes the total of one line.
    ///
    /// If two lines of one name differ, neither can be trusted.
    ///
    /// - Parameters:
    ///   - known: the total so far; becomes `nil` if there is none to trust.
    ///   - total: the total of this line; `nil` if it could not be read.
    ///   - isSecond: whether the name already had a line.
    /// - Returns: whether the line is to be reported as odd.
    private static func settle(_ known: inout Int64?, _ total: Int64?, isSecond: Bool) -> Bool {
        if isSecond, known == nil || known == total { return false }
        known = isSecond ? nil : total
        return known == nil
    }

    /// The number after `total=` in a range of the text; `nil` if there is none.
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

/// The kernel file `memory.events`: how often limits were hit, in the cgroup and below it.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "memory.events". All values are counters.
public struct MemoryEvents: Hashable, Sendable {
    /// How often processes were slowed down because `memory.high` was exceeded.
    public var high: Int64?
    /// How often memory use was about to exceed `memory.max`.
    public var max: Int64?
    /// How many processes were killed because memory ran out.
    public var oomKill: Int64?
    /// Keys whose lines could not be read.
    public var odd = OddLines()

    public init() {}

    /// Parses the file.
    ///
    /// - Throws: `FormatError` if the file is empty.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let file = try FlatKeyed(text, ["high", "max", "oom_kill"])
        (high, max, oomKill) = (file.values[0], file.values[1], file.values[2])
        odd = file.odd
    }
}

/// The time a cgroup spent in the freezer, in µs, from the file `cgroup.stat.local`.
///
/// `nil` before Linux 6.18, which introduced the key `frozen_usec`.
public func parseFrozen(_ text: Span<UInt8>) throws(FormatError) -> Int64? {
    try parseKey("frozen_usec", of: text)
}
