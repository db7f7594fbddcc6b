import App
import ArgumentParser
import Reporting
import Units

/// `octroi price`: the commands for price books; without a verb, `show` is run.
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

/// `octroi price check`: reads a price file without applying it (`App.checkPrices`).
///
/// All mistakes are shown: the first as the command's error, the others before it.
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

    func run() throws { try show(place.app.checkPrices(file).sheet, output.format) }
}

/// `octroi price show`: all versions of all price books in the store (`App.prices`).
///
/// There is a row for each price, each monthly fee and each minimum charge.
struct PriceShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show all versions of the price books in the store.",
        discussion: """
            EXAMPLE
              octroi price show --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws { try show(place.app.prices(), output.format) }
}
