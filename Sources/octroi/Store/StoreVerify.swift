import ArgumentParser
import Glibc
import Reporting
import Store
import Units

struct StoreVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every hash of the ledger and every checksum of the samples.",
        discussion: """
            Names each row that was changed, added or deleted since its hour was closed, and \
            each block of samples that is damaged. Price books, tenants and the owners of hours \
            have to be as Octroi wrote them. The exit code is 1 if anything is wrong.

            Keep the printed hash in a safe place. Later, --head HASH proves that the ledger was \
            not rewritten.

            EXAMPLES
              octroi store verify
              octroi store verify --head 6f1c…
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("A head hash that an earlier verify printed.", valueName: "hash"))
    var head: String?

    func run() throws {
        if let head { try checkHash(head) }
        let store = try place.store(.read)
        let found = try verified(store, head: head)
        try showDamage(found.damage, output.format)
        try conclude(found, [])
        if let head, !found.hasHead { throw noSuchHash(head, "ledger entry", in: store) }
    }
}

struct StoreCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check everything: SQLite's pages, references, hashes and checksums.",
        discussion: """
            Does what store verify does, and lets SQLite check its pages, indexes, constraints \
            and foreign keys. The exit code is 1 if anything is wrong.

            EXAMPLE
              octroi store check
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let store = try place.store(.read)
        let integrity = try store.integrity()
        let found = try verified(store, head: nil)
        try showDamage(integrity + found.damage, output.format)
        try conclude(found, integrity)
    }
}

/// Verifies with a line of progress on a terminal.
private func verified(_ store: Store, head: String?) throws(Fault) -> Verification {
    let isWatched = isTerminal(STDERR_FILENO)
    defer { if isWatched { writeError("\r\u{1B}[K") } }
    return try store.verify(head: head) { count in
        if isWatched { writeError("\r\u{1B}[K\(count) rows and blocks checked") }
    }
}

private func showDamage(_ damage: [String], _ format: Format) throws(Fault) {
    if format == .table, damage.isEmpty { return }
    try show(Sheet(columns: ["damage"], rows: damage.map { [.text($0)] }), format)
}

/// Says what was looked at, and ends with 1 if anything is wrong.
private func conclude(_ found: Verification, _ integrity: [String]) throws {
    printError(
        "octroi: \(found.entries) ledger entries, \(found.rows) rows and \(found.blocks) blocks "
            + "checked, \(found.open) rows of usage not closed yet; the last hash is \(found.head)")
    let count = found.damage.count + integrity.count
    guard count > 0 else { return }
    throw Fault(
        .failed, at: "the store", problem: "\(count) places are not as they were written",
        suggestion: "Keep the file as it is for whoever looks into it, and go on from a backup")
}
