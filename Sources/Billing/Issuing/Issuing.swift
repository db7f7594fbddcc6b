import Store
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
        try reading { db in
            let issued = try IssuedInvoices(db, tenant: tenant, withOpen: true)
            let drafting = try Drafting(db, zone, issued, withOpen: true)
            return try db.payers(tenant).flatMap {
                try drafting.preview(of: $0, over: period, isAgain: isAgain)
            }
        }
    }

    /// The invoices that bill a part of a period, and those that did until they were credited in full.
    public func invoiced(
        over period: Period, tenant: String?
    ) throws(Fault) -> [(tenant: String, number: String, period: Period, isCredited: Bool)] {
        try reading { db in
            let issued = try IssuedInvoices(db, tenant: tenant)
            return try db.payers(tenant).flatMap { payer in
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
        return try writing { db in
            let payers = try db.reading.payers(tenant)
            let issued = try IssuedInvoices(db.reading, tenant: tenant, withOpen: false)
            let isDue = try payers.contains { payer in
                let plan = try issued.plan(payer.id, period)
                return !plan.open.isEmpty || (options.isAgain && !plan.credited.isEmpty)
            }
            if isDue { try db.closeRows(of: period, at: now) }
            var issuing = try Issuing(db, period, now, options, issued, differences, changed)
            let invoices = try payers.flatMap { try issuing.issue($0) }
            let unbilled = try issuing.unbilled(payers, invoices)
            if isDue {
                try db.closingTerms(at: now) {
                    try db.recordInvoiced(period, of: tenant, at: now)
                }
            }
            return IssuedNow(invoices: invoices, unbilled: unbilled)
        }
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
    private let db: WriteTransaction
    private let period: Period
    private let now: Instant
    private let options: IssueOptions
    private let issued: IssuedInvoices
    private let drafting: Drafting
    private let books: [(row: Int64, book: PriceBook)]
    private let ledger: Proof.Ledger
    private let checks: ClosingChecks
    private var digests = PriceBookDigests()

    init(
        _ db: WriteTransaction, _ period: Period, _ now: Instant, _ options: IssueOptions,
        _ issued: IssuedInvoices, _ differences: [AuditRow], _ changed: [String]
    ) throws {
        (self.db, self.period, self.now, self.options) = (db, period, now, options)
        self.issued = issued
        drafting = try Drafting(db.reading, options.zone, issued, withOpen: false)
        books = try db.reading.priceBooks()
        ledger = try db.reading.ledgerHead()
        checks = try ClosingChecks(db.reading, period, differences, changed: changed, at: now)
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
            invoices.append(try db.reading.invoice(number))
        }
        var drafting = drafting
        for (index, part) in due.enumerated() {
            if index > 0 {
                // What has just been issued counts for the rest.
                let issued = try IssuedInvoices(db.reading, tenant: tenant.id)
                drafting = try Drafting(db.reading, options.zone, issued, withOpen: false)
            }
            let checks =
                closed.contains(part)
                ? try ClosingChecks(db.reading, part, [], at: now) : checks
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
                problem: missing,
                suggestion: "Fill it in, or set closing: { parties: print } in octroi.yaml")
        }
        // Money that goes back to the tenant is a credit note, whatever made it.
        let isCreditNote = prepared.draft.total < 0
        let series = isCreditNote ? "\(options.series)-CN" : options.series
        let invoice = Invoice(
            number: "", draft: prepared.draft, issued: now,
            status: isCreditNote ? .creditNote : .issued, zone: options.zone.description,
            parties: parties, notes: try checks.notes(for: prepared, of: tenant, options.closing),
            proof: Proof(ledger: ledger, hash: [], previous: []))
        return try db.issue(
            invoice, series: series, pinned: prepared.pinned, books: books, &digests)
    }
}

extension ReadTransaction {
    /// The tenants that are billed, by id: those that were removed, too, as their usage is still billed.
    ///
    /// - Parameter tenant: only this one; `nil` is all.
    func payers(_ tenant: String?) throws -> [Tenant] {
        let all = try tenants(withRemoved: true).sorted { $0.id < $1.id }
        guard let tenant else { return all }
        guard let one = all.first(where: { $0.id == tenant }) else {
            throw Fault(
                .badData, at: "tenant \(tenant)", problem: "no such tenant",
                suggestion: "Add it to tenants.yaml and run octroi apply, or correct the name")
        }
        return [one]
    }
}

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
