import Pricing
import Units

/// What a tenant used in a month up to some moment, with the prices in force.
public struct PricedUsage: Sendable {
    let tenant: String
    let contract: ContractTime
    /// As a draft has them: what stands before the period in its month, then the period's own.
    let segments: [Segment]
    /// The places of the period's own.
    public let charged: Range<Int>
    /// The segments once more, cut into smaller parts of time.
    public let pieces: [Segment]
    /// The place of each piece's segment.
    public let owners: [Int]
    /// By piece, which is what `segment` counts, and without paths.
    ///
    /// What a quantity costs does not depend on which container used it.
    let usage: [AccountUsage]
    /// Where the first of the period's own pieces begins that the ledger has a row in.
    let firstUse: Instant?

    /// - Parameters:
    ///   - segments: what stands before the period in its month, then the period's own.
    ///   - charged: the places of the period's own segments.
    ///   - pieces: the segments once more, cut into smaller parts of time.
    ///   - owners: the place of each piece's segment.
    ///   - usage: by piece.
    public init(
        tenant: String, contract: ContractTime, segments: [Segment], charged: Range<Int>,
        pieces: [Segment], owners: [Int], usage: [AccountUsage], firstUse: Instant?
    ) {
        (self.tenant, self.contract, self.segments) = (tenant, contract, segments)
        (self.charged, self.pieces, self.owners) = (charged, pieces, owners)
        (self.usage, self.firstUse) = (usage, firstUse)
    }
}

/// A tenant's usage added up piece by piece, in order of time, to be rated at any moment.
public struct SpendingSums {
    private let priced: PricedUsage
    private let rows: [Int: [AccountUsage]]
    private var sums: UsageSums

    public init(_ priced: PricedUsage) {
        self.priced = priced
        rows = Dictionary(grouping: priced.usage, by: \.segment)
        sums = UsageSums(segments: priced.segments.count)
    }

    /// Takes in the next piece.
    public mutating func add(_ piece: Int) {
        for row in rows[piece] ?? [] { sums.add(row, to: priced.owners[piece]) }
    }

    /// The net of a draft from the period's start until the end of the last piece, not rounded.
    ///
    /// As in a draft, fees are due once something is used, or by the contract's dates.
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
    /// The exact sum, in major units.
    var net: Rational { reduce(.zero) { $0 + $1.exactAmount } }
}
