import Pricing
import Billing
import Invoicing
import Metering
import Reporting
import Store
import Units

/// How a line of an invoice came about, from the price back to the kernel's counters.
public struct LineExplanation: Sendable {
    /// The line, its accounts, their ledger rows and the prices.
    public var explanation: Explanation
    /// The kernel's readings that are still stored, for each of `explanation.accounts` in order.
    public var readings: [[CounterReadings]]

    /// The explanation for people, line by line.
    public var text: [String] { explanationText(explanation, readings) }
}

/// The first and the last stored reading of one counter or gauge in a period.
public struct CounterReadings: Hashable, Sendable {
    /// One reading: its time and the kernel's value.
    public struct Reading: Hashable, Sendable {
        /// The time of the tick.
        public var at: Instant
        /// The counter or gauge, in the unit that the name of its column ends with.
        public var value: Int64
    }

    /// The column of samples, such as `cpu_usage_us`.
    public var name: String
    /// The device, such as `254:0`; `nil` if the counter is not kept for each device.
    public var device: String?
    /// The oldest reading that is stored.
    public var first: Reading
    /// The newest reading that is stored.
    public var last: Reading
}

extension App {
    /// Explains lines of an invoice, one after another.
    ///
    /// - Parameters:
    ///   - number: the number of the invoice.
    ///   - lines: the numbers of the lines, from 1; `nil` for every line.
    ///   - body: receives each explanation.
    /// - Throws: `badData` for an unknown invoice, `wrongUse` for a line that it does not have;
    ///   whatever `body` throws.
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

    /// The first and the last stored reading behind an account, device by device.
    ///
    /// - Returns: empty for imported usage, for meters without a counter, and once the samples are
    ///   pruned.
    private func kept(
        _ store: Store, _ account: Explanation.Account, _ explanation: Explanation
    ) throws -> [CounterReadings] {
        guard account.kind != "imported", let period = account.period,
            let meter = explanation.item.meter
        else { return [] }
        if meter == Meter.storage.name {
            return try measurements(store, account.container, period)
        }
        let query = SampleQuery(
            container: account.container, from: period.start, to: period.end,
            byDevice: meter.hasPrefix("io_"))
        return try sampleColumns(of: meter, explanation.segment?.book.memory).flatMap { name in
            try readings(of: name, store, query)
        }
    }

    /// The first and the last measurement of a folder in a period.
    private func measurements(
        _ store: Store, _ container: Int64, _ period: Period
    ) throws -> [CounterReadings] {
        let all = try store.storageReadings(of: container, over: period)
        guard let first = all.first, let last = all.last else { return [] }
        return [
            CounterReadings(
                name: "storage_bytes", first: .init(at: first.at, value: first.bytes),
                last: .init(at: last.at, value: last.bytes))
        ]
    }

    /// The first and the last stored value of a column, device by device.
    private func readings(
        of name: String, _ store: Store, _ query: SampleQuery
    ) throws -> [CounterReadings] {
        guard let column = query.columns.firstIndex(of: name) else { return [] }
        var found: [CounterReadings] = []
        try store.samples(query) { row in
            guard let value = row.values[column] else { return }
            // Rows come device after device, so a new device begins a new entry.
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

/// The columns of samples behind a meter.
///
/// - Parameter memory: the formula of the price book, whose parts are shown for memory.
private func sampleColumns(of meter: String, _ memory: MemoryFormula?) -> [String] {
    guard let meter = Meter(meter) else { return [] }
    let row: LedgerMeter = meter == .memory ? .memory(memory ?? .current) : .meter(meter)
    return row.columns
}

/// The columns of `LineExplanation.rows`.
public let explanationColumns = [
    "invoice", "line", "container", "boot", "cgroup_id", "hour", "meter", "quantity", "assurance",
    "entry",
]

extension LineExplanation {
    /// The ledger rows behind the line, under `explanationColumns`.
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
