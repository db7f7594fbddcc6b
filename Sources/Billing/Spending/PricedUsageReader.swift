import Store
import Invoicing
import Metering
import Pricing
import Units

/// Reads tenants' usage with its prices, including hours that are not closed yet.
struct PricedUsageReader {
    private let db: ReadTransaction
    private let zone: BillingZone
    private let books: PriceBooks
    private let sweep: UsageSweep

    init(_ db: ReadTransaction, _ zone: BillingZone) throws {
        (self.db, self.zone) = (db, zone)
        books = try PriceBooks(db.priceBooks().map(\.book).map(\.counted))
        sweep = try UsageSweep(db, withOpen: .allTime)
    }

    /// Reads a tenant's ledger rows from the month's start to the period's end, in one pass.
    ///
    /// - Parameters:
    ///   - period: the time that is rated.
    ///   - cuts: the times at which pieces end, besides the ends of segments.
    /// - Throws: `badData` if the tenant has no price book, if the book does not cover the period,
    ///   or if its currency changes in it.
    func read(_ tenant: Tenant, over period: Period, cutAt cuts: [Instant]) throws -> PricedUsage {
        guard let id = tenant.priceBook else {
            throw Fault(
                .badData, at: "tenant \(tenant.id)",
                problem: "it has no price book, so its spending is unknown",
                suggestion: "Name one as price_book in tenants.yaml and run octroi apply")
        }
        let own = try books.segments(of: id, over: period, in: zone, for: tenant.id)
        let before = try books.segments(of: id, before: period, in: zone, for: tenant.id)
        let segments = before + own
        // A draft refuses two currencies, so spending refuses them as well.
        if let book = own.last?.book {
            _ = try Draft(tenant: tenant.id, period: period, lines: [], segments: own, book: book)
        }
        var (pieces, owners): ([Segment], [Int]) = ([], [])
        for (place, segment) in segments.enumerated() {
            for part in segment.period.cut(at: cuts) {
                pieces.append(Segment(period: part, month: segment.month, book: segment.book))
                owners.append(place)
            }
        }
        let start = segments.first?.period.start ?? period.start
        let spans = try db.ownedSpans(tenant.id, from: start, to: period.end)
        var assured = AssuredUsage()
        // Paths are dropped: costs do not depend on which container used a quantity, and usage
        // without paths adds up to one sum for each meter.
        let usage = try sweep.read(spans, pieces, assured: &assured).map { row in
            var row = row
            row.span.path = ExactText("")
            return row
        }
        let charged = before.count..<segments.count
        let firstUse = try zip(pieces, owners).first { piece, owner in
            try charged.contains(owner)
                && sweep.isUsed(spans.compactMap { $0.within(piece.period) })
        }
        return PricedUsage(
            tenant: tenant.id, contract: tenant.contract, segments: segments, charged: charged,
            pieces: pieces, owners: owners,
            usage: usage, firstUse: firstUse?.0.period.start)
    }

    /// What a tenant has spent in a period so far.
    ///
    /// - Parameters:
    ///   - period: the billing month or day.
    ///   - now: the moment up to which it counts.
    /// - Throws: as `read` does.
    func spending(
        of tenant: Tenant, over period: Period, at now: Instant
    ) throws -> TenantSpending {
        let until = min(period.end, now.startOfHour.advanced(bySeconds: 3600))
        // The recent rate of spending is that of the last 24 hours, so a piece has to begin there.
        let dayAgo = until.advanced(bySeconds: -86_400)
        let counted = Period(start: period.start, end: until) ?? period
        let usage = try read(tenant, over: counted, cutAt: [dayAgo])
        return try TenantSpending(usage, over: period, until: until, dayAgo: dayAgo, at: now)
    }
}

extension PriceBook {
    /// The book by which spending is counted.
    ///
    /// Usage without a price is not blocked, and there are no taxes. There is no minimum either: it
    /// is not spent before the month is over.
    var counted: PriceBook {
        var book = self
        (book.unpriced, book.minimum, book.taxes) = (.show, nil, [])
        return book
    }
}
