import App
import ArgumentParser
import Reporting
import Units

/// `octroi audit`: compares the ledger with the kernel's counters (`App.audit`).
///
/// The sheet is printed in any case. If anything is wrong, the worst of it follows as an error.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Prove that usage equals the kernel's counters, for each tenant root.",
        discussion: """
            Compares the ledger with the total of each tenant root, including containers that \
            have ended. Pending is usage between two readings of the tree; the next tick shows \
            which container used it.

            Price books, tenants and the owners of hours are compared with the ledger's chain. \
            Standard error lists what was changed without Octroi, time in which a priced meter \
            was not measured, and usage that was both metered and imported.

            The exit code is 1 on any difference, if usage counts twice, and if a kernel file \
            exists and could not be read. A controller that is off and a container on the host's \
            network are only listed: there is no counter to compare with.

            EXAMPLES
              octroi audit
              octroi audit --month 2026-10 --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var when: PeriodOptions

    func run() throws {
        let app = place.app
        let answer = try app.audit(over: app.givenPeriod(when.words))
        try show(answer.sheet, output.format)
        if let fault = answer.fault { throw fault }
    }
}
