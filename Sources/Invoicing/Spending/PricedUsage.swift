import Pricing
import Units

/// A tenant's usage in a month up to some moment, with the prices in force.
///
/// Segments are cut into smaller pieces of time, so that costs can be computed at the end of each
/// piece: at each hour for a history, or a day ago for the recent rate of spending.
public struct PricedUsage: Sendable {
    /// The id of the tenant.
    let tenant: String
    /// When fees are due.
    let contract: ContractTime
    /// The segments as a draft has them: first those before the period in its month, then its own.
    let segments: [Segment]
    /// The places of the period's own segments.
    public let charged: Range<Int>
    /// The segments, cut into smaller pieces of time.
    public let pieces: [Segment]
    /// The place of the segment that each piece belongs to.
    public let owners: [Int]
    /// The usage by account; `segment` counts through `pieces`, and paths are empty.
    ///
    /// Costs do not depend on which container used a quantity.
    let usage: [AccountUsage]
    /// The start of the period's first own piece that has a row in the ledger; `nil` if none has.
    let firstUse: Instant?

    /// Creates priced usage.
    ///
    /// - Parameters:
    ///   - segments: those before the period in its month, then the period's own.
    ///   - charged: the places of the period's own segments.
    ///   - pieces: the segments, cut into smaller pieces of time.
    ///   - owners: the place of each piece's segment.
    ///   - usage: by piece.
    ///   - firstUse: the start of the period's first own piece that has a row in the ledger.
    public init(
        tenant: String, contract: ContractTime, segments: [Segment], charged: Range<Int>,
        pieces: [Segment], owners: [Int], usage: [AccountUsage], firstUse: Instant?
    ) {
        (self.tenant, self.contract, self.segments) = (tenant, contract, segments)
        (self.charged, self.pieces, self.owners) = (charged, pieces, owners)
        (self.usage, self.firstUse) = (usage, firstUse)
    }
}

/// A tenant's usage, added up piece by piece in order of time, to be rated at any moment.
public struct SpendingSums {
    private let priced: PricedUsage
    private let rows: [Int: [AccountUsage]]
    private var sums: UsageSums

    public init(_ priced: PricedUsage) {
        self.priced = priced
        rows = Dictionary(grouping: priced.usage, by: \.segment)
        sums = UsageSums(segments: priced.segments.count)
    }

    /// Adds the next piece.
    public mutating func add(_ piece: Int) {
        for row in rows[piece] ?? [] { sums.add(row, to: priced.owners[piece]) }
    }

    /// The net amount of a draft from the period's start to the end of the last piece, not rounded.
    ///
    /// As in a draft, fees are due once something is used, or by the contract's dates.
    ///
    /// - Parameter end: the end of the last piece that was added.
    /// - Returns: the amount in major units, before taxes.
    /// - Throws: as `rate` does.
    public func spent(until end: Instant) throws(Fault) -> Rational {
        let start = priced.segments[priced.charged.lowerBound].period.start
        let isUsed = priced.firstUse.map { $0 < end } ?? false
        guard let period = Period(start: start, end: end),
            isUsed || priced.contract.covers(period)
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
        return try statement(of: priced.tenant, parts, priced.contract).net
    }
}

extension [LineItem] {
    /// The exact sum in major units.
    var net: Rational { reduce(.zero) { $0 + $1.exactAmount } }
}
