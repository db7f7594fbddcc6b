import Units

/// One row of a CSV file.
public struct CSVRow: Hashable, Sendable {
    /// The line of the file that the row starts on, from 1; a row may have several lines.
    public var line: Int
    /// The texts of the fields, without quotes.
    public var fields: [String]
}

/// Reads CSV (RFC 4180) row by row, from a file of any size.
///
/// A quoted field may contain commas, quotes and line ends. A row ends with `\n`, `\r\n` or `\r`.
/// Empty rows are skipped. Only one row is in memory at a time.
///
/// ```swift
/// var reader = CSVReader { () throws(Fault) in try file.read() }
/// while let row = try reader.next() { use(row.fields) }
/// ```
public struct CSVReader {
    /// Returns the next bytes of the file, and no bytes at its end.
    private let more: () throws(Fault) -> [UInt8]
    /// The bytes that `more` returned last.
    private var buffer: [UInt8] = []
    /// The place of the next byte in `buffer`.
    private var position = 0
    /// The line of the next byte, from 1.
    private var line = 1
    /// Whether the byte order mark was looked for.
    private var hasBegun = false
    /// The bytes of the current row's fields, one after another, without quotes.
    private var text: [UInt8] = []
    /// The end of each field in `text`.
    private var ends: [Int] = []
    /// The line that the current row starts on, from 1.
    private(set) var rowLine = 1

    private static let (quote, comma, newline, carriageReturn) =
        (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    /// The largest size of a row: 1 MiB.
    ///
    /// Without it, a quote that is never closed would load the rest of the file into memory.
    private static let longest = 1 << 20

    /// Creates a reader.
    ///
    /// - Parameter more: returns the next bytes of the file, and no bytes at its end.
    public init(_ more: @escaping () throws(Fault) -> [UInt8]) { self.more = more }

    /// The next row that is not empty; `nil` after the last one.
    ///
    /// - Throws: `badData` with the line, for a quote that is not closed or is inside an unquoted
    ///   field, for a row above 1 MiB, and for bytes that are not UTF-8.
    public mutating func next() throws(Fault) -> CSVRow? {
        guard try advance() else { return nil }
        var row = CSVRow(line: rowLine, fields: [])
        for index in 0..<fieldCount { row.fields.append(try field(index)) }
        return row
    }

    /// Moves to the next row that is not empty, without making a `CSVRow` of it.
    ///
    /// `fieldCount`, `bytes` and `field` then give its fields. That saves a copy of fields that are
    /// not needed as text.
    ///
    /// - Returns: `false` after the last row.
    /// - Throws: as `next` does, but not for bytes that are not UTF-8.
    mutating func advance() throws(Fault) -> Bool {
        if !hasBegun { try begin() }
        while try peek() != nil {
            try readRow()
            if ends.count > 1 || !text.isEmpty { return true }
        }
        return false
    }

    /// The number of fields in the current row.
    var fieldCount: Int { ends.count }

    /// The bytes of a field in the current row, without quotes.
    func bytes(_ index: Int) -> ArraySlice<UInt8> {
        text[(index > 0 ? ends[index - 1] : 0)..<ends[index]]
    }

    /// The text of a field in the current row.
    ///
    /// - Throws: `badData` for bytes that are not UTF-8.
    func field(_ index: Int) throws(Fault) -> String {
        guard let text = String(validating: bytes(index), as: UTF8.self) else {
            throw Fault(
                .badData, at: "line \(rowLine)", problem: "bytes that are not UTF-8",
                suggestion: "Save the file as UTF-8")
        }
        return text
    }

    /// Skips the byte order mark of UTF-8, which spreadsheets write at the start of a file.
    private mutating func begin() throws(Fault) {
        hasBegun = true
        while buffer.count < 3 {
            let bytes = try more()
            if bytes.isEmpty { break }
            buffer += bytes
        }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next byte, without moving past it; `nil` at the end of the file.
    private mutating func peek() throws(Fault) -> UInt8? {
        if position < buffer.count { return buffer[position] }
        buffer = try more()
        position = 0
        return buffer.first
    }

    /// Reads one row into `text` and `ends`, and moves past its line end.
    private mutating func readRow() throws(Fault) {
        text.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        rowLine = line
        while true {
            if try peek() == Self.quote {
                position += 1
                try takeQuoted(from: line)
            } else {
                try takePlain()
            }
            ends.append(text.count)
            guard let separator = try peek() else { return }
            position += 1
            if separator == Self.comma { continue }
            if separator == Self.carriageReturn, try peek() == Self.newline { position += 1 }
            line += 1
            return
        }
    }

    /// Appends a quoted field to `text`; a doubled quote becomes one.
    ///
    /// - Parameter start: the line of the opening quote, for the error.
    private mutating func takeQuoted(from start: Int) throws(Fault) {
        while let byte = try peek() {
            position += 1
            if byte == Self.newline { line += 1 }
            if byte == Self.quote {
                let next = try peek()
                if next != Self.quote {
                    if let next, !isEnd(next) { throw fault(line, "text after a closing quote") }
                    return
                }
                position += 1
            }
            text.append(byte)
            try requireShort()
        }
        throw fault(start, "a quote that is never closed")
    }

    /// Appends an unquoted field to `text`.
    ///
    /// It copies all bytes of the field that are in the buffer at once, which is much faster than
    /// one by one.
    private mutating func takePlain() throws(Fault) {
        while try peek() != nil {
            var end = position
            while end < buffer.count, !isEnd(buffer[end]) {
                if buffer[end] == Self.quote {
                    throw fault(line, "a quote inside a plain field")
                }
                end += 1
            }
            text += buffer[position..<end]
            position = end
            try requireShort()
            if end < buffer.count { return }
        }
    }

    /// Refuses a row above 1 MiB.
    private func requireShort() throws(Fault) {
        guard text.count + ends.count <= Self.longest else {
            throw fault(rowLine, "a row of more than 1 MiB")
        }
    }

    /// Whether the byte ends an unquoted field.
    private func isEnd(_ byte: UInt8) -> Bool {
        byte == Self.comma || byte == Self.newline || byte == Self.carriageReturn
    }

    /// The error for text that is not CSV.
    private func fault(_ line: Int, _ found: String) -> Fault {
        Fault(
            .badData, at: "line \(line)", problem: found,
            suggestion: "Quote the whole field and double the quotes in it (RFC 4180)")
    }
}
