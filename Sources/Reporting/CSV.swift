import Units

extension Sheet {
    /// RFC 4180 with a header, `\n` line ends and minimal quoting.
    ///
    /// A text that a spreadsheet would run as a formula gets an apostrophe in front.
    var csv: String { csvHeading(columns) + rows.map(csvLine).joined() }
}

func csvHeading(_ columns: [String]) -> String {
    // A report of one's own may call a column anything.
    csvLine(columns.map(Cell.text))
}

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
