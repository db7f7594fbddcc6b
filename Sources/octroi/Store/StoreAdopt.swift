import ArgumentParser
import Daemon
import Store
import Units

struct StoreAdopt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract:
            "Let a copied, restored or moved store change limits on this host.",
        discussion: """
            A store belongs to one host and one file. A copied, restored or moved store meters, \
            imports and invoices as before, but it changes no limits. After octroi store adopt, \
            the daemon sets the limits that the store wants at its next tick: look at octroi \
            limit show first.

            EXAMPLE
              octroi store adopt
            """)

    @OptionGroup var place: StoreOptions

    func run() throws {
        // Only a store that is there can be adopted; for writing, it would be made.
        let known = try place.store(.read)
        let original = try known.original()
        let why = try Store(at: known.path, for: .write).adopt(at: Host.wallTime())
        guard let why else {
            try octroi.output("it is this host's own already; no change\n")
            return
        }
        try octroi.output(
            "adopted: \(escapingControlCharacters(why)); from now on it is this host's own\n")
        guard let original else { return }
        printError(
            "octroi: its original is still at \(escapingControlCharacters(original)), and is this host's own as well: "
                + "let only one of the two keep limits")
    }
}
