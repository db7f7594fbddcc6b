import Store
import Invoicing
import Metering
import Pricing
import Units

/// A draft with everything that its invoice will rest on.
struct PreparedDraft {
    var draft: Draft
    /// The usage that it was computed from: of its own time, and of the invoices it was rated with.
    var pinned: [PinnedUsage] = []
    /// How far the quantities of its own time can be trusted.
    var assured = AssuredUsage()
    /// When fees are due by the tenant's dates in force now.
    var contract: ContractTime
    /// The tenant as the buyer.
    var buyer: Parties.Party
}

/// Makes the drafts of tenants, for previews and for issuing.
///
/// 1. `due` finds the stretches of time that have to be billed.
/// 2. `newGroup` joins a stretch with the invoices that share its months, and `lateGroups` finds
///    other months that need corrections.
/// 3. `rate` reads the usage of each group and subtracts what was billed.
/// 4. A `Draft` rounds the lines that are due.
struct Drafting {
    let db: ReadTransaction
    /// The price book versions in force.
    let books: PriceBooks
    /// Sums up the ledger's rows.
    let sweep: UsageSweep
    let zone: BillingZone
    /// The invoices so far; a preview adds its drafts to them.
    private(set) var issued: IssuedInvoices

    /// Reads what all drafts need.
    ///
    /// - Parameters:
    ///   - issued: the invoices so far.
    ///   - withOpen: whether rows that are not closed yet count. Previews count them; invoices do
    ///     not.
    init(
        _ db: ReadTransaction, _ zone: BillingZone, _ issued: IssuedInvoices, withOpen: Bool
    ) throws {
        self.db = db
        self.zone = zone
        self.issued = issued
        books = try PriceBooks(db.priceBooks().map(\.book))
        sweep = try UsageSweep(db, withOpen: withOpen ? .allTime : nil)
    }

    /// The drafts that issuing a period would turn into invoices, one after another.
    ///
    /// - Parameter isAgain: whether time whose invoice was credited in full is billed again.
    func preview(of tenant: Tenant, over period: Period, isAgain: Bool) throws -> [Draft] {
        let plan = try issued.plan(tenant.id, period)
        let due = try self.due(tenant, plan.open + (isAgain ? plan.credited : []), in: period)
        var (drafting, drafts) = (self, [Draft]())
        for part in due.closed + due.open {
            for prepared in try drafting.drafts(of: tenant, over: part) {
                drafts.append(prepared.draft)
                // Later drafts count this one as issued, as they would if it were.
                drafting.issued.add(prepared)
            }
        }
        return drafts
    }

    /// The drafts for a stretch of a tenant's time.
    ///
    /// They also correct earlier invoices with what has become known since. There is one draft or
    /// none, and one more for each other currency that has corrections.
    ///
    /// - Parameter period: a stretch that no invoice covers.
    /// - Throws: `badData` if the tenant has something to pay and no price book, or as `rate` does.
    func drafts(of tenant: Tenant, over period: Period) throws -> [PreparedDraft] {
        let joined = issued.sharing(zone.months(touching: period), tenant.id)
        let late = try lateGroups(of: tenant.id, besides: joined)
        let isDue = try self.isDue(tenant, period)
        let isBilled = try self.isBilled(tenant, period)
        guard isDue || isBilled || !joined.isEmpty || !late.isEmpty else { return [] }
        guard let id = tenant.priceBook else {
            if !isDue, late.isEmpty { return [] }
            throw Fault(
                .badData, at: "tenant \(tenant.id)",
                problem: "it has usage to bill, but no price book",
                suggestion: "Name one as price_book in tenants.yaml and run octroi apply")
        }
        let group = try newGroup(tenant, id, period, joined)
        var assured = AssuredUsage()
        let own = try rate(group, tenant.id, &assured)
        guard let book = group.book, isDue || own.isDue || !late.isEmpty else { return [] }
        return try drafts(tenant, period, own, book, late, assured)
    }

    /// One draft for each currency with something to bill.
    ///
    /// The first one holds the period's segments, even if all its lines are corrections in another
    /// currency. Later documents find by the segments which time is invoiced.
    ///
    /// - Parameters:
    ///   - own: the rated group of the period's own months.
    ///   - book: the version in force at the period's end.
    ///   - late: the rated groups of other months that have corrections.
    ///   - assured: how far the quantities of the period can be trusted.
    private func drafts(
        _ tenant: Tenant, _ period: Period, _ own: RatedGroup, _ book: PriceBook,
        _ late: [RatedGroup], _ assured: AssuredUsage
    ) throws -> [PreparedDraft] {
        let new = own.group.stretches.filter { $0.number == nil }
        var drafts: [PreparedDraft] = []
        let others = Set(late.compactMap { $0.group.book?.currency }).subtracting([book.currency])
        for currency in [book.currency] + others.sorted(by: { $0.code < $1.code }) {
            let isMain = currency == book.currency
            let corrections = late.filter { $0.group.book?.currency == currency }
            let groups = (isMain ? [own] : []) + corrections
            guard let mode = isMain ? book : corrections.last?.group.book else { continue }
            let lines = groups.map { $0.rounded($0.group.book ?? mode) }
            guard lines.contains(where: { $0.isDue(currency) }) else { continue }
            drafts.append(
                PreparedDraft(
                    draft: try Draft(
                        tenant: tenant.id, period: period, groups: lines,
                        segments: isMain ? new.flatMap(\.segments) : [],
                        before: isMain ? own.group.around : [], book: mode),
                    pinned: groups.flatMap(\.pinned), assured: isMain ? assured : .init(),
                    contract: tenant.contract, buyer: tenant.party))
        }
        if drafts.first?.draft.segments.isEmpty == true {
            drafts[0].draft.segments = new.flatMap(\.segments)
            drafts[0].draft.before = own.group.around
            drafts[0].pinned += own.pinned
            drafts[0].assured = assured
        }
        return drafts
    }

    /// Whether other documents still hold corrections for an invoice that was credited in full.
    ///
    /// They have to be taken back, even if the period has nothing else to pay.
    private func isBilled(_ tenant: Tenant, _ period: Period) throws -> Bool {
        try issued.uncovered(tenant.id).contains { period.meets($0.period) }
            && !issued.lines(of: tenant.id, in: period).isEmpty
    }

    /// Whether the tenant has something to pay in a period: usage, or fees by the contract's dates.
    func isDue(_ tenant: Tenant, _ period: Period) throws -> Bool {
        if tenant.contract.covers(period) { return true }
        return try sweep.isUsed(
            db.ownedSpans(tenant.id, from: period.start, to: period.end))
    }

    /// The group of the stretch to be billed and the invoices that it shares months with.
    ///
    /// Invoices in another currency are left out: to this group they are time that nobody bills.
    ///
    /// - Parameter joined: the invoices that share months with the stretch.
    private func newGroup(
        _ tenant: Tenant, _ book: String, _ period: Period, _ joined: [IssuedInvoices.Base]
    ) throws -> BillingGroup {
        let new = BillingGroup.Stretch(
            period: period,
            segments: try books.segments(of: book, over: period, in: zone, for: tenant.id),
            contract: tenant.contract,
            replaces: issued.uncovered(tenant.id).first { $0.period.meets(period) }?.number)
        let currency = new.segments.last?.book.currency
        let all = try joined.map { try issued.stretch($0, of: tenant.id) }
        let old = all.filter { $0.segments.last?.book.currency == currency }
        var group = BillingGroup(
            stretches: (old + [new]).sorted { $0.period.start < $1.period.start }, around: [])
        guard let last = group.stretches.last?.period.end else { return group }
        let months = zone.months(touching: group.stretches.map(\.period)[0])
        guard let hull = Period(start: months[0].start, end: last) else { return group }
        let known = try books.knownSegments(of: book, over: hull, in: zone, for: tenant.id)
        group.around = group.outside(known)
        return group
    }
}

extension Tenant {
    /// When the tenant's fees are due.
    var contract: ContractTime { ContractTime(since: since, until: until) }

    /// The tenant as the buyer of an invoice.
    public var party: Parties.Party {
        Parties.Party(
            name: name, address: invoiceTo.address, country: invoiceTo.country,
            vatID: invoiceTo.vatID, email: invoiceTo.email)
    }
}
