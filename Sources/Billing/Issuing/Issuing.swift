import Store
import Invoicing
import Metering
import Pricing
import Units

/// Options for issuing invoices.
public struct IssueOptions: Sendable {
    /// The prefix of the numbers, such as `OCT`; numbers have no gaps.
    public var series: String
    /// The zone of the billing months.
    public var zone: BillingZone
    /// Who issues the invoices; `nil` if nobody is configured.
    public var seller: Parties.Party?
    /// The text about payment on the invoices.
    public var terms: String?
    /// What to do about known gaps in the metering.
    public var closing: ClosingPolicy
    /// Whether invoices that were credited in full are replaced by new ones.
    public var isAgain: Bool
    /// Whether a missing seller or customer address blocks the invoice.
    public var requiresParties: Bool

    /// Creates options; by default nothing is issued again and parties may be missing.
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

/// An invoice that bills a part of a period, or did until it was credited in full.
public struct InvoicedPeriod: Hashable, Sendable {
    public var tenant: String
    public var number: String
    /// Its own period.
    public var period: Period
    public var isCredited: Bool
}

extension Store {
    /// The invoices that issuing a period would make now, one after another.
    ///
    /// Usage of hours that are not closed yet counts.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` is all.
    ///   - isAgain: whether time whose invoice was credited in full is billed again.
    /// - Throws: for an unknown tenant, and as `issue` does for a period that cuts an invoice.
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

    /// The invoices that bill a part of a period, or did until they were credited in full.
    ///
    /// - Parameter tenant: only this tenant; `nil` is all.
    public func invoiced(
        over period: Period, tenant: String?
    ) throws(Fault) -> [InvoicedPeriod] {
        try reading { db in
            let issued = try IssuedInvoices(db, tenant: tenant)
            return try db.payers(tenant).flatMap { payer in
                let all = issued.covering(payer.id) + issued.uncovered(payer.id)
                return all.filter { $0.period.meets(period) }.map {
                    InvoicedPeriod(
                        tenant: payer.id, number: $0.number, period: $0.period,
                        isCredited: issued.isCredited($0.number))
                }
            }
        }
    }

    /// Issues the invoices of a period: all that are due, or none.
    ///
    /// The period's open rows of the ledger are closed first, so that invoices rest on sealed rows.
    /// If the period is partly invoiced, the rest of it is issued. Repeating the call changes
    /// nothing.
    ///
    /// - Parameters:
    ///   - period: the time to invoice.
    ///   - tenant: only this tenant; `nil` is all.
    ///   - now: the time of issue.
    /// - Returns: the new invoices and those that were there before.
    /// - Throws: `wrongUse` if the period cuts an invoice; `badData` for an unknown tenant, usage
    ///   without a price, or a gap that the policy blocks. Then nothing is written.
    public func issue(
        over period: Period, tenant: String?, at now: Instant, _ options: IssueOptions
    ) throws(Fault) -> IssuedNow {
        // The audit may take long and needs no lock, so it runs before the transaction.
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

/// The result of issuing a period.
public struct IssuedNow: Sendable {
    /// The documents of the period, those that were there before included.
    public var invoices: [Invoice]
    /// Caveats of tenants without an invoice, because there was nothing to bill.
    ///
    /// They say what was not measured. No document holds them, so the caller has to show them.
    public var unbilled: [(tenant: String, caveats: [MeteringCaveat])]
}

/// Issues the invoices of one period, in one transaction.
private struct Issuing {
    private let db: WriteTransaction
    private let period: Period
    private let now: Instant
    private let options: IssueOptions
    private let issued: IssuedInvoices
    private let drafting: Drafting
    private let books: [(row: Int64, book: PriceBook)]
    /// The ledger's newest entry, which all invoices name.
    private let ledger: Proof.Ledger
    private let checks: ClosingChecks
    /// Terms that were changed without Octroi, in words.
    private let changed: [String]
    /// The caveats of earlier stretches that are issued now; tenants share most of them.
    private var checksOfStretches: [Period: ClosingChecks] = [:]
    private var digests = PriceBookDigests()

    init(
        _ db: WriteTransaction, _ period: Period, _ now: Instant, _ options: IssueOptions,
        _ issued: IssuedInvoices, _ differences: [AuditRow], _ changed: [String]
    ) throws {
        (self.db, self.period, self.now, self.options) = (db, period, now, options)
        (self.issued, self.changed) = (issued, changed)
        drafting = try Drafting(db.reading, options.zone, issued, withOpen: false)
        books = try db.reading.priceBooks()
        ledger = try db.reading.ledgerHead()
        checks = try ClosingChecks(db.reading, period, differences, changed: changed, at: now)
    }

    /// Issues a tenant's invoices.
    ///
    /// Each stretch that is due makes one: open parts of the period, credited ones on demand, and
    /// earlier stretches that were invoiced when there was nothing to bill.
    ///
    /// - Returns: the invoices that were there before, and the new ones.
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
                // The invoice just issued counts for the following ones.
                let issued = try IssuedInvoices(db.reading, tenant: tenant.id)
                drafting = try Drafting(db.reading, options.zone, issued, withOpen: false)
            }
            let checks = closed.contains(part) ? try checks(of: part) : checks
            for draft in try drafting.drafts(of: tenant, over: part) {
                invoices.append(try write(draft, of: tenant, checks))
            }
        }
        return invoices
    }

    /// The caveats of an earlier stretch, which are on its own time.
    private mutating func checks(of stretch: Period) throws -> ClosingChecks {
        if let known = checksOfStretches[stretch] { return known }
        let differences = try db.reading.audit(over: stretch)
        let new = try ClosingChecks(db.reading, stretch, differences, changed: changed, at: now)
        checksOfStretches[stretch] = new
        return new
    }

    /// The caveats of tenants that get no invoice.
    ///
    /// - Throws: `badData` with the first caveat that the policy blocks.
    func unbilled(
        _ payers: [Tenant], _ invoices: [Invoice]
    ) throws -> [(tenant: String, caveats: [MeteringCaveat])] {
        let billed = Set(invoices.map(\.draft.tenant))
        return try payers.filter { !billed.contains($0.id) }.compactMap { tenant in
            let caveats = try checks.metering(of: tenant, options.closing)
            return caveats.isEmpty ? nil : (tenant.id, caveats)
        }
    }

    /// Writes a draft as an invoice, or as a credit note if its total is below zero.
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
        // Whatever the lines are: a document that gives money back is a credit note.
        let isCreditNote = prepared.draft.total < 0
        let series = isCreditNote ? "\(options.series)-CN" : options.series
        let invoice = Invoice(
            number: "", draft: prepared.draft, issued: now,
            status: isCreditNote ? .creditNote : .issued, zone: options.zone.description,
            parties: parties,
            caveats: try checks.caveats(for: prepared, of: tenant, options.closing),
            proof: Proof(ledger: ledger, hash: [], previous: []))
        return try db.issue(
            invoice, series: series, pinned: prepared.pinned, books: books, &digests)
    }
}

extension ReadTransaction {
    /// The tenants that are billed, by id.
    ///
    /// Removed tenants are included, as their usage is still billed.
    ///
    /// - Parameter tenant: only this tenant; `nil` is all.
    /// - Throws: `badData` for an unknown tenant.
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
    /// What an invoice between two firms needs and this one lacks; `nil` if nothing is missing.
    ///
    /// It needs a seller and the customer's address. Charges inside one firm need neither.
    public var missing: String? {
        if seller == nil { return "no seller (seller: in octroi.yaml)" }
        return buyer?.address == nil
            ? "no address of the customer (invoice_to: of the tenant)" : nil
    }
}
