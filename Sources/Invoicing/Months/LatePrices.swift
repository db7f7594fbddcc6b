import Pricing
import Units

/// A meter that was used, and when.
public struct MeterUse: Hashable, Sendable {
    /// The start of the segment in which it was used.
    public var at: Instant
    public var meter: String

    public init(at: Instant, meter: String) { (self.at, self.meter) = (at, meter) }
}

/// Prices of meters that the price books of issued invoices do not have.
///
/// A book that blocks usage without a price never billed it, so no invoice says what the meter
/// costs. The first document that bills the meter sets its price, and later documents keep that
/// price, as they do for every other meter. Everything else is rated by the book that the invoice
/// was made by.
///
/// Example: the book of October has no price for `gpu`. Usage of October arrives in November, when
/// the current version has one. The November invoice corrects October at that price. When the price
/// changes in December, later corrections of October still use the price of November.
public struct LatePrices {
    /// The id of the tenant, whose discounts apply.
    let tenant: String
    /// The book versions in force when the document is made.
    let books: PriceBooks
    /// The book versions by which earlier documents billed a meter in a period, in order of issue.
    let billedBy: (_ meter: String, _ period: Period) throws -> [PriceBooks]

    /// Creates the prices for documents of one tenant.
    ///
    /// - Parameters:
    ///   - books: the versions in force when the document is made.
    ///   - billedBy: looks up the versions by which earlier documents billed a meter in a period,
    ///     in the order in which these were issued.
    public init(
        tenant: String, books: PriceBooks,
        billedBy: @escaping (_ meter: String, _ period: Period) throws -> [PriceBooks]
    ) {
        (self.tenant, self.books, self.billedBy) = (tenant, books, billedBy)
    }

    /// The group with prices for all that was used; `nil` if its own prices suffice.
    ///
    /// - Parameter used: what was used in any segment of the group.
    public func priced(_ group: BillingGroup, _ used: [MeterUse]) throws -> BillingGroup? {
        let late = group.unpricedMeters(used)
        guard !late.isEmpty else { return nil }
        var group = group
        for index in group.stretches.indices where group.stretches[index].number != nil {
            group.stretches[index].segments = try priced(group.stretches[index].segments, late)
        }
        // Around a new invoice, segments have the versions in force already.
        if !group.hasNew { group.around = try priced(group.around, late) }
        return group
    }

    /// The segments with prices for late meters, where their book blocks usage without a price.
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

    /// The versions that may give the price of a meter in a segment, best first.
    ///
    /// The versions that earlier documents billed it by come before the versions in force. Where
    /// they overlap, only the best one is kept.
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
    /// The meters that issued invoices could not bill: their books block them for want of a price.
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
    /// The segment with the price of a meter, cut where that price changes.
    ///
    /// - Parameter versions: the segments to take the price from; they do not overlap. Parts that
    ///   none of them covers keep the book unchanged.
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
    /// The book with another version's price of a meter, and that version's discounts on the meter.
    ///
    /// Each discount is limited to the meters of the version that it comes from. If the other
    /// version has no price either, it shows such usage as lines of 0, and so does the result.
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
    /// The parts of the segments that lie neither in `taken` nor in a segment before them.
    func outside(_ taken: [Period]) -> [Segment] {
        reduce(into: []) { left, segment in
            let others = (taken + left.map(\.period)).sorted { $0.start < $1.start }
            left += segment.period.uncovered(by: others).map {
                Segment(period: $0, month: segment.month, book: segment.book)
            }
        }
    }

    /// The segments with neighbours of the same book joined into one.
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
