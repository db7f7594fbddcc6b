import ArgumentParser
import Daemon
import Pricing
import Reporting
import Settings
import Store
import Units

struct PriceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "price", abstract: "Check, show and compare prices.",
        discussion: """
            EXAMPLES
              octroi price show
              octroi price check prices.yaml
              octroi price compare --month 2026-10 config/tariffs/*.yaml
            """,
        subcommands: [PriceShow.self, PriceCheck.self, PriceCompare.self],
        defaultSubcommand: PriceShow.self)
}

struct PriceCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a price file. Nothing is written.",
        discussion: """
            EXAMPLE
              octroi price check prices.yaml
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A YAML file with books:.")
    var file: String

    func run() throws {
        let files = try ContractFiles(checking: [file], in: place.settings().zone)
        if let first = files.faults.first {
            let shown = files.faults.dropFirst().prefix(20)
            for fault in shown { printError("octroi: \(fault)") }
            let more = files.faults.count - 1 - shown.count
            if more > 0 { printError("octroi: and \(more) more mistakes") }
            throw first
        }
        let books = try Self.books(files, of: file)
        for line in booksToCome(books, at: Host.wallTime()) { printError("octroi: \(line)") }
        try show(
            Sheet(
                columns: ["book", "effective", "prices", "currency"],
                rows: books.map {
                    [
                        .text($0.id), .time($0.effective), .integer(Int128($0.meters.count)),
                        .text($0.currency.code),
                    ]
                }), output.format)
    }

    /// The books of a file that is to have some.
    static func books(_ files: ContractFiles, of file: String) throws(Fault) -> [PriceBook] {
        guard let books = files.books, !books.isEmpty else {
            throw Fault(
                .badData, at: file, problem: "no price book", suggestion: "Write a list of books:")
        }
        return books
    }
}

/// What of price books begins so late that it may be a slip of the key, a line each.
func booksToCome(_ books: [PriceBook], at now: Instant) -> [String] {
    let soon = now.advanced(bySeconds: 366 * 86_400)
    return books.flatMap { book in
        let starts = book.effective > soon ? ["takes effect on \(book.effective)"] : []
        let discounts = book.discounts.compactMap(\.from).filter { $0 > soon }
            .map { "has a discount from \($0) on" }
        return (starts + discounts).map {
            "price book \(book.id) \($0), more than a year from now; correct it if that is a slip"
        }
    }
}

struct PriceShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the prices in the store, every version.",
        discussion: """
            EXAMPLE
              octroi price show --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let books = try place.store(.read).bookVersions()
        try show(
            Sheet(
                columns: [
                    "book", "effective", "meter", "price", "per", "currency", "tier", "up_to",
                    "flat", "mode", "basis", "free", "minimum_duration_s", "round_up",
                ], rows: books.flatMap(rows)), output.format)
    }

    /// One row a tier, then one a fee and the minimum.
    private func rows(_ book: PriceBook) -> [[Cell]] {
        func row(_ meter: String, _ price: String, _ per: String, _ rest: [Cell]) -> [Cell] {
            [
                .text(book.id), .time(book.effective), .text(meter), .exact(price), .text(per),
                .text(book.currency.code),
            ] + rest + Array(repeating: .none, count: 8 - rest.count)
        }
        let meters = book.meters.sorted { $0.key < $1.key }.flatMap { meter, price in
            price.tiers.enumerated().map { index, tier in
                row(
                    meter, tier.price.description, price.per.description,
                    [
                        price.tiers.count > 1 ? .integer(Int128(index + 1)) : .none,
                        tier.upTo.map { .exact($0.description) } ?? .none,
                        tier.flat.map { .exact($0.description) } ?? .none,
                        price.tiers.count > 1 ? .text(price.mode.rawValue) : .none,
                        .text(price.basis.rawValue), .optional(price.free?.description),
                        .optional(price.minimumSeconds.map { Int128($0) }),
                        .optional(price.step?.description),
                    ])
            }
        }
        return meters + book.fixed.map { row($0.code, $0.price.description, "month", []) }
            + (book.minimum.map { [row("minimum", $0.description, "month", [])] } ?? [])
    }
}
