import Store
import Invoicing
import Metering
import Pricing
import Units

/// What one tenant's usage would cost by one price book.
public struct PriceComparison: Sendable {
    public var tenant: String
    /// The book's id.
    public var book: String
    /// Whether it is the tenant's own.
    public var isOwn: Bool
    /// Without taxes and corrections; its unpriced lines are what the book has no price for.
    public var draft: Draft
}

extension Store {
    /// Rates each tenant's usage of a period by its own book, and by others; nothing is written.
    ///
    /// - Parameters:
    ///   - others: books that need not be in the store, by id, each with its versions. What is a tenant's
    ///     own, with the same prices, comes once.
    public func compare(
        over period: Period, tenant: String?, _ others: [PriceBook], in zone: BillingZone
    ) throws(Fault) -> [PriceComparison] {
        try reading { db in try comparisons(db, over: period, tenant: tenant, others, in: zone) }
    }
}

func comparisons(
    _ db: ReadTransaction, over period: Period, tenant: String?, _ others: [PriceBook],
    in zone: BillingZone
) throws -> [PriceComparison] {
    let sweep = try UsageSweep(db, withOpen: .allTime)
    let own = try PriceBooks(db.priceBooks().map(\.book).map(\.shown))
    let books = PriceBooks(others.map(\.shown))
    let ids = Set(others.map(\.id)).sorted()
    var result: [PriceComparison] = []
    for payer in try db.payers(tenant) {
        let month = zone.month(of: period.start)
        let spans = try db.ownedSpans(payer.id, from: month.start, to: period.end)
        guard try sweep.isUsed(spans) else { continue }
        let all =
            [payer.priceBook].compactMap(\.self).map { ($0, own, true) }
            + ids.map { ($0, books, false) }
        var known: [Segment]?
        for (id, books, isOwn) in all {
            let segments = try books.segments(of: id, over: period, in: zone, for: payer.id)
            let before = try books.segments(of: id, before: period, in: zone, for: payer.id)
            // The tenant's own book in one of the files is the same again, unless its prices differ.
            if isOwn { known = before + segments }
            if !isOwn, known == before + segments { continue }
            var assured = AssuredUsage()
            let usage = try sweep.read(spans, before + segments, assured: &assured)
            let parts = segmentUsage(
                usage, before + segments,
                charged: before.count..<(before.count + segments.count))
            guard let book = segments.last?.book else { continue }
            let draft = try Draft(
                tenant: payer.id, period: period,
                lines: try statement(of: payer.id, parts, payer.contract),
                segments: segments, before: before, book: book)
            result.append(
                PriceComparison(tenant: payer.id, book: id, isOwn: isOwn, draft: draft))
        }
    }
    return result
}

extension PriceBook {
    /// The book with what it has no price for shown, and without taxes.
    fileprivate var shown: PriceBook {
        var book = self
        (book.unpriced, book.taxes) = (.show, [])
        return book
    }
}
