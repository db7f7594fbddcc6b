import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// A draft with all that its invoice will rest on.
struct PreparedDraft {
    var draft: Draft
    /// By account; `segment` counts through `before` and `segments` of the draft.
    var usage: [AccountUsage] = []
    var assured = AssuredUsage()
    /// What its corrections were computed from.
    var late: [Drafting.Late] = []
    var contract: ContractTime
    var buyer: Parties.Party
}

/// Makes drafts of one period, tenant by tenant.
struct Drafting {
    let db: Database
    let books: PriceBooks
    let sweep: UsageSweep
    let zone: BillingZone
    let issued: IssuedInvoices

    /// - Parameter withOpen: whether ledger rows that are not closed yet count: in drafts only.
    init(
        _ db: Database, _ zone: BillingZone, _ issued: IssuedInvoices, withOpen: Bool
    ) throws {
        self.db = db
        self.zone = zone
        self.issued = issued
        books = try PriceBooks(loadBooks(db).map(\.book))
        sweep = try UsageSweep(db, withOpen: withOpen ? allTime : nil)
    }

    /// The drafts of a tenant with what came to light since earlier invoices: one, or none, and one
    /// more for each other currency that has corrections.
    ///
    /// - Parameter withLate: whether corrections of earlier invoices go with them.
    func drafts(
        of tenant: Tenant, over period: Period, withLate: Bool = true
    ) throws -> [PreparedDraft] {
        // Of a period that is invoiced, the draft says what the ledger says now.
        let same = issued.covering(tenant.id).filter { $0.period.intersection(period) != nil }
        var late: [Late] = []
        if withLate {
            late = try issued.inDoubt(of: tenant.id)
                .filter { number in !same.contains { $0.number == number } }
                .map { try corrected($0, tenant.id) }.filter { !$0.lines.isEmpty }
        }
        if same.isEmpty {
            late += try alreadyBilled(period, tenant.id).filter { !$0.lines.isEmpty }
        }
        let own = try owned(tenant, period, isLate: late.contains { !$0.lines.isEmpty })
        let main = own?.book ?? late.last?.book
        let others = Set(late.map(\.book.currency)).subtracting(
            [main?.currency].compactMap(\.self))
        var drafts: [PreparedDraft] = []
        for currency in [main?.currency].compactMap(\.self)
            + others.sorted(by: { $0.code < $1.code })
        {
            let corrections = late.filter { $0.book.currency == currency }
            let isMain = currency == main?.currency
            guard let book = (isMain ? own?.book : nil) ?? corrections.last?.book else { continue }
            let lines = (isMain ? own?.lines ?? [] : []) + corrections.flatMap(\.lines)
            guard !lines.isEmpty else { continue }
            var prepared = PreparedDraft(
                draft: try Draft(
                    tenant: tenant.id, period: period, lines: lines,
                    segments: isMain ? own?.segments ?? [] : [],
                    before: isMain ? own?.before ?? [] : [], book: book),
                late: corrections, contract: tenant.contract, buyer: tenant.party)
            if isMain {
                (prepared.usage, prepared.assured) = (own?.usage ?? [], own?.assured ?? .init())
            }
            drafts.append(prepared)
        }
        // Whichever invoice there is holds the period's segments: what comes later is found by them.
        if let own, drafts.first?.draft.segments.isEmpty == true {
            (drafts[0].draft.segments, drafts[0].draft.before) = (own.segments, own.before)
            (drafts[0].usage, drafts[0].assured) = (own.usage, own.assured)
        }
        return drafts
    }
}

extension Tenant {
    var contract: ContractTime { ContractTime(since: since, until: until) }

    var party: Parties.Party {
        Parties.Party(
            name: name, address: invoiceTo.address, country: invoiceTo.country,
            vatID: invoiceTo.vatID, email: invoiceTo.email)
    }
}

// What a tenant pays for the period itself.
extension Drafting {
    private struct Owned {
        var book: PriceBook
        var before: [Segment]
        var segments: [Segment]
        var usage: [AccountUsage]
        var lines: [LineItem]
        var assured: AssuredUsage
    }

    /// `nil` if nothing was used, nothing is due by contract and nothing is late.
    private func owned(_ tenant: Tenant, _ period: Period, isLate: Bool) throws -> Owned? {
        let month = zone.month(of: period.start)
        let spans = try ownedSpans(
            db, tenant.id, from: min(month.start, period.start), to: period.end)
        let isUsed = try sweep.isUsed(spans.compactMap { $0.within(period) })
        let isDue = isUsed || tenant.contract.covers(period)
        // With corrections alone, the period is invoiced too, and its prices are pinned.
        guard isDue || isLate else { return nil }
        guard let id = tenant.priceBook else {
            throw Fault(
                .badData, at: "tenant \(tenant.id)",
                found: "it has usage to be billed and no price book",
                cure: "Name one as price_book in tenants.yaml and run octroi apply")
        }
        let own = try books.segments(of: id, over: period, in: zone, for: tenant.id)
        let before = try books.segments(of: id, before: period, in: zone, for: tenant.id)
        guard let book = own.last?.book else { return nil }
        var assured = AssuredUsage()
        let usage = try sweep.read(spans, before + own, assured: &assured)
        let charged = before.count..<(before.count + own.count)
        let parts = segmentUsage(usage, before + own, charged: charged)
        return Owned(
            book: book, before: before, segments: own, usage: usage,
            lines: isDue ? try statement(of: tenant.id, parts, tenant.contract) : [],
            assured: assured)
    }
}

extension OwnedSpan {
    /// The part of it in a period; `nil` if there is none.
    func within(_ period: Period) -> OwnedSpan? {
        var span = self
        span.since = max(since, period.start.seconds)
        span.until = min(until, period.end.seconds)
        return span.since < span.until ? span : nil
    }
}
