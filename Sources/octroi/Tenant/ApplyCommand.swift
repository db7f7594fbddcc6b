import App
import ArgumentParser
import Reporting
import Units

/// `octroi apply`: brings YAML files into the store (`App.apply`).
///
/// A file that is applied twice changes nothing the second time, so it can be run by a
/// configuration management tool.
struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Load tenants, prices, limits and budgets from YAML: all or nothing.",
        discussion: """
            Prints what changes. Applying the same files again changes nothing. Tenants that no \
            file names stay as they are. The daemon sets the limits at its next reading of the \
            counters. Standard error names rules that can never match, and rules that are hidden \
            by the rule of an earlier tenant.

            EXAMPLES
              octroi apply                         the config folder's files
              octroi apply --plan prices.yaml      only say what would change
              octroi apply --reason "order 4711"   noted in octroi limit history
              octroi apply --accounting            turn on accounting of tenants' slices
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Show what would change. Nothing is written.")
    var plan = false

    @Option(help: "Why, for the record: octroi limit history shows it.")
    var reason: String?

    @Flag(help: "Turn on systemd's IO and memory accounting for tenants' slices.")
    var accounting = false

    @Flag(help: "Also allow slices of the host itself, or of logged-in users.")
    var force = false

    @Argument(
        help:
            "Files with tenants:, books:, limits:, budgets: or ladders:. Default: those of the config folder."
    )
    var files: [String] = []

    func run() throws {
        var request = ApplyRequest()
        (request.files, request.isPlan, request.reason) = (files, plan, reason)
        (request.turnsAccountingOn, request.isForced) = (accounting, force)
        try show(place.app.apply(request), output.format)
    }
}

/// Prints changes: as a table, one line for each, or `no change`.
func show(_ changes: Changes, _ format: Format) throws {
    guard format == .table else { return try show(changes.sheet, format) }
    let lines = changes.lines.isEmpty ? ["no change"] : changes.lines
    try output(lines.map { "\($0)\n" }.joined())
}
