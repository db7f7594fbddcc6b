import Store
import Invoicing
import Metering
import Pricing
import Units

/// The cost of one tenant's usage by one price book.
public struct PriceComparison: Sendable {
    /// The id of the tenant.
    public var tenant: String
    /// The id of the price book.
    public var book: String
    /// Whether it is the tenant's own book.
    public var isOwn: Bool
    /// The draft by that book, without taxes and corrections.
    ///
    /// Usage that the book has no price for is on it as unpriced lines.
    public var draft: Draft
}

extension Store {
    /// Rates each tenant's usage of a period by its own price book, and by others.
    ///
    /// Nothing is written. Tenants without usage are left out, unless their contract alone makes fees
    /// due.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` is all.
    ///   - others: versions of books that need not be in the store. If one of them is the tenant's
    ///     own book with the same prices, it is not repeated.
    ///   - zone: the zone whose months are billed.
    /// - Throws: for an unknown tenant, and for a book that takes effect after the period's start.
    public func compare(
        over period: Period, tenant: String?, _ others: [PriceBook], in zone: BillingZone
    ) throws(Fault) -> [PriceComparison] {
        try reading { db in try comparisons(db, over: period, tenant: tenant, others, in: zone) }
    }
}

/// The same inside a transaction.
///
/// Usage before the period in its month is read too, because it comes first in the tiers.
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
        guard try payer.contract.covers(period) || sweep.isUsed(spans) else { continue }
        let all =
            [payer.priceBook].compactMap(\.self).map { ($0, own, true) }
            + ids.map { ($0, books, false) }
        var known: [Segment]?
        for (id, books, isOwn) in all {
            let segments = try books.segments(of: id, over: period, in: zone, for: payer.id)
            let before = try books.segments(of: id, before: period, in: zone, for: payer.id)
            // One of the files may hold the tenant's own book: it is shown again only if its prices
            // differ.
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
    /// The book without taxes, and with usage that it has no price for shown instead of blocked.
    fileprivate var shown: PriceBook {
        var book = self
        (book.unpriced, book.taxes) = (.show, [])
        return book
    }
}
