import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// How invoices are issued.
public struct IssueOptions: Sendable {
    /// The prefix of the numbers, which run without a gap.
    public var series: String
    public var zone: BillingZone
    public var seller: Parties.Party?
    /// What invoices say of payment.
    public var terms: String?
    public var closing: ClosingPolicy
    /// Whether credited invoices of the period are replaced by new ones.
    public var isAgain: Bool
    /// Whether nothing is issued without a seller and the customer's address.
    public var requiresParties: Bool

    public init(
        series: String, zone: BillingZone = .utc, seller: Parties.Party? = nil,
        terms: String? = nil, closing: ClosingPolicy = ClosingPolicy(), isAgain: Bool = false,
        requiresParties: Bool = false
    ) {
        (self.series, self.zone, self.seller, self.terms) = (series, zone, seller, terms)
        (self.closing, self.isAgain) = (closing, isAgain)
        self.requiresParties = requiresParties
    }
}

extension Store {
    /// What issuing the period would bill now, document by document.
    ///
    /// - Parameter isAgain: whether what was credited in full is billed anew.
    /// - Throws: as `issue` does for a period that cuts an invoice.
    public func drafts(
        over period: Period, tenant: String?, in zone: BillingZone = .utc, isAgain: Bool = false
    ) throws(Fault) -> [Draft] {
        try read { db in
            let issued = try IssuedInvoices(db, tenant: tenant, withOpen: true)
            let drafting = try Drafting(db, zone, issued, withOpen: true)
            return try payers(db, tenant).flatMap {
                try drafting.preview(of: $0, over: period, isAgain: isAgain)
            }
        }
    }

    /// The invoices that bill a part of a period, and those that did until they were credited in full.
    public func invoiced(
        over period: Period, tenant: String?
    ) throws(Fault) -> [(tenant: String, number: String, period: Period, isCredited: Bool)] {
        try read { db in
            let issued = try IssuedInvoices(db, tenant: tenant)
            return try payers(db, tenant).flatMap { payer in
                let all = issued.covering(payer.id) + issued.uncovered(payer.id)
                return all.filter { $0.period.meets(period) }.map {
                    (payer.id, $0.number, $0.period, issued.isCredited($0.number))
                }
            }
        }
    }

    /// Issues the invoices of a period: all that are due or none.
    ///
    /// Ledger rows of the period are closed first. An invoice that was issued before stays as it is
    /// and is handed back; what is left of a period that is partly invoiced is issued.
    public func issue(
        over period: Period, tenant: String?, at now: Instant, _ options: IssueOptions
    ) throws(Fault) -> IssuedNow {
        // Read by itself, as it may take long, and is not needed while the store is locked.
        let differences = try audit(over: period).filter { $0.difference != 0 }
        let changed = try verifyTerms()
        return try write { db in
            let payers = try payers(db, tenant)
            let issued = try IssuedInvoices(db, tenant: tenant, withOpen: false)
            let isDue = try payers.contains { payer in
                let plan = try issued.plan(payer.id, period)
                return !plan.open.isEmpty || (options.isAgain && !plan.credited.isEmpty)
            }
            if isDue { try closeRows(db, of: period, at: now) }
            var issuing = try Issuing(db, period, now, options, issued, differences, changed)
            let invoices = try payers.flatMap { try issuing.issue($0) }
            let unbilled = try issuing.unbilled(payers, invoices)
            if isDue {
                try closingTerms(db, at: now) {
                    try noteInvoiced(db, period, of: tenant, at: now)
                }
            }
            return IssuedNow(invoices: invoices, unbilled: unbilled)
        }
    }

    /// The billing zone of the newest invoice; `nil` before the first one.
    public func zoneOfLastInvoice() throws(Fault) -> String? {
        try read { db in
            try db.value(
                String.self, "SELECT zone FROM invoice ORDER BY issued_ms DESC, number DESC LIMIT 1"
            )
        }
    }

    /// The tenants with usage before a period that no invoice covers, and the hour it begins.
    public func uninvoiced(
        before period: Period, tenant: String?
    ) throws(Fault) -> [(tenant: String, since: Instant)] {
        try read { try uninvoicedUsage($0, before: period, tenant: tenant) }
    }

    /// Issued invoices and credit notes by number, with their lines.
    ///
    /// - Parameter period: the documents whose own period begins in it, as in report `invoices`: each is
    ///   in one month, however many it spans.
    public func invoices(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil
    ) throws(Fault) -> [Invoice] {
        try storeErrors(path) {
            var invoices: [Invoice] = []
            try forEachInvoice(number: number, tenant: tenant, over: period) { invoices.append($0) }
            return invoices
        }
    }

    /// The same, one after the other: no more than one is held.
    public func forEachInvoice(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil,
        _ body: (Invoice) throws -> Void
    ) throws {
        let numbers = try read { db in
            try db.values(
                String.self,
                """
                SELECT number FROM invoice
                WHERE (?1 IS NULL OR number = ?1) AND (?2 IS NULL OR tenant = ?2)
                    AND (?3 IS NULL OR (period_start_s >= ?3 AND period_start_s < ?4))
                ORDER BY series, sequence
                """,
                [number, tenant, period?.start.seconds, period?.end.seconds])
        }
        // What is issued never changes: each can be read by itself.
        for number in numbers { try body(try read { try loadInvoice($0, number) }) }
    }
}

/// What issuing a period came to.
public struct IssuedNow: Sendable {
    /// Those that were there already included.
    public var invoices: [Invoice]
    /// What was not measured of tenants that the period gave no invoice, as there was nothing to
    /// bill: no document says it.
    public var unbilled: [(tenant: String, notes: [Note])]
}

/// Issues the invoices of one period in one transaction.
private struct Issuing {
    private let db: Database
    private let period: Period
    private let now: Instant
    private let options: IssueOptions
    private let issued: IssuedInvoices
    private let drafting: Drafting
    private let books: [(row: Int64, book: PriceBook)]
    private let ledger: LedgerEntry
    private let checks: ClosingChecks
    private var definitions = PriceBookDigests()

    init(
        _ db: Database, _ period: Period, _ now: Instant, _ options: IssueOptions,
        _ issued: IssuedInvoices, _ differences: [AuditRow], _ changed: [String]
    ) throws {
        (self.db, self.period, self.now, self.options) = (db, period, now, options)
        self.issued = issued
        drafting = try Drafting(db, options.zone, issued, withOpen: false)
        books = try loadBooks(db)
        ledger = try LedgerEntry.last(db)
        checks = try ClosingChecks(db, period, differences, changed: changed, at: now)
    }

    /// The invoices of a tenant that were there already, and those that are issued now.
    ///
    /// Each stretch of the period that is not invoiced makes one; what was credited only on demand.
    /// So does an earlier period that was invoiced when there was nothing to bill yet.
    mutating func issue(_ tenant: Tenant) throws -> [Invoice] {
        let plan = try issued.plan(tenant.id, period)
        let (closed, open) = try drafting.due(
            tenant, plan.open + (options.isAgain ? plan.credited : []), in: period)
        let due = closed + open
        var invoices: [Invoice] = []
        for number in plan.there where !(options.isAgain && issued.isCredited(number)) {
            invoices.append(try loadInvoice(db, number))
        }
        var drafting = drafting
        for (index, part) in due.enumerated() {
            if index > 0 {
                // What has just been issued counts for the rest.
                let issued = try IssuedInvoices(db, tenant: tenant.id)
                drafting = try Drafting(db, options.zone, issued, withOpen: false)
            }
            let checks = closed.contains(part) ? try ClosingChecks(db, part, [], at: now) : checks
            for draft in try drafting.drafts(of: tenant, over: part) {
                invoices.append(try write(draft, of: tenant, checks))
            }
        }
        return invoices
    }

    /// What there is to say of tenants without an invoice.
    ///
    /// - Throws: if the policy blocks it.
    func unbilled(
        _ payers: [Tenant], _ invoices: [Invoice]
    ) throws -> [(tenant: String, notes: [Note])] {
        let billed = Set(invoices.map(\.draft.tenant))
        return try payers.filter { !billed.contains($0.id) }.compactMap { tenant in
            let notes = try checks.metering(of: tenant, options.closing)
            return notes.isEmpty ? nil : (tenant.id, notes)
        }
    }

    private mutating func write(
        _ prepared: PreparedDraft, of tenant: Tenant, _ checks: ClosingChecks
    ) throws -> Invoice {
        let parties = Parties(
            seller: options.seller, buyer: prepared.buyer, contract: prepared.contract,
            terms: options.terms)
        if options.requiresParties, let missing = parties.missing {
            throw Fault(
                .badData, at: "invoice of tenant \(prepared.draft.tenant) over \(period)",
                found: missing,
                cure: "Fill it in, or set closing: { parties: print } in octroi.yaml")
        }
        // Money that goes back to the tenant is a credit note, whatever made it.
        let isCreditNote = prepared.draft.total < 0
        let series = isCreditNote ? "\(options.series)-CN" : options.series
        let (number, sequence) = try nextNumber(db, series)
        var invoice = Invoice(
            number: number, draft: prepared.draft, issued: now,
            status: isCreditNote ? .creditNote : .issued, zone: options.zone.description,
            parties: parties, notes: try checks.notes(for: prepared, of: tenant, options.closing),
            proof: Proof(
                ledger: Proof.Ledger(entry: ledger.id, hash: ledger.hash), hash: [], previous: []))
        let hasMadeUp = prepared.pinned.contains { pinned in
            pinned.usage.contains { $0.billable != $0.quantity }
        }
        try insert(db, invoice, series, sequence, hasMadeUp: hasMadeUp, books: books)
        for pinned in prepared.pinned { try insert(db, pinned, of: number) }
        let (hash, previous) = try seal(db, number, &definitions)
        invoice.proof?.hash = hash
        invoice.proof?.previous = previous
        return invoice
    }
}

func payers(_ db: Database, _ tenant: String?) throws -> [Tenant] {
    let all = try loadTenants(db, withRemoved: true).sorted { $0.id < $1.id }
    guard let tenant else { return all }
    guard let one = all.first(where: { $0.id == tenant }) else {
        throw Fault(
            .badData, at: "tenant \(tenant)", found: "no such tenant",
            cure: "Add it to tenants.yaml and run octroi apply, or correct the name")
    }
    return [one]
}

/// Every period there can be.
let allTime =
    Period(start: beginningOfTime, end: Instant(seconds: 253_402_300_800))
    ?? Period(monthOf: beginningOfTime)

extension Parties {
    /// What an invoice between two firms names and this one does not; `nil` if nothing is missing.
    ///
    /// Charges within one house need neither.
    public var missing: String? {
        if seller == nil { return "no seller (seller: in octroi.yaml)" }
        return buyer?.address == nil
            ? "no address of the customer (invoice_to: of the tenant)" : nil
    }
}
