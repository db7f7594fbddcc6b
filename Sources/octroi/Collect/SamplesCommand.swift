import ArgumentParser
import Daemon
import Reporting
import Settings
import Store
import Units

struct SamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samples",
        abstract: "Print the raw series of a container, as csv or json.",
        discussion: """
            Prints counters and gauges as the kernel gave them. The column's name holds the \
            unit. An empty field was not measured. If several containers used the path or name \
            in turn, all of them are printed, one after another.

            EXAMPLES
              octroi samples --container web
              octroi samples --container nginx.service --every 1m --format json
              octroi samples --container web --from 2026-11-23T10:00:00Z --format csv
              octroi samples --container web --devices
            """)

    @OptionGroup var place: StoreOptions

    @Option(help: "csv, the default, or json.")
    var format: Format = .csv

    @Option(help: "The container's path, the end of it, or its name.")
    var container: String

    @Option(
        help: ArgumentHelp(
            "The start, inclusive: a time, or a day of the billing zone. Default: the oldest.",
            valueName: "time"))
    var from: String?

    @Option(
        help: ArgumentHelp("The end, exclusive; as --from. Default: the newest.", valueName: "time")
    )
    var to: String?

    @Option(
        help: ArgumentHelp(
            "Downsample: keep the last sample of each interval.", valueName: "duration"))
    var every: String?

    @Flag(help: "What each block device read and wrote, in place of the rest.")
    var devices = false

    func run() throws {
        let store = try place.store(.read)
        let zone = try place.settings().zone
        let from = try from.map { text throws(Fault) in try readTime("--from", text, in: zone) }
        let to = try to.map { text throws(Fault) in try readTime("--to", text, in: zone) }
        if let from, let to, to <= from {
            throw Fault(
                .wrongUse, at: "--to", problem: "\(to), which is not after \(from)",
                suggestion: "Make the end later than the start")
        }
        let every = try every.map { text throws(Fault) in try milliseconds("--every", text) }
        let lives = try lives(store)
        let columns = SampleQuery(container: 0, byDevice: devices).columns
        var stream = SheetStream(
            columns: ["at", "container", "cgroup_id"] + (devices ? ["device"] : []) + columns,
            as: format)
        var text = stream.heading
        for life in lives {
            let query = SampleQuery(
                container: life.row, from: from, to: to, every: every, byDevice: devices)
            try store.samples(query) { row in
                let device = row.major.map { Cell.text("\($0):\(row.minor ?? 0)") }
                text += stream.text(
                    of: [.time(row.at), .text(life.path), .integer(Int128(life.cgroupID))]
                        + (device.map { [$0] } ?? [])
                        + row.values.map { .optional($0.map { Int128($0) }) })
                guard text.utf8.count > 60_000 else { return }
                try output(text)
                text = ""
            }
        }
        try output(text + stream.ending)
    }

    /// The containers that are meant: one, or those that bore its path one after another.
    private func lives(_ store: Store) throws(Fault) -> [ContainerRow] {
        let found = try containers(
            called: container, among: store.containers(all: true),
            at: "--container \(quoted(container))",
            suggestion: "octroi containers --all lists them; imported usage has no samples",
            path: \.path, name: \.name)
        return found.sorted { $0.row < $1.row }
    }
}
