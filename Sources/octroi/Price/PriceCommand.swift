import ArgumentParser
import Daemon
import Pricing
import Reporting
import Settings
import Store
import Units

struct PriceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "price", abstract: "Check and show prices.",
        discussion: """
            EXAMPLES
              octroi price show
              octroi price check prices.yaml
            """,
        subcommands: [PriceShow.self, PriceCheck.self], defaultSubcommand: PriceShow.self)
}

struct PriceCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a price file; nothing is written.",
        discussion: """
            EXAMPLE
              octroi price check prices.yaml
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A YAML file with books:.")
    var file: String

    func run() throws {
        let books = try ContractFiles(reading: [file]).books ?? []
        guard !books.isEmpty else {
            throw Fault(.badData, at: file, found: "no price book", cure: "Write a list of books:")
        }
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
                columns: ["book", "effective", "meter", "price", "per", "currency"],
                rows: books.flatMap { book in
                    book.meters.sorted { $0.key < $1.key }.map { meter, price in
                        [
                            .text(book.id), .time(book.effective), .text(meter),
                            .exact(price.amount.description), .text(price.per.description),
                            .text(book.currency.code),
                        ]
                    }
                }), output.format)
    }
}
