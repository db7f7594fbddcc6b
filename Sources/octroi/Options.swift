import Settings
import App
import ArgumentParser
import Glibc
import Reporting
import Synchronization
import Units

/// Where the store and the config folder are.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The store (OCTROI_DB).", discussion: "Default: /var/lib/octroi/octroi.db.",
            valueName: "path"))
    var db: String?

    @Option(
        help: ArgumentHelp(
            "The config folder (OCTROI_CONFIG).", discussion: "Default: /etc/octroi.",
            valueName: "dir"))
    var config: String?

    func validate() throws {
        for (option, path) in [("--db", db), ("--config", config)] where path?.isEmpty == true {
            throw ValidationError("\(option): the path is empty. Give it one, or leave it out.")
        }
    }

    /// Octroi, whose notices go to standard error.
    var app: App {
        warnOfOpenFiles(in: configFolder)
        return App(store: db ?? environment("OCTROI_DB"), configFolder: configFolder) {
            printError("octroi: \($0)")
        }
    }

    var configFolder: String { config ?? environment("OCTROI_CONFIG") ?? "/etc/octroi" }
}

private let hasWarned = Atomic(false)

/// Says, once, which settings everybody on the host may change.
private func warnOfOpenFiles(in folder: String) {
    guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
    for path in writableByAll(in: folder) {
        printError(
            "octroi: \(escapingControlCharacters(path)): every user may write it, and so decide what it says; chmod o-w it"
        )
    }
}

/// How to print.
struct FormatOptions: ParsableArguments {
    @Option(help: "How to print: table (for people, may change), csv or json.")
    var format: Format = .table
}

extension Format: ExpressibleByArgument {}

/// A period of whole hours of the ledger.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A month, such as 2026-11, in the billing zone (time_zone: in octroi.yaml; UTC if it has none).",
            valueName: "month"))
    var month: String?

    @Option(
        help: ArgumentHelp(
            "The start, inclusive: 2026-11-01T00:00:00Z, or 2026-11-01, a day in the billing zone.",
            valueName: "time"))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "The end, exclusive; as --from. Without it, --from reaches to the end of this hour.",
            valueName: "time"))
    var to: String?

    /// What was named.
    var words: PeriodWords { PeriodWords(month: month, from: from, to: to) }
}

func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
