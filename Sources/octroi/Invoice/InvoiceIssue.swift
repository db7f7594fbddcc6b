import ArgumentParser
import Daemon
import Invoicing
import Metering
import Reporting
import Settings
import Billing
import Store
import Units

struct InvoiceDraft: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Show what would be invoiced now. Nothing is written.",
        discussion: """
            Shows what octroi invoice issue would bill for the period. Standard error lists \
            invoices that bill a part of it already, and the caveats that the new ones would \
            carry. A period that cuts an issued invoice is refused.

            EXAMPLE
              octroi invoice draft --month 2026-11 --tenant acme
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Flag(help: "Include what was credited in full, as issue --again bills it anew.")
    var again = false

    func run() throws {
        let store = try which.place.store(.read)
        let period = try which.period()
        let settings = try which.place.settings()
        try warnOfOtherZone(than: settings.zone, in: store)
        let drafts = try store.drafts(
            over: period, tenant: which.tenant, in: settings.zone, isAgain: again)
        try sayInvoiced(store, period)
        try showInvoices(drafts.map { (nil, $0) }, output.format)
        let notes = try store.closingNotes(
            over: period, tenant: which.tenant, at: Host.wallTime())
        say(
            notes.common.map { "\($0.kind.rawValue): \($0.text)" }
                + notes.tenants.flatMap { tenant, notes in
                    notes.map { "tenant \(tenant), \($0.kind.rawValue): \($0.text)" }
                })
        try sayMissing(of: drafts, settings.issueOptions(), store)
    }

    /// What `closing: { parties: block }` stops and `print` warns of.
    private func sayMissing(
        of drafts: [Draft], _ options: IssueOptions, _ store: Store
    ) throws(Fault) {
        let drafted = Set(drafts.map(\.tenant))
        let tenants = try store.tenants(withRemoved: true).filter { drafted.contains($0.id) }
        let missing = tenants.compactMap { tenant in
            Parties(seller: options.seller, buyer: tenant.party).missing
                .map { "tenant \(tenant.id), parties: \($0)" }
        }
        say(missing, elsewhere: "octroi.yaml, tenants.yaml")
    }

    /// What is not in the drafts, as it was billed before.
    private func sayInvoiced(_ store: Store, _ period: Period) throws {
        let all = try store.invoiced(over: period, tenant: which.tenant)
            .filter { !($0.isCredited && again) }
        let groups = Dictionary(grouping: all) { "\($0.tenant) \($0.isCredited)" }
        let notes = groups.sorted { $0.key < $1.key }.compactMap { _, invoices -> String? in
            guard let first = invoices.first, let last = invoices.last else { return nil }
            let numbers =
                invoices.count == 1
                ? first.number
                : "\(invoices.count) invoices from \(first.number) to \(last.number)"
            let time = invoices.count == 1 ? "\(first.period)" : "parts of this period"
            return "tenant \(first.tenant) was invoiced for \(time) already, \(numbers)"
                + (first.isCredited
                    ? ", credited in full: --again drafts \(invoices.count == 1 ? "it" : "them") anew"
                    : "; what came to light since is on its next invoice")
        }
        say(notes, elsewhere: "octroi invoice list")
    }
}

/// Prints notes on stderr, 20 lines at most.
private func say(
    _ notes: [String], elsewhere: String = "octroi report unmetered, octroi audit"
) {
    for line in notes.prefix(20) { printError("octroi: \(line)") }
    if notes.count > 20 { printError("octroi: and \(notes.count - 20) more: \(elsewhere)") }
}

/// Where an open month is cut.
enum IssueEnd: String, CaseIterable, ExpressibleByArgument {
    case now
}

struct InvoiceIssue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue all invoices that are due for a period, or none.",
        discussion: """
            An issued invoice never changes, and issuing again changes nothing. Usage that \
            arrives later is corrected on the tenant's next invoice.

            Price books, tenants and the owners of hours are compared with the ledger's chain \
            first. If they were changed without Octroi, nothing is issued (closing: { audit: \
            print } prints it on the invoices instead). octroi store verify checks the rows of \
            usage as well, which takes longer.

            --until is needed only while the month is still running: --until now issues it up to \
            the end of this hour. Issuing the month later bills the rest.

            EXAMPLES
              octroi invoice issue --month 2026-10
              octroi invoice issue --month 2026-10 --tenant acme --format csv
              octroi invoice issue --month 2026-11 --until now
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    @Option(help: "now: issue a month that is not over, up to the end of this hour.")
    var until: IssueEnd?

    @Flag(help: "Issue again what was credited in full.")
    var again = false

    func run() throws {
        guard which.when.isGiven else {
            throw Fault(
                .wrongUse, at: "invoice issue", problem: "no period",
                suggestion: "Name the month to invoice, such as --month 2026-10")
        }
        let settings = try which.place.settings()
        try settings.seller.refuseExample(in: which.place.configFolder)
        let now = Host.wallTime()
        let period = try due(try which.period(), now)
        let writer = try which.place.store(.write)
        try warnOfOtherZone(than: settings.zone, in: writer)
        let issued = try writer.issue(
            over: period, tenant: which.tenant, at: now, settings.issueOptions(isAgain: again))
        let invoices = issued.invoices
        for invoice in invoices where invoice.issued == now {
            for note in invoice.notes where note.kind != .assurance {
                printError("octroi: \(invoice.number), \(note.kind.rawValue): \(note.text)")
            }
        }
        sayUnbilled(issued)
        warnOfMissingParties(invoices.filter { $0.issued == now })
        let store = try which.place.store(.read)
        for open in try store.uninvoiced(before: period, tenant: which.tenant) {
            printError(
                "octroi: tenant \(open.tenant) has usage from \(open.since) on that no invoice "
                    + "covers: issue the time before \(period.start), too")
        }
        try show(invoiceSheet(invoices), output.format)
    }

    /// What was not measured of tenants without an invoice stands on no document.
    private func sayUnbilled(_ issued: IssuedNow) {
        say(
            issued.unbilled.flatMap { tenant, notes in
                notes.map { "tenant \(tenant), not invoiced, \($0.kind.rawValue): \($0.text)" }
            })
    }

    /// A numbered document never changes: whoever sends it outside should know what it lacks.
    private func warnOfMissingParties(_ invoices: [Invoice]) {
        let missing = invoices.compactMap { invoice in
            invoice.parties.missing.map { "\(invoice.number): \($0)" }
        }
        for line in missing.prefix(5) { printError("octroi: \(line)") }
        if missing.count > 5 { printError("octroi: and \(missing.count - 5) more like these") }
    }

    private func due(_ period: Period, _ now: Instant) throws(Fault) -> Period {
        guard period.start < now else {
            throw Fault(
                .wrongUse, at: "period \(period)", problem: "it has not begun",
                suggestion: "Issue a period that has ended")
        }
        guard period.end > now else { return period }
        let hour = now.startOfHour.advanced(bySeconds: 3600)
        guard until == .now, let part = Period(start: period.start, end: min(period.end, hour))
        else {
            throw Fault(
                .wrongUse, at: "period \(period)", problem: "it is not over yet",
                suggestion: "octroi invoice draft shows it; add --until now to issue what there is")
        }
        return part
    }
}
