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
            A tenant root is a cgroup in which everything belongs to one tenant. The kernel \
            counts its total, including containers that have ended. octroi audit compares this \
            total (kernel) with the stored usage. Pending is usage that the next reading will \
            assign to a container.

            It also compares price books, tenants, and the tenants of all hours with the chain of \
            hashes. Standard error lists what was changed without Octroi, time in which a priced \
            meter was not measured, and usage that was both metered and imported.

            The exit code is 1 if there is any difference, if usage was both metered and \
            imported, or if a kernel file exists and could not be read. A controller that is off \
            and a container on the host's network are only listed: there is no counter to \
            compare with.

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
