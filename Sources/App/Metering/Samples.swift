import Metering
import Reporting
import Store
import Units

/// The raw series of a container, in a person's words.
public struct SampleWords: Sendable {
    /// The container's path, the end of it, or its name.
    public var container: String
    /// The start, inclusive: a time or a date of the billing zone; `nil` for the oldest sample.
    public var from: String?
    /// The end, exclusive; `nil` for the newest sample.
    public var to: String?
    /// Of each interval of this length, `1m`, only the last sample.
    public var every: String?
    /// Whether what each block device read and wrote is asked for, in place of the rest.
    public var byDevice: Bool

    public init(
        container: String, from: String? = nil, to: String? = nil, every: String? = nil,
        byDevice: Bool = false
    ) {
        (self.container, self.from, self.to) = (container, from, to)
        (self.every, self.byDevice) = (every, byDevice)
    }
}

extension App {
    /// Writes counters and gauges as the kernel gave them, of all containers that used the path in turn.
    ///
    /// - Parameter format: csv or json.
    /// - Throws: `badData` for an unknown container.
    public func streamSamples(
        _ words: SampleWords, as format: Format, write: (String) throws -> Void
    ) throws {
        let store = try store(.read)
        let zone = try zone()
        let from = try words.from.map { text throws(Fault) in
            try readTime("--from", text, in: zone)
        }
        let to = try words.to.map { text throws(Fault) in try readTime("--to", text, in: zone) }
        if let from, let to, to <= from {
            throw Fault(
                .wrongUse, at: "--to", problem: "\(to), which is not after \(from)",
                suggestion: "Make the end later than the start")
        }
        let every = try words.every.map { text throws(Fault) in try milliseconds("--every", text) }
        let found = try lives(words.container, store)
        let columns = SampleQuery(container: 0, byDevice: words.byDevice).columns
        var stream = SheetStream(
            columns: ["at", "container", "cgroup_id"] + (words.byDevice ? ["device"] : [])
                + columns, as: format)
        var text = stream.heading
        for life in found {
            let query = SampleQuery(
                container: life.row, from: from, to: to, every: every, byDevice: words.byDevice)
            try store.samples(query) { row in
                let device = row.major.map { [Cell.text("\($0):\(row.minor ?? 0)")] } ?? []
                text += stream.text(
                    of: [.time(row.at), .text(life.path), .integer(Int128(life.cgroupID))]
                        + device + row.values.map { .optional($0.map { Int128($0) }) })
                guard text.utf8.count > 60_000 else { return }
                try write(text)
                text = ""
            }
        }
        try write(text + stream.ending)
    }
}

/// The containers that are meant: one, or those that bore its path one after another.
private func lives(_ container: String, _ store: Store) throws(Fault) -> [ContainerRow] {
    let found = try containers(
        called: container, among: store.containers(all: true),
        at: "--container \(quoted(container))",
        suggestion: "octroi containers --all lists them; imported usage has no samples",
        path: \.path, name: \.name)
    return found.sorted { $0.row < $1.row }
}
