import App
import ArgumentParser
import Glibc
import Reporting
import Units

/// `octroi store`: the commands for the store's file; without a verb, `info` is run.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Manage the store: size, checks, backups, pruning.",
        discussion: """
            The store is one SQLite file with two parts. Samples are the readings of the \
            counters; they are removed after some time (retention in octroi.yaml). The ledger is \
            usage by hour, with invoices, prices and tenants; it is kept for ever. When an hour \
            is over, a chain of hashes protects it from changes.

            EXAMPLES
              octroi store info
              octroi store check
              octroi store backup /backup/octroi.db
              octroi store prune --older-than 30d --plan
              octroi store adopt
            """,
        subcommands: [
            StoreShowInfo.self, StoreCheck.self, StoreVerify.self, StoreBackup.self,
            StorePrune.self, StoreRebuild.self, StoreAdopt.self,
        ], defaultSubcommand: StoreShowInfo.self)
}

/// `octroi store info`: sizes and ages of the store's tables (`App.storeInfo`).
struct StoreShowInfo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show sizes, bytes per sample, and the oldest and newest data.",
        discussion: """
            The size of a table includes its indexes. The command reads the whole file.

            EXAMPLES
              octroi store info
              octroi store info --format json
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        try show(place.app.storeInfo().sheet, output.format)
    }
}

/// `octroi store backup`: copies the store while it is in use (`App.backUpStore`).
///
/// The copy is verified afterwards, so a damaged store does not go unnoticed.
struct StoreBackup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the store into a new file while it is in use.",
        discussion: """
            The copy is the whole store at one moment. To read it, name it with --db. To restore \
            it, stop the daemon, remove the store and the files beside it that end with -wal and \
            -shm, put the copy in its place, run octroi store adopt, and start the daemon. A copy \
            changes no limits until octroi store adopt.

            EXAMPLE
              octroi store backup /backup/octroi-2026-11-23.db
            """)

    @OptionGroup var place: StoreOptions

    @Argument(help: "The file to write; it must not exist.")
    var file: String

    func run() throws { try place.app.backUpStore(to: file) }
}

/// `octroi store prune`: removes old samples by hand (`App.pruneStore`).
///
/// The collector prunes by itself, as `retention:` in octroi.yaml says.
struct StorePrune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove old samples; usage and invoices are kept.",
        discussion: """
            Removes the samples of whole hours. New samples reuse the space; the file does not \
            shrink. A running collector does the same by itself (retention in octroi.yaml).

            EXAMPLES
              octroi store prune --older-than 30d --plan
              octroi store prune --older-than 90d
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("Remove samples older than this.", valueName: "duration"))
    var olderThan: String

    @Flag(help: "Show what would be removed. Nothing is removed.")
    var plan = false

    func run() throws {
        let age = try milliseconds("--older-than", olderThan)
        try show(place.app.pruneStore(olderThan: age, isPlan: plan).sheet, output.format)
    }
}

/// `octroi store rebuild`: sums the ledger by days anew (`App.rebuildStore`).
struct StoreRebuild: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Compute the stored sums of days again.",
        discussion: """
            Queries over months use a stored sum of usage for each day, so they are fast. Run \
            this command once on a store that an earlier Octroi made, and after each change of \
            time_zone in octroi.yaml. It changes only the sums, not the ledger. Nobody else can \
            write to the store meanwhile: about 3 s for 7 million rows. Invoices do not use the \
            sums, and octroi store verify compares them with the ledger.

            EXAMPLE
              octroi store rebuild
            """)

    @OptionGroup var place: StoreOptions

    func run() throws { try output("\(place.app.rebuildStore()) sums of days\n") }
}
