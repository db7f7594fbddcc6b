import App
import ArgumentParser
import Reporting
import Units

/// `octroi invoice verify`: computes issued invoices again (`App.verifyInvoices`).
///
/// The exit code is 1 if any amount differs, or if the hash of `--head` is in no document.
/// Differences are printed as a sheet; the hash of the newest document goes to standard error.
struct InvoiceVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute issued invoices and check their chain; exit 1 on any difference.",
        discussion: """
            Computes every line again, from the usage and the prices that were known when the \
            invoice was issued, and compares it with the stored line. octroi store verify checks \
            that the stored usage itself is unchanged.

            Keep the printed hash in a safe place. Later, --head HASH proves that no invoice was \
            deleted.

            EXAMPLES
              octroi invoice verify
              octroi invoice verify OCT-000001
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Verify all invoices. This is the default.")
    var all = false

    @Option(help: "A head hash that an earlier verify printed: it must still be in the chain.")
    var head: String?

    @Argument(help: "Numbers of invoices. Default: all.")
    var numbers: [String] = []

    func run() throws {
        let result = try place.app.verifyInvoices(
            numbers.isEmpty || all ? nil : numbers, head: head)
        if output.format != .table || result.hasDifferences {
            try show(result.sheet, output.format)
        }
        if let fault = result.missingHead { throw fault }
        if result.hasDifferences { throw ExitCode(1) }
        if output.format == .table { try octroi.output(result.success + "\n") }
    }
}
