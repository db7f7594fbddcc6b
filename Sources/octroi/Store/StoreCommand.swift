import ArgumentParser
import Daemon
import Glibc
import Reporting
import Store
import Units

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
            StorePrune.self, StoreAdopt.self,
        ], defaultSubcommand: StoreShowInfo.self)
}

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
        let store = try place.store(.read)
        try tellWhoseItIs(store)
        let info = try store.info()
        let rows = info.tables.map { table -> [Cell] in
            let each = table.samples.flatMap { samples in
                samples > 0 ? decimal(table.bytes * 10 / samples) : nil
            }
            return [
                .text(table.name), .integer(Int128(table.rows)), .integer(Int128(table.bytes)),
                .optional(table.samples.map { Int128($0) }), each.map { .exact($0) } ?? .none,
                table.oldest.map(Cell.time) ?? .none, table.newest.map(Cell.time) ?? .none,
            ]
        }
        try show(
            Sheet(
                columns: [
                    "table", "rows", "bytes", "samples", "bytes_per_sample", "oldest", "newest",
                ], rows: rows,
                title: "\(store.path): \(info.bytes) bytes, \(info.free) of them free; schema "
                    + "\(info.schema); "
                    + (store.whyNotOwn() == nil ? "this host's own" : "not this host's own")),
            output.format)
    }

    /// Tenths as decimal text.
    private func decimal(_ tenths: Int64) -> String { "\(tenths / 10).\(tenths % 10)" }
}

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

    func run() throws {
        try place.store(.read).backup(to: file)
        let found = try Store(at: file, for: .read).verify()
        guard found.damage.isEmpty else {
            throw Fault(
                .failed, at: escapingControlCharacters(file),
                problem: "the copy is whole, and damaged as the store is: "
                    + escapingControlCharacters(found.damage[0]),
                suggestion:
                    "octroi store check names all that is damaged; go on from an older backup")
        }
        printError(
            "octroi: \(escapingControlCharacters(file)): \(found.entries) ledger entries, all sound"
        )
    }
}

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
        let time = Instant(milliseconds: Host.wallTime().milliseconds - age)
        // Only a store that is there has something to prune.
        let store = try place.store(.read)
        let pruned =
            try plan
            ? store.prunable(before: time) : place.store(.write).prune(before: time)
        try show(
            Sheet(
                columns: ["samples", "blocks", "bytes", "ticks", "before", "done"],
                rows: [
                    [
                        .integer(Int128(pruned.samples)), .integer(Int128(pruned.blocks)),
                        .integer(Int128(pruned.bytes)), .integer(Int128(pruned.ticks)),
                        .time(time.startOfHour), .flag(!plan),
                    ]
                ]), output.format)
    }
}
