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
            base units, and times are RFC 3339, such as 2026-10-01T00:00:00Z. All rows or none; importing a file \
            twice changes nothing.

            Warnings name meters without a price, rows of one meter and container that overlap (both count), \
            and invoices that have billed that time already: they stay as they are, and the tenant's \
            next invoice carries a correction. They also name rows of hours that were given to another \
            tenant, and rows before the tenant's price book begins. Rows before all price books, and usage \
            that Octroi metered itself, are refused.

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
