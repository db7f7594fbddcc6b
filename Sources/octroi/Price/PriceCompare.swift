import App
import ArgumentParser
import Reporting
import Units

/// `octroi price compare`: what recorded usage costs by other price books (`App.comparePrices`).
///
/// The books come from files and are not applied.
struct PriceCompare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show what the same usage would cost under other price books.",
        discussion: """
            Amounts are before tax and without corrections. The tenant's present book is always \
            shown. If the files have the same book with other prices, both are shown. A meter \
            costs nothing and is listed as unpriced if a book has no price for it, or bills it by \
            limits that are not set. Nothing is written.

            EXAMPLES
              octroi price compare --month 2026-10 config/tariffs/*.yaml
              octroi price compare --month 2026-10 new-prices.yaml --format csv
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Argument(help: "YAML files with books:.")
    var files: [String]

    func run() throws {
        let app = which.app
        let found = try app.comparePrices(
            over: app.period(which.when.words), tenant: which.tenant, files: files)
        try show(found.sheet, output.format)
    }
}
