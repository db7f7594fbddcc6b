import Units

extension Sheet {
    /// Aligned columns: numbers to the right, text to the left.
    func table(bold: Bool) -> String {
        let agreed = rows.isEmpty ? [] : above.compactMap(columns.firstIndex).filter(isSame)
        let told = (below?.columns ?? []).compactMap(columns.firstIndex)
        let kept = self.columns.indices.filter {
            !notInTable.contains(self.columns[$0]) && !agreed.contains($0) && !told.contains($0)
        }
        let rows = self.rows.map { row in kept.map { row[$0] } }
        let shown = rows.map { $0.map(\.shown) }
        let headers = kept.map(heading)
        let widths = headers.indices.map { column in
            max(headers[column].count, shown.map { $0[column].count }.max() ?? 0)
        }
        let isNumber = headers.indices.map { column in
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
        let common = agreed.filter { self.rows[0][$0] != .none }
            .map { "\(heading($0)) \(self.rows[0][$0].shown)" }
        let titles = [
            title.map(escapingTerminalControls),
            common.isEmpty ? nil : common.joined(separator: ", "),
        ]
        let titled = titles.compactMap(\.self).map { "\($0)\n\n" }.joined()
        if rows.isEmpty { return titled + "Nothing to show.\n" }
        return titled + (bold ? "\u{1B}[1m\(head)\u{1B}[0m" : head) + "\n"
            + shown.map { line($0) + "\n" }.joined() + sentences(told)
    }

    private func heading(_ column: Int) -> String {
        escapingControlCharacters(
            headings[columns[column]] ?? columns[column].replacing("_", with: " "))
    }

    private func isSame(_ column: Int) -> Bool { rows.allSatisfy { $0[column] == rows[0][column] } }

    /// What stands below the table, each line once.
    private func sentences(_ told: [Int]) -> String {
        guard let by = below.flatMap({ columns.firstIndex(of: $0.by) }) else { return "" }
        var lines: [String] = []
        for row in rows {
            for column in told where row[column] != .none {
                let line = "\(row[by].shown): \(row[column].shown)\n"
                if !lines.contains(line) { lines.append(line) }
            }
        }
        return lines.isEmpty ? "" : "\n" + lines.joined()
    }
}

extension Cell {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .exact, .rational, .fraction: true
        case .none, .text, .flag: false
        }
    }

    /// What a table prints: control characters made visible, so that no name can move the cursor.
    var shown: String {
        switch self {
        case .none: "-"
        case .text(let text): escapingControlCharacters(text)
        case .integer(let value, let display): escapingControlCharacters(display ?? String(value))
        case .exact(let text, let display): escapingControlCharacters(display ?? text)
        case .rational(let number, let display):
            escapingControlCharacters(display ?? number.description)
        case .fraction(let number): number.description
        case .flag(let value): value ? "yes" : "no"
        }
    }
}
