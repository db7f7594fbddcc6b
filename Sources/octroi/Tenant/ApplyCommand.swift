import ArgumentParser
import Daemon
import Reporting
import Settings
import Store

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Load tenants and prices from YAML into the store: all or nothing.",
        discussion: """
            Prints what changes; applying the same files again changes nothing. Tenants that no \
            file names stay as they are.

            EXAMPLES
              octroi apply                         the config folder's files
              octroi apply --plan prices.yaml      only say what would change
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Say what would change and change nothing.")
    var plan = false

    @Argument(help: "Files with tenants: or books:. Default: those of the config folder.")
    var files: [String] = []

    func run() throws {
        let paths = files.isEmpty ? try ContractFiles.files(in: place.configFolder) : files
        let read = try ContractFiles(reading: paths)
        let contract = Contract(tenants: read.tenants, books: read.books)
        let changes = try place.store(.write).apply(contract, isPlan: plan, at: Host.wallTime())
        if output.format == .table {
            try octroi.output(
                (changes.isEmpty ? ["no change"] : changes).map { "\($0)\n" }.joined())
        } else {
            try show(Sheet(columns: ["change"], rows: changes.map { [.text($0)] }), output.format)
        }
        if plan { complain("octroi: this was a plan; nothing was written") }
    }
}
