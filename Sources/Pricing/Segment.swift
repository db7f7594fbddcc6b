import Units

/// A stretch of time that one version of a price book prices, inside one billing month.
public struct Segment: Hashable, Sendable {
    public var period: Period
    /// The whole billing month it lies in: tiers and free quantities run on through it.
    public var month: Period
    public var book: PriceBook

    public init(period: Period, month: Period, book: PriceBook) {
        (self.period, self.month, self.book) = (period, month, book)
    }

    /// Which part of its month it is.
    public var share: Rational { Rational(period.seconds) / Rational(month.seconds) }
}

/// The versions of price books, and which is in force when.
public struct PriceBooks: Sendable {
    private let versions: [String: [PriceBook]]

    public init(_ books: [PriceBook]) {
        versions = Dictionary(grouping: books, by: \.id)
            .mapValues { $0.sorted { $0.effective < $1.effective } }
    }

    /// The segments of a period, in order: cut at months, versions and ends of discounts.
    ///
    /// - Parameter tenant: whose discounts count; `nil` is none.
    /// - Throws: if the book is unknown, or begins after the period does.
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

    /// The segments of the part of a period that the book goes back to.
    public func knownSegments(
        of id: String, over period: Period, in zone: BillingZone = .utc, for tenant: String? = nil
    ) throws(Fault) -> [Segment] {
        let all = try versions(of: id)
        guard let first = all.first,
            let known = Period(start: max(period.start, first.effective), end: period.end)
        else { return [] }
        return segments(all, known, zone, tenant)
    }

    /// What lies before a period in the month it begins in, as far as the book goes back.
    ///
    /// It was or will be billed apart, and its quantities stand before the period's in the tiers.
    public func segments(
        of id: String, before period: Period, in zone: BillingZone = .utc,
        for tenant: String? = nil
    ) throws(Fault) -> [Segment] {
        let start = zone.month(of: period.start).start
        guard let before = Period(start: start, end: period.start) else { return [] }
        return try knownSegments(of: id, over: before, in: zone, for: tenant)
    }

    private func versions(of id: String) throws(Fault) -> [PriceBook] {
        guard let all = versions[id] else {
            throw Fault(
                .badData, at: "price book \(id)", problem: "no such price book",
                suggestion: "Add it to prices.yaml and run octroi apply")
        }
        return all
    }

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
