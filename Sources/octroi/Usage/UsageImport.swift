import ArgumentParser
import Daemon
import Reporting
import Settings
import Store
import Units

struct UsageImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Load usage that another source measured, from CSV.",
        discussion: """
            Columns start,end,tenant,container,meter,quantity; quantities are whole numbers in \
            base units. A date without a time is the start of that day in the billing zone. All rows or none; importing a file twice changes nothing. Rows of the \
            same meter and container may overlap, and both count: that is said, as a meter \
            without a price is, and which invoices have billed that time already: they stay as \
            they are, and the tenant's next invoice carries a correction.

            EXAMPLE
              octroi usage import gpu.csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The CSV file.")
    var file: String

    func run() throws {
        do throws(Fault) {
            let source = try FileReader(file)
            let settings = try place.settings()
            let store = try place.store(.write)
            try warnOfOtherZone(than: settings.zone, in: store)
            var reader = try UsageImportReader { () throws(Fault) in try source.read() }
            let outcome = try store.importUsage(in: settings.zone, at: Host.wallTime()) {
                () throws(Fault) in try reader.next()
            }
            for warning in outcome.warnings { complain("octroi: \(file), \(warning)") }
            try show(
                Sheet(
                    columns: ["added", "there_already"],
                    rows: [
                        [
                            .integer(Int128(outcome.added)),
                            .integer(Int128(outcome.thereAlready)),
                        ]
                    ]), output.format)
        } catch {
            // The parser and the store know the line, not the file.
            throw error.place.hasPrefix("line ") ? error.within("\(file), ") : error
        }
    }
}
