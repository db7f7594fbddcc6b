import Metering
import Reporting
import Store
import Units

/// Selects samples of a container, as a person writes it.
///
/// Example: `SampleWords(container: "web", every: "1m")`.
public struct SampleWords: Sendable {
    /// The container's path, the end of it, or its name.
    public var container: String
    /// The start, inclusive: a time or a date of the billing zone; `nil` for the oldest sample.
    public var from: String?
    /// The end, exclusive; `nil` for the newest sample.
    public var to: String?
    /// Downsampling: only the last sample of each interval of this length, such as `1m`.
    public var every: String?
    /// Whether to read the counters of each block device instead of the container's samples.
    public var byDevice: Bool

    /// Selects all samples, unless it is narrowed.
    public init(
        container: String, from: String? = nil, to: String? = nil, every: String? = nil,
        byDevice: Bool = false
    ) {
        (self.container, self.from, self.to) = (container, from, to)
        (self.every, self.byDevice) = (every, byDevice)
    }
}

extension App {
    /// Writes counters and gauges as the kernel gave them.
    ///
    /// If several containers had the path or name one after another, all of them are written.
    ///
    /// - Parameters:
    ///   - format: csv or json.
    ///   - write: receives the text in pieces of about 60 KB.
    /// - Throws: `badData` for an unknown container or a damaged block of samples; `wrongUse` for
    ///   an ambiguous container and for words that are not a time; whatever `write` throws.
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

/// The containers that a word means, oldest first.
///
/// They are one container, or several that had its path or name one after another.
private func lives(_ container: String, _ store: Store) throws(Fault) -> [ContainerRow] {
    let found = try containers(
        called: container, among: store.containers(all: true),
        at: "--container \(quoted(container))",
        suggestion: "octroi containers --all lists them; imported usage has no samples",
        path: \.path, name: \.name)
    return found.sorted { $0.row < $1.row }
}
