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
    var contract: ContractTime
    var buyer: Parties.Party
}

/// Makes drafts of one period, tenant by tenant.
struct Drafting {
    private let db: Database
    private let books: PriceBooks
    private let sweep: UsageSweep
    private let zone: BillingZone
    private let issued: IssuedInvoices

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
    /// - Parameter replaced: a credited invoice of this period, which these stand in for.
    func drafts(of tenant: Tenant, over period: Period, replacing replaced: String?) throws
        -> [PreparedDraft]
    {
        var late = try issued.inDoubt(of: tenant.id).filter { $0 != replaced }
            .map { try corrected($0, tenant.id) }
            .filter { !$0.lines.isEmpty }
        if let replaced {
            late.append(try alreadyCorrected(replaced, tenant.id))
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
                contract: tenant.contract, buyer: tenant.party)
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
    fileprivate func within(_ period: Period) -> OwnedSpan? {
        var span = self
        span.since = max(since, period.start.seconds)
        span.until = min(until, period.end.seconds)
        return span.since < span.until ? span : nil
    }
}

// What came to light after a period was invoiced.
extension Drafting {
    private typealias Late = (book: PriceBook, lines: [LineItem])

    /// What an earlier invoice's period costs now, by its own prices, beyond what was billed.
    private func corrected(_ number: String, _ tenant: String) throws -> Late {
        let invoice = try loadInvoice(db, number)
        let segments = invoice.draft.before + invoice.draft.segments
        guard let first = segments.first, let last = invoice.draft.segments.last else {
            return (try anyBook(of: invoice), [])
        }
        let spans = try ownedSpans(db, tenant, from: first.period.start, to: last.period.end)
        var assured = AssuredUsage()
        let usage = try sweep.read(spans, segments, assured: &assured)
        let charged = invoice.draft.before.count..<segments.count
        var parts = segmentUsage(usage, segments, charged: charged)
        let billed = try issued.billed(for: invoice)
        // A meter that the pinned book has no price for, and says to block: by the prices in force.
        let unknown = parts.indices.flatMap { index in
            segments[index].book.unpriced == .block && charged.contains(index)
                ? parts[index].usage.filter { segments[index].book.meters[$0.meter] == nil } : []
        }
        for index in parts.indices {
            parts[index].usage.removeAll { use in unknown.contains { $0.meter == use.meter } }
        }
        var lines = try statement(of: tenant, parts, invoice.parties.contract)
        var known = billed.filter { line in !unknown.contains { $0.meter == line.meter } }
        if !unknown.isEmpty {
            let (more, held) = try supplement(
                invoice, Set(unknown.map(\.meter)), spans, billed, last.book.id)
            lines += more
            known += held
        }
        return (last.book, corrections(to: number, from: known, to: lines))
    }

    /// Usage of meters that the invoice's book does not know, by the versions in force now.
    ///
    /// What has not changed since it was billed is left out, so that its price stays.
    private func supplement(
        _ invoice: Invoice, _ meters: Set<String>, _ spans: [OwnedSpan], _ billed: [LineItem],
        _ book: String
    ) throws -> (lines: [LineItem], billed: [LineItem]) {
        let segments = try books.segments(of: book, over: invoice.draft.period, in: zone)
        var assured = AssuredUsage()
        let usage = try sweep.read(spans, segments, assured: &assured)
            .filter { meters.contains($0.meter) }
        var parts = segmentUsage(usage, segments, charged: 0..<segments.count)
        let held = billed.filter { meters.contains($0.meter) }
        var changes: [MeterKey: Int128] = [:]
        for use in parts.flatMap(\.usage) { changes[MeterKey(use), default: 0] += use.quantity }
        for line in held { changes[MeterKey(line), default: 0] -= line.quantity ?? 0 }
        for index in parts.indices {
            parts[index].usage.removeAll { changes[MeterKey($0)] == 0 }
            // Fees, discounts and minimum are on the invoice itself.
            parts[index].segment.book.fixed = []
            parts[index].segment.book.minimum = nil
        }
        return (
            try statement(of: invoice.draft.tenant, parts),
            held.filter { changes[MeterKey($0)] != 0 }
        )
    }

    /// What other invoices hold of the period of a credited one: it is billed, so it is taken off.
    private func alreadyCorrected(_ number: String, _ tenant: String) throws -> Late {
        let invoice = try loadInvoice(db, number)
        let held = try issued.billed(for: invoice).filter { $0.reference != nil }
        return (try anyBook(of: invoice), corrections(to: number, from: held, to: []))
    }

    private func anyBook(of invoice: Invoice) throws -> PriceBook {
        if let book = invoice.draft.segments.last?.book { return book }
        let all = try loadBooks(db).map(\.book)
        guard let book = all.first(where: { $0.currency == invoice.draft.currency }) else {
            throw Fault(
                .badData, at: "invoice \(invoice.number)", found: "no price book of its currency",
                cure: "Add a book in \(invoice.draft.currency) and run octroi apply")
        }
        return book
    }
}

private struct MeterKey: Hashable {
    let container: ExactText
    let meter: String

    init(_ usage: MeterUsage) { (container, meter) = (usage.container, usage.meter) }
    init(_ line: LineItem) { (container, meter) = (ExactText(line.container ?? ""), line.meter) }
}
