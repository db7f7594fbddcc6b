import ArgumentParser
import Reporting
import Store
import Units

struct InvoiceVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute issued invoices and walk their chain; exit 1 on any difference.",
        discussion: """
            Every line is computed anew from the ledger as it was and from the pinned prices, and \
            held against what is stored; every hash of the chain is computed anew. Whether the \
            ledger itself is as it was: octroi store verify.

            Who keeps the head that is printed elsewhere finds out, with --head, whether invoices \
            were cut off the end.

            EXAMPLES
              octroi invoice verify
              octroi invoice verify OCT-000001
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "All invoices: what is done without numbers, too.")
    var all = false

    @Option(help: "A head that was printed earlier: it must still be in the chain.")
    var head: String?

    @Argument(help: "Numbers of invoices. Default: all.")
    var numbers: [String] = []

    func run() throws {
        let store = try place.store(.read)
        var result = try store.verifyInvoices(numbers.isEmpty || all ? nil : numbers)
        if let head, try !store.hasSeal(head) {
            result.differences.append(InvoiceDifference(nil, "no invoice has the hash \(head)"))
        }
        try show(
            Sheet(
                columns: ["invoice", "difference"],
                rows: result.differences.map { [.optional($0.invoice), .text($0.found)] }),
            output.format)
        let hash = result.head.map { hex($0) }
        complain(
            "octroi: \(result.count) invoices recomputed, \(result.differences.count) differences"
                + (hash.map { "; head \($0)" } ?? ""))
        if result.unpinned > 0 {
            complain(
                "octroi: \(result.unpinned) of them were issued before what they rest on was kept: "
                    + "their sums and hashes alone were looked at")
        }
        if !result.differences.isEmpty { throw ExitCode(1) }
    }
}
