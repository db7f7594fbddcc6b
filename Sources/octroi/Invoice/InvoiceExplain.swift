import ArgumentParser
import Invoicing
import Reporting
import Billing
import Store
import Units

struct InvoiceExplain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Explain a line of an invoice, down to the kernel's counters.",
        discussion: """
            Prints the counters, the hours, the formula with its fractions, the tiers and the \
            rounding. As csv or json: the rows of the ledger behind the line.

            EXAMPLES
              octroi invoice explain OCT-000001 3
              octroi invoice explain OCT-000001:3 --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(
        help: ArgumentHelp(
            "The invoice's number, and the line's: OCT-000001 3, or OCT-000001:3.",
            discussion: "Without a line: every line.", valueName: "invoice-line"))
    var words: [String]

    func run() throws {
        let (number, lines) = try parsed()
        let store = try place.store(.read)
        var explainer = try store.explainer(of: number)
        let all = lines ?? Array(1..<(explainer.invoice.draft.lines.count + 1))
        guard output.format == .table else { return try printHours(&explainer, all) }
        for (index, line) in all.enumerated() {
            let explanation = try explainer.explain(line: line)
            if index > 0 { try octroi.output("\n") }
            let readings = try explanation.accounts.map { try kept(store, $0, explanation) }
            try octroi.output(explanationText(explanation, readings).joined(separator: "\n") + "\n")
        }
    }

    /// Prints the ledger's rows behind all the lines as one document.
    private func printHours(_ explainer: inout Explainer, _ lines: [Int]) throws {
        var stream = SheetStream(columns: hourColumns, as: output.format)
        // The first line is looked up before anything is printed.
        var text = stream.heading
        for line in lines {
            for row in hourRows(try explainer.explain(line: line)) {
                text += stream.text(of: row)
            }
            try octroi.output(text)
            text = ""
        }
        try octroi.output(text + stream.ending)
    }

    /// The invoice and its lines; `nil` is every line.
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

    private func wrong(_ text: String) -> Fault {
        Fault(
            .wrongUse, at: "line \(quoted(text))",
            problem: "not a number of an invoice and a line",
            suggestion: "Write octroi invoice explain OCT-000001 3")
    }

    /// The counter's first and last reading that is still kept, by device where there are several.
    private func kept(
        _ store: Store, _ account: Explanation.Account, _ explanation: Explanation
    ) throws -> [CounterReadings] {
        let columns = [
            "cpu": "cpu_usage_us", "memory": "memory_bytes", "io_read_bytes": "read_bytes",
            "io_write_bytes": "write_bytes", "io_read_ops": "read_ops",
            "io_write_ops": "write_ops", "net_rx_bytes": "net_rx_bytes",
            "net_tx_bytes": "net_tx_bytes",
        ]
        guard account.kind != "imported", let period = account.period,
            let meter = explanation.item.meter, let name = columns[meter]
        else { return [] }
        let query = SampleQuery(
            container: account.container, from: period.start, to: period.end,
            byDevice: meter.hasPrefix("io_"))
        guard let column = query.columns.firstIndex(of: name) else { return [] }
        var found: [CounterReadings] = []
        try store.samples(query) { row in
            guard let value = row.values[column] else { return }
            let device = row.major.map { "\($0):\(row.minor ?? 0)" }
            if found.last?.device != device || found.isEmpty {
                found.append(CounterReadings(name: name, device: device, first: (row.at, value)))
            }
            found[found.count - 1].last = (row.at, value)
        }
        return found
    }
}

/// The first and the last kept reading of a counter or gauge.
struct CounterReadings {
    var name: String
    var device: String?
    var first: (at: Instant, value: Int64)
    var last: (at: Instant, value: Int64)

    init(name: String, device: String?, first: (at: Instant, value: Int64)) {
        (self.name, self.device, self.first, self.last) = (name, device, first, first)
    }
}

private let hourColumns = [
    "invoice", "line", "container", "boot", "cgroup_id", "hour", "meter", "quantity", "assurance",
    "entry",
]

private func hourRows(_ explanation: Explanation) -> [[Cell]] {
    explanation.accounts.flatMap { account in
        account.hours.map { hour in
            [
                .text(explanation.invoice.number), .integer(Int128(explanation.line)),
                .text(account.path), .optional(account.boot),
                account.cgroupID.map { .integer(Int128($0)) } ?? .none, .time(hour.hour),
                .text(hour.meter), .integer(Int128(hour.quantity)), .text(hour.assurance),
                .integer(Int128(hour.entry)),
            ]
        }
    }
}
