import App
import ArgumentParser
import Glibc
import Reporting
import Units

/// `octroi store verify`: checks all hashes and checksums (`App.verifyStore`).
///
/// The newest hash of the ledger goes to standard error, damage to standard output.
struct StoreVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every hash of the ledger and every checksum of the samples.",
        discussion: """
            Names each row that was changed, added or deleted since its hour was closed, and \
            each damaged block of samples. It also finds price books, tenants, and tenants of \
            hours that were changed without Octroi. The exit code is 1 if anything is wrong.

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
        let app = place.app
        try conclude(watched { try app.verifyStore(head: head, progress: $0) }, output.format)
    }
}

/// `octroi store check`: `verify`, and the checks that SQLite itself makes (`App.checkStore`).
///
/// It reads the whole file.
struct StoreCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check everything: SQLite's pages, references, hashes and checksums.",
        discussion: """
            Does what octroi store verify does. In addition, SQLite checks its pages, indexes, \
            constraints and foreign keys. The exit code is 1 if anything is wrong.

            EXAMPLE
              octroi store check
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let app = place.app
        try conclude(watched { try app.checkStore(progress: $0) }, output.format)
    }
}

/// Runs a check and shows on a terminal how far it is.
///
/// The line is erased at the end, also after an error.
///
/// - Parameter check: takes a closure to call with the number of checked rows and blocks.
private func watched(
    _ check: ((Int64) -> Void) throws -> StoreFindings
) throws -> StoreFindings {
    let isWatched = isTerminal(STDERR_FILENO)
    defer { if isWatched { writeError("\r\u{1B}[K") } }
    return try check { count in
        if isWatched { writeError("\r\u{1B}[K\(count) rows and blocks checked") }
    }
}

/// Prints what is damaged, and ends with exit code 1 if anything is.
///
/// A table without damage is not printed; csv and json always are, because programs expect them.
private func conclude(_ found: StoreFindings, _ format: Format) throws {
    if format != .table || !found.sheet.rows.isEmpty { try show(found.sheet, format) }
    if let fault = found.fault { throw fault }
}
