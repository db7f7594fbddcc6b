import Units

extension Sheet {
    /// The sheet as a table: numbers aligned to the right, texts to the left.
    ///
    /// Above it are the title and the columns in `above`, below it the sentences of `below`. A
    /// sheet without rows gives its title and a line that says so.
    ///
    /// - Parameter bold: whether the header line is bold, by the escape sequence of terminals.
    func table(bold: Bool) -> String {
        // Columns that are shown above, those that are shown below, and those of the table itself.
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

    /// The heading of a column, made safe for terminals.
    private func heading(_ column: Int) -> String {
        escapingControlCharacters(
            headings[columns[column]] ?? columns[column].replacing("_", with: " "))
    }

    /// Whether all rows have the same value in a column.
    private func isSame(_ column: Int) -> Bool { rows.allSatisfy { $0[column] == rows[0][column] } }

    /// The lines below the table; a line that several rows share is printed once.
    ///
    /// - Parameter told: the indexes of the columns with sentences.
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
    /// Whether the value is aligned to the right.
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .exact, .rational, .fraction: true
        case .none, .text, .flag: false
        }
    }

    /// The value as tables show it.
    ///
    /// Control characters are escaped, so that a name can neither move the cursor nor forge a row.
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
