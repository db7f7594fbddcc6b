import ArgumentParser
import Metering
import Reporting
import Settings
import Store
import Units

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
        let store = try place.store(.read)
        let period = try when.isGiven ? when.period(in: place.settings().zone) : nil
        let rows = try store.audit(over: period)
        let unmeasured = try store.unmeasured(over: period)
        try show(
            Sheet(
                columns: [
                    "tenant", "root", "meter", "kernel", "usage", "pending", "difference",
                ],
                rows: rows.map { row in
                    [
                        .text(row.tenant ?? Tenant.unattributed), .text(row.root),
                        .text(row.meter.name), .integer(row.kernel), .integer(row.usage),
                        .integer(row.pending), .integer(row.difference),
                    ]
                }), output.format)
        if try !store.wasMetered(over: period) {
            let time = period.map { "between \($0.start) and \($0.end)" } ?? "ever"
            printError("octroi: nothing was metered \(time): there is nothing to compare")
        }
        for line in unmeasured.prefix(20) {
            printError("octroi: tenant \(line.tenant), \(line.text)")
        }
        if unmeasured.count > 20 {
            printError("octroi: and \(unmeasured.count - 20) more: octroi report unmetered")
        }
        let twice = try store.countedTwice(over: period)
        for line in twice.prefix(20) { printError("octroi: tenant \(line.tenant), \(line.text)") }
        if twice.count > 20 { printError("octroi: and \(twice.count - 20) more like these") }
        let damage = try store.verifyTerms()
        for line in damage { printError("octroi: \(line)") }
        if !damage.isEmpty {
            throw Fault(
                .failed, at: "the store",
                problem: damage.count == 1
                    ? "1 place that decides an amount is not as it was written"
                    : "\(damage.count) places that decide amounts are not as they were written",
                suggestion:
                    "Keep the file as it is for whoever looks into it, and go on from a backup; "
                    + "octroi apply --plan says where tenants and prices differ from your files")
        }
        if let wrong = rows.first(where: { $0.difference != 0 }) {
            throw Fault(
                .failed, at: "\(wrong.root), \(wrong.meter)",
                problem: "the ledger holds \(wrong.usage), the kernel counted \(wrong.kernel)",
                suggestion:
                    "Something other than Octroi changed the store, or this is a bug: report it with "
                    + "the output of octroi audit")
        }
        if let first = twice.first {
            throw Fault(
                .failed, at: "audit",
                problem: "\(escapingControlCharacters(first.container)), \(first.meter)"
                    + (twice.count == 1 ? "" : " and \(twice.count - 1) more, listed above,")
                    + ": metered and imported for the same time, so billed twice",
                suggestion:
                    "Give the imported hours to a tenant that is not to be invoiced: octroi tenant assign "
                    + "TENANT --container NAME --imported --from TIME")
        }
        let faults = unmeasured.filter(\.isFault)
        if let first = faults.first {
            throw Fault(
                .failed, at: escapingControlCharacters(first.container),
                problem: "\(faults.count) times that price books price were not measured",
                suggestion: "Fix the causes above; octroi report unmetered lists them all")
        }
    }
}
