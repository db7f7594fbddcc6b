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
            base units. All rows or none; importing a file twice changes nothing.

            EXAMPLE
              octroi usage import gpu.csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The CSV file.")
    var file: String

    func run() throws {
        do throws(Fault) {
            let rows = try parseUsageImport(try readText(file))
            let added = try place.store(.write).importUsage(rows, at: Host.wallTime())
            try show(
                Sheet(
                    columns: ["added", "there_already"],
                    rows: [[.integer(Int128(added)), .integer(Int128(rows.count - added))]]),
                output.format)
        } catch {
            // The parser and the store know the line, not the file.
            throw error.place.hasPrefix("line ") ? error.within("\(file), ") : error
        }
    }
}
