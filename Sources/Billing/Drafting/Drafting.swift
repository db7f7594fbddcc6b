import Store
import Invoicing
import Metering
import Pricing
import Units

/// A draft with all that its invoice will rest on.
struct PreparedDraft {
    var draft: Draft
    /// What it was computed from: its own time and that of the invoices it is rated with.
    var pinned: [PinnedUsage] = []
    var assured = AssuredUsage()
    var contract: ContractTime
    var buyer: Parties.Party
}

/// Makes drafts, tenant by tenant.
struct Drafting {
    let db: ReadTransaction
    let books: PriceBooks
    let sweep: UsageSweep
    let zone: BillingZone
    private(set) var issued: IssuedInvoices

    /// - Parameter withOpen: whether ledger rows that are not closed yet count: in drafts only.
    init(
        _ db: ReadTransaction, _ zone: BillingZone, _ issued: IssuedInvoices, withOpen: Bool
    ) throws {
        self.db = db
        self.zone = zone
        self.issued = issued
        books = try PriceBooks(db.priceBooks().map(\.book))
        sweep = try UsageSweep(db, withOpen: withOpen ? .allTime : nil)
    }

    /// What issuing a period would bill a tenant, document by document.
    ///
    /// - Parameter isAgain: whether what was credited in full is billed anew.
    func preview(of tenant: Tenant, over period: Period, isAgain: Bool) throws -> [Draft] {
        let plan = try issued.plan(tenant.id, period)
        let due = try self.due(tenant, plan.open + (isAgain ? plan.credited : []), in: period)
        var (drafting, drafts) = (self, [Draft]())
        for part in due.closed + due.open {
            for prepared in try drafting.drafts(of: tenant, over: part) {
                drafts.append(prepared.draft)
                // Each counts for those behind it, as it does where they are issued.
                drafting.issued.add(prepared)
            }
        }
        return drafts
    }

    /// The drafts of a tenant with what came to light since earlier invoices: one, or none, and one
    /// more for each other currency that has corrections.
    ///
    /// - Parameter period: a stretch that no invoice covers.
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
                problem: "it has usage to be billed and no price book",
                suggestion: "Name one as price_book in tenants.yaml and run octroi apply")
        }
        let group = try newGroup(tenant, id, period, joined)
        var assured = AssuredUsage()
        let own = try rate(group, tenant.id, &assured)
        guard let book = group.book, isDue || own.isDue || !late.isEmpty else { return [] }
        return try drafts(tenant, period, own, book, late, assured)
    }

    /// One draft for each currency; the first holds the period's segments, so that what comes later
    /// is found by them.
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

    /// Whether corrections of an invoice that was credited in full still stand on others.
    private func isBilled(_ tenant: Tenant, _ period: Period) throws -> Bool {
        try issued.uncovered(tenant.id).contains { period.meets($0.period) }
            && !issued.lines(of: tenant.id, in: period).isEmpty
    }

    func isDue(_ tenant: Tenant, _ period: Period) throws -> Bool {
        if tenant.contract.covers(period) { return true }
        return try sweep.isUsed(
            db.ownedSpans(tenant.id, from: period.start, to: period.end))
    }

    /// The stretch that is to be billed, with the invoices it shares months with.
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
    var contract: ContractTime { ContractTime(since: since, until: until) }

    /// The tenant as the buyer of an invoice.
    public var party: Parties.Party {
        Parties.Party(
            name: name, address: invoiceTo.address, country: invoiceTo.country,
            vatID: invoiceTo.vatID, email: invoiceTo.email)
    }
}
