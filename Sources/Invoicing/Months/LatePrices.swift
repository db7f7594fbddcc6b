import Pricing
import Units

/// A meter that was used, and when.
public struct MeterUse: Hashable, Sendable {
    public var at: Instant
    public var meter: String

    public init(at: Instant, meter: String) { (self.at, self.meter) = (at, meter) }
}

/// Prices of meters that the books of issued invoices do not know.
///
/// A book that blocks what it has no price for never billed it, so no invoice said what it costs. The first
/// document that bills it does: later ones keep its price, as they do for every other meter. Beside that,
/// the invoice keeps the book it was made by.
public struct LatePrices {
    let tenant: String
    /// The versions in force when the document is made.
    let books: PriceBooks
    /// The versions that earlier documents billed a meter by in a period, in the order they were issued.
    let billedBy: (_ meter: String, _ period: Period) throws -> [PriceBooks]

    public init(
        tenant: String, books: PriceBooks,
        billedBy: @escaping (_ meter: String, _ period: Period) throws -> [PriceBooks]
    ) {
        (self.tenant, self.books, self.billedBy) = (tenant, books, billedBy)
    }

    /// The group with prices for all that was used; `nil` if it has them.
    public func priced(_ group: BillingGroup, _ used: [MeterUse]) throws -> BillingGroup? {
        let late = group.unpricedMeters(used)
        guard !late.isEmpty else { return nil }
        var group = group
        for index in group.stretches.indices where group.stretches[index].number != nil {
            group.stretches[index].segments = try priced(group.stretches[index].segments, late)
        }
        // Beside a new invoice, it has the versions in force already.
        if !group.hasNew { group.around = try priced(group.around, late) }
        return group
    }

    private func priced(_ segments: [Segment], _ late: Set<String>) throws -> [Segment] {
        try segments.flatMap { segment in
            guard segment.book.unpriced == .block else { return [segment] }
            return try late.sorted().filter { segment.book.meters[$0] == nil }
                .reduce([segment]) { parts, meter in
                    let versions = try versions(meter, segment)
                    return parts.flatMap { $0.taking(meter, from: versions, for: tenant) }
                }.joined
        }
    }

    /// The versions that say what a meter costs in a segment: those that documents billed it by, then those
    /// in force.
    private func versions(_ meter: String, _ segment: Segment) throws -> [Segment] {
        let before = try billedBy(meter, segment.period)
        return try (before + [books]).flatMap { books in
            try books.knownSegments(of: segment.book.id, over: segment.period, for: tenant)
        }.filter { version in
            let book = version.book
            return book.currency == segment.book.currency
                && (book.meters[meter] != nil || book.unpriced == .show)
        }.outside([])
    }
}

extension BillingGroup {
    /// Meters that the books of issued invoices have no price for, and that they block.
    fileprivate func unpricedMeters(_ used: [MeterUse]) -> Set<String> {
        let segments = stretches.filter { $0.number != nil }.flatMap(\.segments)
            .filter { $0.book.unpriced == .block }
        return Set(
            used.filter { use in
                segments.contains { segment in
                    segment.period.start <= use.at && use.at < segment.period.end
                        && segment.book.meters[use.meter] == nil
                }
            }.map(\.meter))
    }
}

extension Segment {
    /// The segment with the price of a meter, cut where that changes.
    fileprivate func taking(
        _ meter: String, from versions: [Segment], for tenant: String
    ) -> [Segment] {
        period.cut(at: versions.flatMap { [$0.period.start, $0.period.end] }).map { part in
            let version = versions.first { $0.period.holds(part) }
            return Segment(
                period: part, month: month,
                book: version.map { book.taking(meter, from: $0.book, for: tenant, over: part) }
                    ?? book)
        }
    }
}

extension PriceBook {
    /// The book with another version's price of a meter, and the discounts on that.
    fileprivate func taking(
        _ meter: String, from other: PriceBook, for tenant: String, over period: Period
    ) -> PriceBook {
        var book = self
        guard let price = other.meters[meter] else {
            book.unpriced = .show
            return book
        }
        book.meters[meter] = price
        guard discounts != other.discounts else { return book }
        func limited(_ discount: Discount, to meters: [String]) -> Discount {
            var discount = discount
            discount.meters = meters.filter { discount.meters?.contains($0) != false }
            return discount
        }
        book.discounts =
            discounts.map { limited($0, to: meters.keys.sorted()) }
            + other.discounts.filter { $0.applies(to: tenant, over: period) }
            .map { limited($0, to: [meter]) }
        return book
    }
}

extension [Segment] {
    /// What is left of them beside other time, and beside those that stand before them.
    func outside(_ taken: [Period]) -> [Segment] {
        reduce(into: []) { left, segment in
            let others = (taken + left.map(\.period)).sorted { $0.start < $1.start }
            left += segment.period.uncovered(by: others).map {
                Segment(period: $0, month: segment.month, book: segment.book)
            }
        }
    }

    /// Neighbours of one book as one.
    fileprivate var joined: [Segment] {
        reduce(into: []) { joined, segment in
            if let last = joined.last, last.book == segment.book,
                let whole = Period(start: last.period.start, end: segment.period.end)
            {
                joined[joined.count - 1].period = whole
            } else {
                joined.append(segment)
            }
        }
    }
}
