import Settings
import App
import ArgumentParser
import Glibc
import Reporting
import Synchronization
import Units

/// The options for the store and the configuration folder.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The store's file (or OCTROI_DB).", discussion: "Default: /var/lib/octroi/octroi.db.",
            valueName: "path"))
    var db: String?

    @Option(
        help: ArgumentHelp(
            "The config folder (or OCTROI_CONFIG).", discussion: "Default: /etc/octroi.",
            valueName: "dir"))
    var config: String?

    /// Refuses an empty path, which usually comes from an unset variable: `--db "$DB"`.
    func validate() throws {
        for (option, path) in [("--db", db), ("--config", config)] where path?.isEmpty == true {
            throw ValidationError("\(option): the path is empty. Give it one, or leave it out.")
        }
    }

    /// Octroi on this store; its notices go to standard error.
    ///
    /// It also warns of configuration files that every user may write.
    var app: App {
        warnOfOpenFiles(in: configFolder)
        return App(store: db ?? environment("OCTROI_DB"), configFolder: configFolder) {
            printError("octroi: \($0)")
        }
    }

    /// The configuration folder: `--config`, else `OCTROI_CONFIG`, else /etc/octroi.
    var configFolder: String { config ?? environment("OCTROI_CONFIG") ?? "/etc/octroi" }
}

/// Whether the warning about open files was given: a command may use `app` several times.
private let hasWarned = Atomic(false)

/// Warns once of configuration files that every user of the host may write.
private func warnOfOpenFiles(in folder: String) {
    guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
    for path in writableByAll(in: folder) {
        let name = escapingControlCharacters(path)
        printError("octroi: \(name): every user can change it. Run chmod o-w \(name)")
    }
}

/// The option for the output format of a sheet.
struct FormatOptions: ParsableArguments {
    @Option(help: "How to print: table (for people, may change), csv or json.")
    var format: Format = .table
}

extension Format: ExpressibleByArgument {}

/// The options for a period of whole ledger hours.
///
/// `App` interprets them, because months and days depend on the billing zone.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A month of the billing zone, such as 2026-11 (time_zone in octroi.yaml, or UTC).",
            valueName: "month"))
    var month: String?

    @Option(
        help: ArgumentHelp(
            "The start, inclusive: 2026-11-01T00:00:00Z, or a day of the billing zone: 2026-11-01.",
            valueName: "time"))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "The end, exclusive, written like --from. Default: the end of this hour.",
            valueName: "time"))
    var to: String?

    /// The options as they were written.
    var words: PeriodWords { PeriodWords(month: month, from: from, to: to) }
}

/// An environment variable; `nil` if it is not set or empty.
func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
