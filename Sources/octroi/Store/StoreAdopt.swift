import App
import ArgumentParser
import Units

/// `octroi store adopt`: makes a copied or moved store this host's own (`App.adoptStore`).
///
/// Two stores that both change limits of one host would undo each other's changes. So a copy
/// changes none until an operator says which store is the right one.
struct StoreAdopt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract:
            "Let a copied, restored or moved store change limits on this host.",
        discussion: """
            A store belongs to one host and one file. A copied, restored or moved store meters, \
            imports and invoices as before, but it changes no limits. After octroi store adopt, \
            the daemon sets the desired limits of the store at its next tick. Check them first \
            with octroi limit show.

            EXAMPLE
              octroi store adopt
            """)

    @OptionGroup var place: StoreOptions

    func run() throws {
        guard let why = try place.app.adoptStore() else {
            return try output("this store already belongs to this host; no change\n")
        }
        try output(
            "adopted: \(escapingControlCharacters(why)); from now on it is this host's own\n")
    }
}
