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
            Holds the ledger against the control totals: what the counter of each tenant root says \
            of all below it, the dead included. What ran while the tree was last read is pending: the next \
            reading shows whose it is. Exit code 1 on any difference.

            EXAMPLES
              octroi audit
              octroi audit --month 2026-10 --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var when: PeriodOptions

    func run() throws {
        let rows = try place.store(.read).audit(
            over: when.isGiven ? when.period(in: place.settings().zone) : nil)
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
        if let wrong = rows.first(where: { $0.difference != 0 }) {
            throw Fault(
                .failed, at: "\(wrong.root), \(wrong.meter)",
                found: "the ledger holds \(wrong.usage), the kernel counted \(wrong.kernel)",
                cure: "The store was changed by another hand, or this is a bug: report it with "
                    + "the output of octroi audit")
        }
    }
}
