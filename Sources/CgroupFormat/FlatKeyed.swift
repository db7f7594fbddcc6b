/// A file of `key value` lines, reduced to the keys that are used.
///
/// The kernel calls this form "flat keyed" (cgroup-v2.rst, "Format"). Lines of other keys and empty
/// lines are skipped, whatever their values. A line that cannot be read costs only its own key. If
/// a key has two lines, they must have the same value. Otherwise nobody can tell which is right,
/// and the key has no value.
///
/// Example: from `a 1`, `b x` and `c 3`, the keys a and b give the values 1 and `nil`, and `odd`
/// names b.
struct FlatKeyed {
    /// One value for each key, in the order of the keys.
    ///
    /// `nil` if a key has no line or one that could not be read.
    private(set) var values: [Int64?]
    /// The lines that could not be read, by key.
    private(set) var odd = OddLines()
    /// Whether the text ends inside a line, so that further lines may be missing.
    private(set) var isTorn = false
    /// Bit i is set if key i has a line.
    private var seen: UInt64 = 0
    private let keys: [StaticString]

    /// Reads the values of the keys.
    ///
    /// - Parameter keys: at most 64.
    /// - Throws: `FormatError` if the file is empty.
    init(_ text: Span<UInt8>, _ keys: [StaticString]) throws(FormatError) {
        precondition(keys.count <= 64, "more keys than bits")
        self.keys = keys
        values = Array(repeating: nil, count: keys.count)
        var cursor = LineCursor()
        while let line = cursor.next(in: text) {
            let end = firstIndex(of: UInt8(ascii: " "), in: text, line) ?? line.upperBound
            for index in keys.indices where matches(text, line.lowerBound..<end, keys[index]) {
                let start = min(end + 1, line.upperBound)
                // A number at the very end of the text may have lost digits.
                let value = cursor.isTorn ? nil : number(text, start..<line.upperBound)
                take(index, value, cursor, text, line)
                break
            }
        }
        guard cursor.line > 0 else { throw emptyFile }
        isTorn = cursor.isTorn
    }

    /// Notes one line of a key.
    private mutating func take(
        _ index: Int, _ value: Int64?, _ cursor: LineCursor, _ text: Span<UInt8>, _ line: Range<Int>
    ) {
        let bit = UInt64(1) << UInt64(index)
        let isFirst = seen & bit == 0
        seen |= bit
        if isFirst, let value {
            values[index] = value
            return
        }
        // A key that is known to be odd is reported only once.
        guard isFirst || values[index] != nil, isFirst || values[index] != value else { return }
        values[index] = nil
        odd.add(
            "\(keys[index])",
            FormatError(
                line: cursor.line,
                found: quoted(text, line) + (cursor.isTorn ? " without a newline" : ""),
                expected: isFirst
                    ? "\"\(keys[index]) N\", N up to \(Int64.max)" : "one value of each key"))
    }

    /// Whether a key has a line, whether it could be read or not.
    func hasLine(_ index: Int) -> Bool { seen >> UInt64(index) & 1 == 1 }
}

/// The value of one key of a flat keyed file; `nil` if the key has no line.
///
/// - Throws: `FormatError` if the line cannot be read, if two lines differ, or if the file is
///   empty.
public func parseKey(_ key: StaticString, of text: Span<UInt8>) throws(FormatError) -> Int64? {
    let file = try FlatKeyed(text, [key])
    if let odd = file.odd.lines.first { throw odd.error }
    return file.values[0]
}

/// The lines of a file that could not be read, while the rest of the file could.
///
/// A kernel file is foreign text. One bad line must neither stop the collector nor vanish, so it
/// ends up here, and from here in an absence or in the log.
public struct OddLines: Hashable, Sendable, CustomStringConvertible {
    /// One line that could not be read.
    public struct Line: Hashable, Sendable {
        /// What has no value because of it: a key, or a device and a key, such as `8:0 rbytes`.
        public let subject: String
        /// Where the line is, what it contains and what was expected.
        public let error: FormatError

        public init(_ subject: String, _ error: FormatError) {
            (self.subject, self.error) = (subject, error)
        }
    }

    /// The first lines, at most 16.
    public private(set) var lines: [Line] = []
    /// The number of all lines, including those that `lines` does not keep.
    public private(set) var count = 0

    /// How many lines are kept.
    ///
    /// It is more than the number of keys we read of any file. Of a file with many devices it is
    /// enough to recognise the problem.
    private static let most = 16

    public init() {}

    /// Whether every line could be read.
    public var isEmpty: Bool { count == 0 }

    /// Adds a line.
    ///
    /// Its subject is cut after 60 characters.
    mutating func add(_ subject: String, _ error: FormatError) {
        count += 1
        guard lines.count < Self.most else { return }
        let isLong = subject.utf8.count > 60
        lines.append(Line(isLong ? String(subject.prefix(60)) + "…" : subject, error))
    }

    /// The lines whose subject satisfies a condition; only the kept lines are looked at.
    public func only(_ isWanted: (String) -> Bool) -> OddLines {
        var part = OddLines()
        for line in lines where isWanted(line.subject) { part.add(line.subject, line.error) }
        return part
    }

    /// The subjects, then the error of the first: `anon, sock: line 1: found …`.
    ///
    /// The part before the first colon depends only on which subjects are odd, not on what their
    /// lines contain. So a problem that lasts is recognised as the same one (`Absence.goesOn`).
    public var description: String {
        guard let first = lines.first else { return "" }
        let names = lines.prefix(4).map(\.subject).joined(separator: ", ")
        let more = count > 4 ? " and \(count - 4) more" : ""
        return "\(names)\(more): \(first.error)"
    }
}
