import ArgumentParser
import Invoicing
import Pricing
import Reporting
import Settings
import Billing
import Store
import Units

struct PriceCompare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show what the same usage would cost under other price books.",
        discussion: """
            Amounts are before tax and without corrections. A tenant's own book is shown once, \
            and again only if the file has other prices than those applied. Meters that a book \
            does not price, or that it bills by limits which are not set, cost nothing there and \
            are listed as unpriced. Nothing is written.

            EXAMPLES
              octroi price compare --month 2026-10 config/tariffs/*.yaml
              octroi price compare --month 2026-10 new-prices.yaml --format csv
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Argument(help: "YAML files with books:.")
    var files: [String]

    func run() throws {
        let zone = try which.place.settings().zone
        let books = try files.flatMap { file in
            try PriceCheck.books(ContractFiles(reading: [file], in: zone), of: file)
        }
        for (index, book) in books.enumerated()
        where books[..<index].contains(where: { $0.id == book.id && $0.effective == book.effective }
        ) {
            throw Fault(
                .badData, at: "price book \(book.id)", problem: "two of the files contain it",
                suggestion: "Give one of them another id")
        }
        try show(
            Self.sheet(which.place.store(.read), over: which.period(), which.tenant, books, zone),
            output.format)
    }

    static let reportName = "price-compare"
    static let reportTitle = "What the same usage would cost"

    /// What usage costs by each tenant's own book and by others.
    static func sheet(
        _ store: Store, over period: Period, _ tenant: String?, _ books: [PriceBook],
        _ zone: BillingZone
    ) throws(Fault) -> Sheet {
        let found = try store.compare(over: period, tenant: tenant, books, in: zone)
        return Sheet(
            columns: ["tenant", "book", "own", "net", "currency", "exact_net", "unpriced"],
            rows: found.map { comparison in
                let draft = comparison.draft
                let exact = draft.lines.reduce(Rational.zero) { $0 + $1.exactAmount }
                let unpriced = Set(draft.lines.filter { $0.kind == .unpriced }.compactMap(\.meter))
                return [
                    .text(comparison.tenant), .text(comparison.book),
                    .flag(comparison.isOwn), .exact(draft.currency.text(draft.net)),
                    .text(draft.currency.code), .fraction(exact),
                    unpriced.isEmpty ? .none : .text(unpriced.sorted().joined(separator: " ")),
                ]
            }, notInTable: ["exact_net"])
    }
}
