import Units

extension Sheet {
    /// RFC 4180 with a header, `\n` line ends and minimal quoting.
    ///
    /// A text that a spreadsheet would run as a formula gets an apostrophe in front.
    var csv: String { csvHeading(columns) + rows.map(csvLine).joined() }
}

func csvHeading(_ columns: [String]) -> String { columns.joined(separator: ",") + "\n" }
func csvLine(_ row: [Cell]) -> String { row.map(\.csvField).joined(separator: ",") + "\n" }

extension Cell {
    fileprivate var csvField: String {
        switch self {
        case .none: ""
        case .text(let text): quotedField(isFormula(text) ? "'" + text : text)
        case .integer(let value, _): String(value)
        case .exact(let text, _): text
        case .flag(let value): value ? "true" : "false"
        }
    }
}

private func isFormula(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first else { return false }
    return ["=", "+", "-", "@", "\t", "\r"].contains(first)
}

private func quotedField(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { !"\",\r\n".utf8.contains($0) }
    guard !isPlain else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
}

/// A row of a CSV file, with the line it starts on.
public struct CSVRow: Hashable, Sendable {
    public var line: Int
    public var fields: [String]
}

/// Reads RFC 4180 text: quoted fields may hold commas, quotes and line ends.
///
/// - Throws: at a quote that is not closed or stands inside a plain field.
public func parseCSV(_ text: String) throws(Fault) -> [CSVRow] {
    // Spreadsheets put a byte order mark in front.
    var reader = CSVReader(
        bytes: Array(
            text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) ? text.utf8.dropFirst(3) : text.utf8[...]))
    var rows: [CSVRow] = []
    while let row = try reader.row() {
        if row.fields != [""] { rows.append(row) }
    }
    return rows
}

private struct CSVReader {
    let bytes: [UInt8]
    var position = 0
    var line = 1

    private static let (quote, comma, newline, carriageReturn) =
        (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r"))

    mutating func row() throws(Fault) -> CSVRow? {
        guard position < bytes.count else { return nil }
        var row = CSVRow(line: line, fields: [])
        while true {
            row.fields.append(try field())
            guard position < bytes.count else { return row }
            let separator = bytes[position]
            position += 1
            if separator == Self.comma { continue }
            if separator == Self.carriageReturn, position < bytes.count,
                bytes[position] == Self.newline
            {
                position += 1
            }
            line += 1
            return row
        }
    }

    private mutating func field() throws(Fault) -> String {
        guard position < bytes.count, bytes[position] == Self.quote else { return try plain() }
        let opened = line
        position += 1
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == Self.newline { line += 1 }
            guard byte == Self.quote else {
                content.append(byte)
                continue
            }
            if position < bytes.count, bytes[position] == Self.quote {
                content.append(byte)
                position += 1
                continue
            }
            guard position == bytes.count || isEnd(bytes[position]) else {
                throw fault(line, "text after a closing quote")
            }
            return String(decoding: content, as: UTF8.self)
        }
        throw fault(opened, "a quote that is never closed")
    }

    private mutating func plain() throws(Fault) -> String {
        let start = position
        while position < bytes.count, !isEnd(bytes[position]) {
            if bytes[position] == Self.quote { throw fault(line, "a quote inside a plain field") }
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
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
