import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice explain`: shows how an amount was computed (`App.explainInvoice`).
///
/// Lines are printed one by one as they are computed, since an invoice may have many.
struct InvoiceExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain a line of an invoice, down to the kernel's counters.",
        discussion: """
            Prints the counters, the hours, the formula with its fractions, the tiers and the \
            rounding. csv and json have the rows of stored usage from which the line was computed.

            EXAMPLES
              octroi invoice explain OCT-000001 3
              octroi invoice explain OCT-000001:3 --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(
        help: ArgumentHelp(
            "The numbers of the invoice and the line: OCT-000001 3, or OCT-000001:3.",
            discussion: "Without a line, every line is explained.", valueName: "invoice-line"))
    var words: [String]

    func run() throws {
        let (number, lines) = try parsed()
        guard output.format == .table else { return try printHours(number, lines) }
        var isFirst = true
        try place.app.explainInvoice(number, lines: lines) { line in
            if !isFirst { try octroi.output("\n") }
            isFirst = false
            try octroi.output(line.text.joined(separator: "\n") + "\n")
        }
    }

    /// Prints the rows of the ledger behind the lines, as one csv or json document.
    ///
    /// The columns are `explanationColumns`.
    private func printHours(_ number: String, _ lines: [Int]?) throws {
        var stream = SheetStream(columns: explanationColumns, as: output.format)
        // The header is printed with the first line, so that an unknown invoice prints no output at
        // all.
        var text = stream.heading
        try place.app.explainInvoice(number, lines: lines) { line in
            for row in line.rows { text += stream.text(of: row) }
            try octroi.output(text)
            text = ""
        }
        try octroi.output(text + stream.ending)
    }

    /// Splits the words into the invoice's number and the line's.
    ///
    /// `OCT-000001 3`, `OCT-000001:3` and `OCT-000001/3` mean the same.
    ///
    /// - Returns: the number, and the line in a list; `nil` for all lines.
    /// - Throws: `wrongUse` for more than one line, or a line that is no number.
    private func parsed() throws(Fault) -> (String, [Int]?) {
        var parts = words.flatMap {
            $0.split(whereSeparator: { ":/".contains($0) }).map(String.init)
        }
        guard !parts.isEmpty else { throw wrong("") }
        let number = parts.removeFirst()
        let lines = parts.map { Int($0) }
        guard !lines.contains(nil), lines.count <= 1 else {
            throw wrong(words.joined(separator: " "))
        }
        return (number, lines.isEmpty ? nil : lines.compactMap(\.self))
    }

    /// The error for words that are no invoice and line.
    private func wrong(_ text: String) -> Fault {
        Fault(
            .wrongUse, at: "line \(quoted(text))",
            problem: "expected an invoice number and a line number",
            suggestion: "Write octroi invoice explain OCT-000001 3")
    }
}
