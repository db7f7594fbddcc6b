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
    /// The fields of the row, one after another, without their quotes.
    private var text: [UInt8] = []
    /// Where each field ends in `text`.
    private var ends: [Int] = []
    /// The line that the row starts on.
    private(set) var rowLine = 1

    private static let (quote, comma, newline, carriageReturn) =
        (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    /// What a row holds at most: a quote that is never closed would take in the whole file.
    private static let longest = 1 << 20

    /// - Parameter more: gives the next bytes, and none at the end.
    public init(_ more: @escaping () throws(Fault) -> [UInt8]) { self.more = more }

    /// The next row that is not empty; `nil` behind the last.
    ///
    /// - Throws: at a quote that is not closed or stands inside a plain field, and at bytes that are not
    ///   UTF-8.
    public mutating func next() throws(Fault) -> CSVRow? {
        guard try advance() else { return nil }
        var row = CSVRow(line: rowLine, fields: [])
        for index in 0..<fieldCount { row.fields.append(try field(index)) }
        return row
    }

    /// Goes to the next row that is not empty, whose fields can be asked for one by one.
    ///
    /// - Returns: whether there is one.
    mutating func advance() throws(Fault) -> Bool {
        if !hasBegun { try begin() }
        while try peek() != nil {
            try readRow()
            if ends.count > 1 || !text.isEmpty { return true }
        }
        return false
    }

    /// How many fields the row has.
    var fieldCount: Int { ends.count }

    /// The bytes of a field.
    func bytes(_ index: Int) -> ArraySlice<UInt8> {
        text[(index > 0 ? ends[index - 1] : 0)..<ends[index]]
    }

    /// The text of a field.
    func field(_ index: Int) throws(Fault) -> String {
        guard let text = String(validating: bytes(index), as: UTF8.self) else {
            throw Fault(
                .badData, at: "line \(rowLine)", problem: "bytes that are not UTF-8",
                suggestion: "Save the file as UTF-8")
        }
        return text
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

    /// Takes what stands before the next comma or line end, as much at once as the buffer holds.
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

    private func requireShort() throws(Fault) {
        guard text.count + ends.count <= Self.longest else {
            throw fault(rowLine, "a row of more than 1 MiB")
        }
    }

    private func isEnd(_ byte: UInt8) -> Bool {
        byte == Self.comma || byte == Self.newline || byte == Self.carriageReturn
    }

    private func fault(_ line: Int, _ found: String) -> Fault {
        Fault(
            .badData, at: "line \(line)", problem: found,
            suggestion: "Quote the whole field and double the quotes in it (RFC 4180)")
    }
}
