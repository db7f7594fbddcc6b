import App
import ArgumentParser
import Reporting
import Units

/// `octroi limit undo`: restores the values before a change (`App.undoLimits`).
///
/// A number names the change. Any other word names a tenant or container, whose last change is
/// undone.
struct LimitUndo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo",
        abstract: "Restore the values before a change, unless somebody changed them since.",
        discussion: """
            EXAMPLES
              octroi limit undo acme          its last change
              octroi limit undo 12            change 12 of octroi limit history
            """)

    @OptionGroup var tree: TreeOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(
        help: ArgumentHelp(
            "Lower memory below what is in use (the kernel may kill processes). For a boost: end "
                + "it, and keep a value that somebody changed since."))
    var force = false

    @Argument(help: "A change's number, or a tenant or container, for its last change.")
    var change: String

    func run() throws {
        let done = try tree.app.undoLimits(
            change, tree.options(reason: reason, isForced: force))
        try show(done.sheet, output.format)
    }
}

/// `octroi limit expire`: ends boosts whose time is over (`App.expireBoosts`).
///
/// The timers that a boost starts in systemd run it, so the help does not list it. An error in one
/// boost does not keep the others from ending.
struct LimitExpire: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract: "End the boosts whose time is over; systemd's timers run it.",
        shouldDisplay: false)

    @OptionGroup var tree: TreeOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let (ended, fault) = try tree.app.expireBoosts(tree.options())
        for change in ended { try show(change.sheet, output.format) }
        if let fault { throw fault }
    }
}
