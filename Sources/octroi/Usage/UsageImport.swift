import App
import ArgumentParser
import Reporting
import Units

/// `octroi usage import`: adds usage from a CSV file (`App.importUsage`).
///
/// It prints how many rows were new and how many were imported before. Warnings go to standard
/// error.
struct UsageImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import usage that another source measured, from CSV.",
        discussion: """
            The columns are start,end,tenant,container,meter,quantity, in any order. The first \
            line names them. Quantities are whole numbers in base units of the meter: for cpu, \
            microseconds of one core. Times are RFC 3339, such as 2026-10-01T00:00:00Z. Either \
            all rows are imported or none. Importing a file twice changes nothing. An import \
            cannot be undone.

            Refused: rows that begin before every price book, and usage that Octroi metered \
            itself.

            Warnings name meters without a price, rows that overlap (both count), rows before \
            the start of the tenant's price book, rows in hours that octroi tenant assign moved \
            to another tenant, and invoices that billed the time already. Such an invoice does \
            not change; the tenant's next invoice has a correction.

            EXAMPLE
              octroi usage import gpu.csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The CSV file.")
    var file: String

    func run() throws { try show(place.app.importUsage(file).sheet, output.format) }
}
