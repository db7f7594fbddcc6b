import Units

extension Sheet {
    /// The sheet as CSV (RFC 4180) with a header line, but with `\n` as line end.
    ///
    /// Only fields that need quotes get them. An empty text is quoted, which tells it from a value
    /// that is missing. Texts are made safe by `csvText`.
    var csv: String { csvHeading(columns) + rows.map(csvLine).joined() }
}

/// The header line of CSV.
func csvHeading(_ columns: [String]) -> String {
    // Users name the columns of their own reports, so column names are made safe like other texts.
    csvLine(columns.map(Cell.text))
}

/// One row of CSV, with its line end.
func csvLine(_ row: [Cell]) -> String { row.map(\.csvField).joined(separator: ",") + "\n" }

extension Cell {
    /// The value as a field of CSV: exact, without units and thousands separators.
    ///
    /// A fraction whose decimals do not end is rounded by `decimals`, except in a `fraction` cell.
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

/// Puts quotes around a field that needs them.
///
/// These are empty texts, and texts with a comma, a quote or a line end. A quote inside is doubled.
private func quotedField(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { !"\",\r\n".utf8.contains($0) }
    guard !isPlain else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
}
