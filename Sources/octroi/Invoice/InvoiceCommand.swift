import ArgumentParser
import Daemon
import Invoicing
import Reporting
import Settings
import Store
import Units

struct InvoiceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoice", abstract: "Draft, issue, list, show and export invoices.",
        discussion: """
            EXAMPLES
              octroi invoice draft --month 2026-11
              octroi invoice issue --month 2026-10
              octroi invoice export --month 2026-10 > october.csv
            """,
        subcommands: [
            InvoiceList.self, InvoiceDraft.self, InvoiceIssue.self, InvoiceShow.self,
            InvoiceExport.self,
        ], defaultSubcommand: InvoiceList.self)
}

/// Which invoices.
struct InvoiceSelection: ParsableArguments {
    @OptionGroup var place: StoreOptions
    @OptionGroup var when: PeriodOptions

    @Option(help: "Only this tenant's.")
    var tenant: String?
}

struct InvoiceDraft: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft", abstract: "Show what invoices would be now; nothing is written.",
        discussion: """
            EXAMPLE
              octroi invoice draft --month 2026-11 --tenant acme
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    func run() throws {
        let store = try which.place.store(.read)
        let period = try which.when.period()
        let drafts = try store.drafts(over: period, tenant: which.tenant)
        for issued in try store.invoices(tenant: which.tenant, over: period)
        where issued.draft.period == period {
            complain(
                "octroi: tenant \(issued.draft.tenant) was invoiced for this period already, "
                    + "\(issued.number); its draft shows what the ledger says now")
        }
        try showInvoices(drafts.map { (nil, $0) }, output.format)
    }
}

struct InvoiceIssue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue the invoices of a period: all that are due, or none.",
        discussion: """
            An issued invoice never changes, and issuing again changes nothing. Usage that comes \
            to light later is on the tenant's next invoice, as a correction.

            EXAMPLES
              octroi invoice issue --month 2026-10
              octroi invoice issue --month 2026-10 --tenant acme --format csv
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    func run() throws {
        guard which.when.isGiven else {
            throw Fault(
                .wrongUse, at: "invoice issue", found: "no period",
                cure: "Name the month to invoice, such as --month 2026-10")
        }
        let period = try which.when.period()
        let now = Host.wallTime()
        guard period.start < now else {
            throw Fault(
                .wrongUse, at: "period \(period)", found: "it has not begun",
                cure: "Issue a period that is over")
        }
        if period.end > now {
            complain(
                "octroi: \(period) is not over: what is used after now goes on the next invoice, "
                    + "as a correction")
        }
        let invoices = try which.place.store(.write).issue(
            over: period, tenant: which.tenant, series: which.place.settings().series, at: now)
        let store = try which.place.store(.read)
        for open in try store.uninvoiced(before: period, tenant: which.tenant) {
            complain(
                "octroi: tenant \(open.tenant) has usage from \(open.since) on that no invoice "
                    + "covers: issue the months before this one too")
        }
        try show(invoiceSheet(invoices), output.format)
    }
}

struct InvoiceList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the issued invoices.",
        discussion: """
            EXAMPLE
              octroi invoice list --tenant acme --format csv
            """)

    @OptionGroup var which: InvoiceSelection
    @OptionGroup var output: FormatOptions

    func run() throws {
        let period = which.when.isGiven ? try which.when.period() : nil
        let invoices = try which.place.store(.read).invoices(tenant: which.tenant, over: period)
        try show(invoiceSheet(invoices), output.format)
    }
}

struct InvoiceShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one issued invoice with its lines.",
        discussion: """
            EXAMPLE
              octroi invoice show OCT-000001
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "The invoice's number.")
    var number: String

    func run() throws {
        let found = try place.store(.read).invoices(number: number)
        guard !found.isEmpty else { throw unknownInvoice(number) }
        try showInvoices(found.map { ($0.number, $0.draft) }, output.format)
    }
}

/// What `invoice export` writes.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case csv
    case json
}

struct InvoiceExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the lines of issued invoices as csv or json.",
        discussion: """
            EXAMPLES
              octroi invoice export --month 2026-10 > october.csv
              octroi invoice export OCT-000001 --format json
            """)

    @OptionGroup var which: InvoiceSelection

    @Option(help: "csv or json.")
    var format: ExportFormat = .csv

    @Argument(help: "Numbers of invoices. Default: all, or those of --month and --tenant.")
    var numbers: [String] = []

    func run() throws {
        let store = try which.place.store(.read)
        let period = which.when.isGiven ? try which.when.period() : nil
        var invoices: [Invoice] = []
        if numbers.isEmpty {
            invoices = try store.invoices(tenant: which.tenant, over: period)
        }
        for number in numbers {
            let found = try store.invoices(number: number, tenant: which.tenant, over: period)
            guard !found.isEmpty else { throw unknownInvoice(number) }
            invoices += found
        }
        let sheet = lineSheet(invoices.map { ($0.number, $0.draft) })
        try show(sheet, format == .csv ? .csv : .json)
    }
}

private func unknownInvoice(_ number: String) -> Fault {
    Fault(
        .badData, at: "invoice \"\(harmless(number))\"", found: "no such invoice",
        cure: "octroi invoice list shows them")
}

/// Prints the lines; a table also gets the totals of each invoice.
private func showInvoices(
    _ invoices: [(number: String?, draft: Draft)], _ format: Format
) throws(Fault) {
    guard format == .table else {
        try show(lineSheet(invoices), format)
        return
    }
    if invoices.isEmpty { try output("Nothing to invoice.\n") }
    for (index, invoice) in invoices.enumerated() {
        if index > 0 { try output("\n") }
        try show(invoiceTable(invoice.number, invoice.draft), .table)
    }
}
