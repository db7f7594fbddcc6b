/// The values of the keys that are used of a file of `key value` lines ("flat keyed",
/// cgroup-v2.rst).
///
/// Lines of other keys and empty lines are passed over without a look at their values. An odd line
/// costs its own key only. Two lines of one key are harmless if they say the same; if not, it cannot
/// be told which is right, and the key has no value.
struct FlatKeyed {
    /// In the order of the keys; `nil` where a key has no line or an odd one.
    private(set) var values: [Int64?]
    /// The odd lines, by key.
    private(set) var odd = OddLines()
    /// Whether the text was cut off in its last line, so that others may lack behind it.
    private(set) var isTorn = false
    /// One bit for each key that has a line.
    private var seen: UInt64 = 0
    private let keys: [StaticString]

    /// - Parameter keys: at most 64.
    /// - Throws: if the file is empty.
    init(_ text: Span<UInt8>, _ keys: [StaticString]) throws(FormatError) {
        precondition(keys.count <= 64, "more keys than bits")
        self.keys = keys
        values = Array(repeating: nil, count: keys.count)
        var cursor = LineCursor()
        while let line = cursor.next(in: text) {
            let end = firstIndex(of: UInt8(ascii: " "), in: text, line) ?? line.upperBound
            for index in keys.indices where matches(text, line.lowerBound..<end, keys[index]) {
                let start = min(end + 1, line.upperBound)
                // A number that ends with the text may have lost digits.
                let value = cursor.isTorn ? nil : number(text, start..<line.upperBound)
                take(index, value, cursor, text, line)
                break
            }
        }
        guard cursor.line > 0 else { throw emptyFile }
        isTorn = cursor.isTorn
    }

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
        // A key that is odd already is named once.
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

    /// Whether a key has a line, odd or not.
    func hasLine(_ index: Int) -> Bool { seen >> UInt64(index) & 1 == 1 }
}

/// The value of one key of a flat keyed file; `nil` if it has no line.
///
/// - Throws: if its line is odd, or the file is empty.
public func parseKey(_ key: StaticString, of text: Span<UInt8>) throws(FormatError) -> Int64? {
    let file = try FlatKeyed(text, [key])
    if let odd = file.odd.lines.first { throw odd.error }
    return file.values[0]
}

/// What could not be taken of a file whose other lines could be.
public struct OddLines: Hashable, Sendable, CustomStringConvertible {
    /// One of them.
    public struct Line: Hashable, Sendable {
        /// What has no value for it: a key, or a device and its key.
        public let subject: String
        public let error: FormatError

        public init(_ subject: String, _ error: FormatError) {
            (self.subject, self.error) = (subject, error)
        }
    }

    /// The first few.
    public private(set) var lines: [Line] = []
    /// All of them.
    public private(set) var count = 0

    /// More than a file of ours has keys; of a file of many devices, enough to know it by.
    private static let most = 16

    public init() {}

    public var isEmpty: Bool { count == 0 }

    mutating func add(_ subject: String, _ error: FormatError) {
        count += 1
        guard lines.count < Self.most else { return }
        let isLong = subject.utf8.count > 60
        lines.append(Line(isLong ? String(subject.prefix(60)) + "…" : subject, error))
    }

    /// Those of some subjects.
    public func only(_ isWanted: (String) -> Bool) -> OddLines {
        var part = OddLines()
        for line in lines where isWanted(line.subject) { part.add(line.subject, line.error) }
        return part
    }

    /// All subjects, then what was found of the first: `anon, sock: line 1: found …`.
    ///
    /// What stands before the first colon stays the same while the same things are odd, whatever
    /// their lines say.
    public var description: String {
        guard let first = lines.first else { return "" }
        let names = lines.prefix(4).map(\.subject).joined(separator: ", ")
        let more = count > 4 ? " and \(count - 4) more" : ""
        return "\(names)\(more): \(first.error)"
    }
}
