import App
import ArgumentParser
import Reporting
import Units

/// `octroi limit history`: changes of limits, newest last (`App.limitHistory`).
///
/// With `--verify` or `--head` it checks the record instead of listing it.
struct LimitHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show who changed which limit, when, why, and whether it held.",
        discussion: """
            Each change has a hash, which covers the change and all changes before it. --verify \
            checks all hashes and prints the last one. Keep it in a safe place. Later, --head \
            HASH proves that the record was not rewritten. The system journal has the hashes, too.

            EXAMPLES
              octroi limit history
              octroi limit history acme --limit 20
              octroi limit history --verify
              octroi limit history --head 6f1c…
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("Show the last N changes.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Check that no change was altered, removed or reordered.")
    var verify = false

    @Option(help: ArgumentHelp("A head hash that an earlier --verify printed.", valueName: "hash"))
    var head: String?

    @Argument(help: "A tenant, a container or the path of a cgroup. Default: all.")
    var target: String?

    func run() throws {
        if verify || head != nil { return try check() }
        let sets = try place.app.limitHistory(of: target, most: limit ?? .max)
        try show(historySheet(sets), output.format)
    }

    /// Verifies the whole record (`App.verifyLimitHistory`).
    ///
    /// The newest hash goes to standard error, damage to standard output. A target and `--limit`
    /// have no effect.
    private func check() throws {
        let found = try place.app.verifyLimitHistory(head: head)
        if output.format != .table || !found.damage.isEmpty {
            try show(found.sheet, output.format)
        }
        if let fault = found.fault { throw fault }
    }
}
