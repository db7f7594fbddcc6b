import Units

/// A stretch of time inside one billing month that one version of a price book prices.
public struct Segment: Hashable, Sendable {
    /// The time that the segment covers.
    public var period: Period
    /// The whole billing month that the segment lies in.
    ///
    /// Tiers and free quantities run through it.
    public var month: Period
    /// The version in force.
    public var book: PriceBook

    public init(period: Period, month: Period, book: PriceBook) {
        (self.period, self.month, self.book) = (period, month, book)
    }

    /// The segment's share of its month's time: 10 days of a month of 30 are 1/3.
    public var share: Rational { Rational(period.seconds) / Rational(month.seconds) }
}

/// All versions of all price books, to find which version is in force when.
public struct PriceBooks: Sendable {
    /// The versions of each book by its id, oldest first.
    private let versions: [String: [PriceBook]]

    /// Takes versions of any books, in any order.
    public init(_ books: [PriceBook]) {
        versions = Dictionary(grouping: books, by: \.id)
            .mapValues { $0.sorted { $0.effective < $1.effective } }
    }

    /// The segments of a period, in order of time.
    ///
    /// The period is cut where a billing month ends, where a version takes effect, and where a
    /// discount begins or ends. So one price and one set of discounts holds throughout a segment.
    ///
    /// - Parameters:
    ///   - id: the book's id.
    ///   - zone: the zone whose months are billed.
    ///   - tenant: the tenant whose discounts cut the period; `nil` is none.
    /// - Throws: `badData` if the book is unknown, or its first version takes effect after the
    ///   period's start.
    public func segments(
        of id: String, over period: Period, in zone: BillingZone = .utc, for tenant: String? = nil
    ) throws(Fault) -> [Segment] {
        let all = try versions(of: id)
        guard let first = all.first, first.effective <= period.start else {
            throw Fault(
                .badData, at: "price book \(id)",
                problem:
                    "its first version is in force from \(all.first?.effective ?? period.end), "
                    + "after the start of the period, \(period.start)",
                suggestion:
                    "Add a version that covers the period, or bill the tenants of this book from "
                    + "that date on with --tenant, --from and --to")
        }
        return segments(all, period, zone, tenant)
    }

    /// The segments of the part of a period in which the book has a version in force.
    ///
    /// - Throws: `badData` if the book is unknown.
    public func knownSegments(
        of id: String, over period: Period, in zone: BillingZone = .utc, for tenant: String? = nil
    ) throws(Fault) -> [Segment] {
        let all = try versions(of: id)
        guard let first = all.first,
            let known = Period(start: max(period.start, first.effective), end: period.end)
        else { return [] }
        return segments(all, known, zone, tenant)
    }

    /// The segments between the start of a period's first billing month and the period itself.
    ///
    /// Another invoice bills that time. Its quantities come before the period's in the tiers. Empty
    /// if the period starts with its month.
    ///
    /// - Throws: `badData` if the book is unknown.
    public func segments(
        of id: String, before period: Period, in zone: BillingZone = .utc,
        for tenant: String? = nil
    ) throws(Fault) -> [Segment] {
        let start = zone.month(of: period.start).start
        guard let before = Period(start: start, end: period.start) else { return [] }
        return try knownSegments(of: id, over: before, in: zone, for: tenant)
    }

    /// The versions of a book, oldest first.
    ///
    /// - Throws: `badData` if the book is unknown.
    private func versions(of id: String) throws(Fault) -> [PriceBook] {
        guard let all = versions[id] else {
            throw Fault(
                .badData, at: "price book \(id)", problem: "no such price book",
                suggestion: "Add it to prices.yaml and run octroi apply")
        }
        return all
    }

    /// Cuts a period and finds the version in force in each part.
    ///
    /// Parts before the first version are left out.
    private func segments(
        _ versions: [PriceBook], _ period: Period, _ zone: BillingZone, _ tenant: String?
    ) -> [Segment] {
        let months = zone.months(touching: period)
        let discounts = versions.flatMap(\.discounts)
            .filter { discount in tenant.map { discount.tenants?.contains($0) ?? true } ?? false }
            .flatMap { [$0.from, $0.until] }
        let cuts = versions.map(\.effective) + months.map(\.end) + discounts.compactMap(\.self)
        return period.cut(at: cuts).compactMap { part in
            guard let book = versions.last(where: { $0.effective <= part.start }) else {
                return nil
            }
            return Segment(period: part, month: zone.month(of: part.start), book: book)
        }
    }
}
