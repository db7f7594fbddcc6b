import Units

extension Sheet {
    /// RFC 4180 with a header, `\n` line ends and minimal quoting.
    ///
    /// Texts are written as `csvText` says.
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
        case .text(let text): quotedField(csvText(text))
        case .integer(let value, _): String(value)
        case .exact(let text, _): text
        case .rational(let number, _): decimals(number)
        case .fraction(let number): number.description
        case .flag(let value): value ? "true" : "false"
        }
    }
}

private func quotedField(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { !"\",\r\n".utf8.contains($0) }
    guard !isPlain else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
}
