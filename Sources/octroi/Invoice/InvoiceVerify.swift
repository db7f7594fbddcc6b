import ArgumentParser
import Reporting
import Billing
import Store
import Units

struct InvoiceVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute issued invoices and check their chain; exit 1 on any difference.",
        discussion: """
            Computes every line again from the ledger as it was and the price books of that day, \
            and compares it with what is stored. octroi store verify checks whether the ledger \
            itself is unchanged.

            Keep the printed hash in a safe place. Later, --head HASH proves that no invoice was \
            deleted.

            EXAMPLES
              octroi invoice verify
              octroi invoice verify OCT-000001
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "All invoices. This is the default.")
    var all = false

    @Option(help: "A head hash that an earlier verify printed: it must still be in the chain.")
    var head: String?

    @Argument(help: "Numbers of invoices. Default: all.")
    var numbers: [String] = []

    func run() throws {
        if let head { try checkHash(head) }
        let store = try place.store(.read)
        let result = try store.verifyInvoices(numbers.isEmpty || all ? nil : numbers)
        if output.format != .table || !result.differences.isEmpty {
            try show(
                Sheet(
                    columns: ["invoice", "difference"],
                    rows: result.differences.map { [.optional($0.invoice), .text($0.found)] }),
                output.format)
        }
        let hash = result.head.map { hex($0) }
        printError(
            "octroi: \(result.count) invoices recomputed, \(result.differences.count) differences"
                + (hash.map { "; head \($0)" } ?? ""))
        if result.unpinned > 0 {
            printError(
                "octroi: \(result.unpinned) of them were issued before what they rest on was kept: "
                    + "their sums and hashes alone were looked at")
        }
        if !result.differences.isEmpty { throw ExitCode(1) }
        if let head, try !store.hasSeal(head) { throw noSuchHash(head, "invoice", in: store) }
        if output.format == .table { try octroi.output(success(result)) }
    }

    private func success(_ result: InvoiceVerification) -> String {
        switch result.count {
        case 0: "no invoice has been issued: nothing to verify\n"
        case 1: "1 invoice verified: all figures agree\n"
        default: "\(result.count) invoices verified: all figures agree\n"
        }
    }
}
