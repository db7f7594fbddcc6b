import Billing
import Invoicing
import Metering
import Reporting
import Store
import Units

/// Why a line of an invoice is what it is, down to the kernel's counters.
public struct LineExplanation: Sendable {
    public var explanation: Explanation
    /// The kept readings behind each of its accounts, in the order of `explanation.accounts`.
    public var readings: [[CounterReadings]]

    /// The explanation as people read it, a line each.
    public var text: [String] { explanationText(explanation, readings) }
}

/// The first and the last kept reading of a counter or gauge.
public struct CounterReadings: Hashable, Sendable {
    /// A reading: when, and what the kernel said.
    public struct Reading: Hashable, Sendable {
        public var at: Instant
        public var value: Int64
    }

    /// The column of samples: `cpu_usage_us`.
    public var name: String
    /// `254:0` where a counter is kept for each device.
    public var device: String?
    public var first: Reading
    public var last: Reading
}

extension App {
    /// Explains lines of an invoice, one after another.
    ///
    /// - Parameters:
    ///   - lines: their numbers; `nil` for every line.
    ///   - body: takes each explanation.
    /// - Throws: `badData` for an unknown invoice, `wrongUse` for a line that it does not have.
    public func explainInvoice(
        _ number: String, lines: [Int]? = nil, _ body: (LineExplanation) throws -> Void
    ) throws {
        let store = try store(.read)
        var explainer = try store.explainer(of: number)
        for line in lines ?? Array(1..<(explainer.invoice.draft.lines.count + 1)) {
            let explanation = try explainer.explain(line: line)
            let readings = try explanation.accounts.map { try kept(store, $0, explanation) }
            try body(LineExplanation(explanation: explanation, readings: readings))
        }
    }

    /// The counter's first and last reading that is still kept, by device where there are several.
    private func kept(
        _ store: Store, _ account: Explanation.Account, _ explanation: Explanation
    ) throws -> [CounterReadings] {
        guard account.kind != "imported", let period = account.period,
            let meter = explanation.item.meter, let name = sampleColumns[meter]
        else { return [] }
        let query = SampleQuery(
            container: account.container, from: period.start, to: period.end,
            byDevice: meter.hasPrefix("io_"))
        guard let column = query.columns.firstIndex(of: name) else { return [] }
        var found: [CounterReadings] = []
        try store.samples(query) { row in
            guard let value = row.values[column] else { return }
            let device = row.major.map { "\($0):\(row.minor ?? 0)" }
            let reading = CounterReadings.Reading(at: row.at, value: value)
            if found.isEmpty || found.last?.device != device {
                found.append(
                    CounterReadings(name: name, device: device, first: reading, last: reading))
            }
            found[found.count - 1].last = reading
        }
        return found
    }
}

/// The column of samples that each meter counts from.
private let sampleColumns = [
    "cpu": "cpu_usage_us", "memory": "memory_bytes", "io_read_bytes": "read_bytes",
    "io_write_bytes": "write_bytes", "io_read_ops": "read_ops", "io_write_ops": "write_ops",
    "net_rx_bytes": "net_rx_bytes", "net_tx_bytes": "net_tx_bytes",
]

/// The columns of the ledger's rows behind a line.
public let explanationColumns = [
    "invoice", "line", "container", "boot", "cgroup_id", "hour", "meter", "quantity", "assurance",
    "entry",
]

extension LineExplanation {
    /// The ledger's rows behind the line, under `explanationColumns`.
    public var rows: [[Cell]] {
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
}
