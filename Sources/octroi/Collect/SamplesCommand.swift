import App
import ArgumentParser
import Reporting
import Units

/// `octroi samples`: prints what the kernel's counters showed, row by row (`App.streamSamples`).
///
/// The series may be long, so there is no table.
struct SamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samples",
        abstract: "Print all readings of a container, as csv or json.",
        discussion: """
            Prints counters and gauges as the kernel gave them. The name of a column contains \
            its unit. An empty field was not measured. If several containers had the path or \
            name, one after another, all of them are printed in this order.

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
        help: ArgumentHelp(
            "The end, exclusive, written like --from. Default: the newest reading.",
            valueName: "time"))
    var to: String?

    @Option(
        help: ArgumentHelp(
            "Downsample: keep the last sample of each interval.", valueName: "duration"))
    var every: String?

    @Flag(help: "Print only the reads and writes of each block device.")
    var devices = false

    func run() throws {
        let words = SampleWords(
            container: container, from: from, to: to, every: every, byDevice: devices)
        try place.app.streamSamples(words, as: format) { try output($0) }
    }
}
