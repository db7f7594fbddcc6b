import Units

extension Sheet {
    /// Aligned columns: numbers to the right, text to the left.
    func table(bold: Bool) -> String {
        let kept = self.columns.indices.filter { !notInTable.contains(self.columns[$0]) }
        let columns = kept.map { self.columns[$0] }
        let rows = self.rows.map { row in kept.map { row[$0] } }
        let shown = rows.map { $0.map(\.shown) }
        let headers = columns.map { self.headings[$0] ?? $0.replacing("_", with: " ") }
        let widths = columns.indices.map { column in
            max(headers[column].count, shown.map { $0[column].count }.max() ?? 0)
        }
        let isNumber = columns.indices.map { column in
            rows.contains { $0[column].isNumber }
                && rows.allSatisfy { $0[column].isNumber || $0[column] == .none }
        }
        func line(_ cells: [String]) -> String {
            var line = ""
            for (column, cell) in cells.enumerated() {
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (isNumber[column] ? gap + cell : cell + gap)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
        let head = line(headers)
        let titled = title.map { "\($0)\n\n" } ?? ""
        if rows.isEmpty { return titled + "Nothing to show.\n" }
        return titled + (bold ? "\u{1B}[1m\(head)\u{1B}[0m" : head) + "\n"
            + shown.map { line($0) + "\n" }.joined()
    }
}

extension Cell {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .exact: true
        case .none, .text, .flag: false
        }
    }

    /// What a table prints: control characters made visible, so that no name can move the cursor.
    fileprivate var shown: String {
        switch self {
        case .none: "-"
        case .text(let text): harmless(text)
        case .integer(let value, let display): display ?? String(value)
        case .exact(let text, let display): display ?? text
        case .flag(let value): value ? "yes" : "no"
        }
    }
}
