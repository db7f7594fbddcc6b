import ArgumentParser
import Invoicing
import Reporting
import Store
import Units

/// What `invoice export` writes.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case csv
    case json
}

struct InvoiceExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the lines of issued invoices as csv or json.",
        discussion: """
            EXAMPLES
              octroi invoice export --month 2026-10 > october.csv
              octroi invoice export OCT-000001 --format json
            """)

    @OptionGroup var which: InvoiceSelection

    @Option(help: "csv or json.")
    var format: ExportFormat = .csv

    @Argument(help: "Numbers of invoices. Default: all, or those of --month and --tenant.")
    var numbers: [String] = []

    func run() throws {
        let store = try which.place.store(.read)
        let period = try which.givenPeriod()
        var invoices: [Invoice] = []
        if numbers.isEmpty {
            invoices = try store.invoices(tenant: which.tenant, over: period)
        }
        for number in numbers {
            let found = try store.invoices(number: number, tenant: which.tenant, over: period)
            guard !found.isEmpty else { throw unknownInvoice(number) }
            invoices += found
        }
        let sheet = lineSheet(invoices.map { ($0.number, $0.draft) })
        try show(sheet, format == .csv ? .csv : .json)
    }
}
