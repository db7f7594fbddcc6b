import Store
import Invoicing
import Metering
import Pricing
import Units

/// Reads tenants' usage with its prices, of closed and open hours.
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

    /// One pass over the tenant's ledger rows, from the month's start to the period's end.
    ///
    /// - Parameter cuts: where pieces end besides segments.
    /// - Throws: if the tenant has no price book, the book does not cover the period, or its
    ///   currency changes within.
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
        // A draft refuses two currencies: so does what is spent.
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
    /// - Throws: as `read` does.
    func spending(
        of tenant: Tenant, over period: Period, at now: Instant
    ) throws -> TenantSpending {
        let until = min(period.end, now.startOfHour.advanced(bySeconds: 3600))
        let dayAgo = until.advanced(bySeconds: -86_400)
        let counted = Period(start: period.start, end: until) ?? period
        let usage = try read(tenant, over: counted, cutAt: [dayAgo])
        return try TenantSpending(usage, over: period, until: until, dayAgo: dayAgo, at: now)
    }
}

extension PriceBook {
    /// The book that spending is counted by, in which nothing blocks.
    ///
    /// A minimum is not spent before the month is over.
    var counted: PriceBook {
        var book = self
        (book.unpriced, book.minimum, book.taxes) = (.show, nil, [])
        return book
    }
}
