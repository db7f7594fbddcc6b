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
            The store is one SQLite file. It holds the samples, which are sealed by the hour and \
            pruned, and the ledger, which is closed by the hour into a chain of hashes and kept \
            for ever.

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
            Bytes are the pages of a table and its indexes. The command reads every page.

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
            The copy is the whole store at one moment. It is a store itself: name it with --db, \
            or put it in the place of a lost one while no collector runs. It changes no limits \
            until octroi store adopt.

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
            Removes whole hours that are sealed. New samples use the space again; the file does \
            not shrink. A running collector does the same (retention in octroi.yaml).

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
        commandName: "rebuild", abstract: "Sum the ledger by days anew.",
        discussion: """
            Usage over months is answered from one sum for each day, which is made as the hours of \
            the day close. Run this once on a store that an earlier Octroi made, and after a \
            change of time_zone in octroi.yaml. It reads the ledger and changes nothing in it. \
            Nobody else can write meanwhile: about 3 s for 7 million rows. Invoices never read \
            the sums, and octroi store verify compares them with the ledger.

            EXAMPLE
              octroi store rebuild
            """)

    @OptionGroup var place: StoreOptions

    func run() throws { try output("\(place.app.rebuildStore()) sums of days\n") }
}
