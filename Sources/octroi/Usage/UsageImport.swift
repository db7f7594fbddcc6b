import ArgumentParser
import Daemon
import Reporting
import Settings
import Store
import Units

struct UsageImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import usage that another source measured, from CSV.",
        discussion: """
            The columns are start,end,tenant,container,meter,quantity, in any order. Quantities \
            are whole numbers in base units. Times are RFC 3339, such as 2026-10-01T00:00:00Z. \
            Either all rows are imported or none. Importing a file twice changes nothing.

            Refused: rows that begin before every price book, and usage that Octroi metered \
            itself.

            Warnings name meters without a price, rows that overlap (both count), rows before \
            the tenant's price book begins, rows in hours that belong to another tenant by \
            octroi tenant assign, and invoices that have billed that time already. Those \
            invoices stay; the tenant's next invoice carries a correction.

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
            for warning in outcome.warnings { printError("octroi: \(file), \(warning)") }
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
            throw error.location.hasPrefix("line ") ? error.within("\(file), ") : error
        }
    }
}
