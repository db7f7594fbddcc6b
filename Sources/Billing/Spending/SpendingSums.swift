import Store
import Invoicing
import Metering
import Pricing
import Units

/// What a tenant used in a month up to some moment, with the prices in force.
struct PricedUsage {
    let tenant: Tenant
    /// As a draft has them: what stands before the period in its month, then the period's own.
    let segments: [Segment]
    /// The places of the period's own.
    let charged: Range<Int>
    /// The segments once more, cut into smaller parts of time.
    let pieces: [Segment]
    /// The place of each piece's segment.
    let owners: [Int]
    /// By piece, which is what `segment` counts, and without paths.
    ///
    /// What a quantity costs does not depend on which container used it.
    let usage: [AccountUsage]
    /// Where the first of the period's own pieces begins that the ledger has a row in.
    let firstUse: Instant?
}

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
                found: "it has no price book, so what it spends is not known",
                cure: "Name one as price_book in tenants.yaml and run octroi apply")
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
            tenant: tenant, segments: segments, charged: charged, pieces: pieces, owners: owners,
            usage: usage, firstUse: firstUse?.0.period.start)
    }
}

/// A tenant's usage added up piece by piece, in order of time, to be rated at any moment.
struct SpendingSums {
    private let priced: PricedUsage
    private let rows: [Int: [AccountUsage]]
    private var sums: UsageSums

    init(_ priced: PricedUsage) {
        self.priced = priced
        rows = Dictionary(grouping: priced.usage, by: \.segment)
        sums = UsageSums(segments: priced.segments.count)
    }

    /// Takes in the next piece.
    mutating func add(_ piece: Int) {
        for row in rows[piece] ?? [] { sums.add(row, to: priced.owners[piece]) }
    }

    /// The net of a draft from the period's start until the end of the last piece, not rounded.
    ///
    /// As in a draft, fees are due once something is used, or by the contract's dates.
    func spent(until end: Instant) throws(Fault) -> Rational {
        let start = priced.segments[priced.charged.lowerBound].period.start
        let isUsed = priced.firstUse.map { $0 < end } ?? false
        guard let period = Period(start: start, end: end),
            isUsed || priced.tenant.contract.covers(period)
        else { return .zero }
        let parts = priced.segments.indices.compactMap { place -> SegmentUsage? in
            let whole = priced.segments[place]
            let end = min(whole.period.end, end)
            return Period(start: whole.period.start, end: end).map {
                SegmentUsage(
                    segment: Segment(period: $0, month: whole.month, book: whole.book),
                    usage: sums[place], isCharged: priced.charged.contains(place))
            }
        }
        return try statement(of: priced.tenant.id, parts, priced.tenant.contract).net
    }
}

extension [LineItem] {
    /// The exact sum, in major units.
    var net: Rational { reduce(.zero) { $0 + $1.exactAmount } }
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
