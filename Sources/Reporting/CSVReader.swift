import Units

/// A row of a CSV file, with the line it starts on.
public struct CSVRow: Hashable, Sendable {
    public var line: Int
    public var fields: [String]
}

/// Reads RFC 4180 text row by row: quoted fields may hold commas, quotes and line ends.
///
/// It holds one row, however long the text is.
public struct CSVReader {
    private let more: () throws(Fault) -> [UInt8]
    private var buffer: [UInt8] = []
    private var position = 0
    private var line = 1
    private var hasBegun = false
    private var field: [UInt8] = []

    private static let (quote, comma, newline, carriageReturn) =
        (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    /// What a field holds at most: a quote that is never closed would take in the whole file.
    private static let longest = 1 << 20

    /// - Parameter more: gives the next bytes, and none at the end.
    public init(_ more: @escaping () throws(Fault) -> [UInt8]) { self.more = more }

    /// The next row that is not empty; `nil` behind the last.
    ///
    /// - Throws: at a quote that is not closed or stands inside a plain field.
    public mutating func next() throws(Fault) -> CSVRow? {
        if !hasBegun { try begin() }
        while try peek() != nil {
            let row = try row()
            if row.fields != [""] { return row }
        }
        return nil
    }

    /// Passes over the byte order mark that spreadsheets put in front.
    private mutating func begin() throws(Fault) {
        hasBegun = true
        while buffer.count < 3 {
            let bytes = try more()
            if bytes.isEmpty { break }
            buffer += bytes
        }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    /// The next byte, which stays where it is; `nil` at the end.
    private mutating func peek() throws(Fault) -> UInt8? {
        if position < buffer.count { return buffer[position] }
        buffer = try more()
        position = 0
        return buffer.first
    }

    private mutating func row() throws(Fault) -> CSVRow {
        var row = CSVRow(line: line, fields: [])
        while true {
            row.fields.append(try nextField())
            guard let separator = try peek() else { return row }
            position += 1
            if separator == Self.comma { continue }
            if separator == Self.carriageReturn, try peek() == Self.newline { position += 1 }
            line += 1
            return row
        }
    }

    private mutating func nextField() throws(Fault) -> String {
        field.removeAll(keepingCapacity: true)
        let start = line
        if try peek() == Self.quote {
            position += 1
            try takeQuoted(from: start)
        } else {
            try takePlain()
        }
        guard let text = String(validating: field, as: UTF8.self) else {
            throw Fault(
                .badData, at: "line \(start)", found: "bytes that are not UTF-8",
                cure: "Save the file as UTF-8")
        }
        return text
    }

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
            try take(byte)
        }
        throw fault(start, "a quote that is never closed")
    }

    private mutating func takePlain() throws(Fault) {
        while let byte = try peek(), !isEnd(byte) {
            if byte == Self.quote { throw fault(line, "a quote inside a plain field") }
            position += 1
            try take(byte)
        }
    }

    private mutating func take(_ byte: UInt8) throws(Fault) {
        guard field.count < Self.longest else { throw fault(line, "a field of more than 1 MiB") }
        field.append(byte)
    }

    private func isEnd(_ byte: UInt8) -> Bool {
        byte == Self.comma || byte == Self.newline || byte == Self.carriageReturn
    }

    private func fault(_ line: Int, _ found: String) -> Fault {
        Fault(
            .badData, at: "line \(line)", found: found,
            cure: "Quote the whole field and double the quotes in it (RFC 4180)")
    }
}
