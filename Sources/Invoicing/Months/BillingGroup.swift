import BigInt
import Pricing
import Units

/// Invoices of one tenant and currency that have billing months in common, and the time between them.
public struct BillingGroup: Sendable {
    /// A stretch of time that one invoice bills.
    public struct Stretch: Sendable {
        /// `nil` for the invoice that is being made.
        public var number: String?
        public var period: Period
        public var segments: [Segment]
        public var contract: ContractTime
        public var rules: RatingRules
        /// The invoice that billed this time before and was credited in full.
        public var replaces: String?

        public init(
            number: String? = nil, period: Period, segments: [Segment], contract: ContractTime,
            rules: RatingRules = .current, replaces: String? = nil
        ) {
            (self.number, self.period, self.segments) = (number, period, segments)
            (self.contract, self.rules, self.replaces) = (contract, rules, replaces)
        }
    }

    /// In order of time; they do not overlap.
    public var stretches: [Stretch]
    /// Time of their months that no invoice bills, up to the end of the last of them.
    public var around: [Segment]

    public init(stretches: [Stretch], around: [Segment]) {
        (self.stretches, self.around) = (stretches, around)
    }

    /// Sorts stretches into groups of one currency each.
    ///
    /// - Parameter around: time of their months that no invoice bills.
    public static func byCurrency(_ stretches: [Stretch], around: [Segment]) -> [BillingGroup] {
        let currencies = stretches.compactMap { $0.segments.last?.book.currency }
        return Set(currencies).sorted { $0.code < $1.code }.compactMap { currency in
            var group = BillingGroup(
                stretches: stretches.filter { $0.segments.last?.book.currency == currency },
                around: [])
            let others = stretches.filter { $0.segments.last?.book.currency != currency }
            group.around = group.outside(
                (around + others.flatMap(\.segments)).filter { segment in
                    group.stretches.contains { segment.period.start < $0.period.end }
                })
            return group
        }
    }

    /// All segments in order of time.
    public var segments: [Segment] {
        (stretches.flatMap(\.segments) + around).sorted { $0.period.start < $1.period.start }
    }

    /// The version in force at the end of what is billed anew, or of all of it.
    public var book: PriceBook? {
        (stretches.last { $0.number == nil } ?? stretches.last)?.segments.last?.book
    }

    /// Whether an invoice that is being made is among them.
    public var hasNew: Bool { stretches.contains { $0.number == nil } }

    /// From the first of its months to the end of the last stretch.
    public var hull: Period? {
        let all = segments
        guard let first = all.first, let last = all.last else { return nil }
        return Period(start: min(first.month.start, first.period.start), end: last.period.end)
    }

    /// The stretch that holds a segment; `nil` for time around them.
    public func owner(of segment: Segment) -> Stretch? {
        stretches.first { $0.period.holds(segment.period) }
    }

    /// The parts of segments that lie beside the group's stretches.
    public func outside(_ segments: [Segment]) -> [Segment] {
        segments.outside(stretches.map(\.period))
    }
}

extension BillingGroup {
    /// The name that usage of time around the stretches is pinned by: that of the new invoice, or one of
    /// its own beside the first of the invoices that are corrected.
    public var aroundKey: String {
        hasNew ? "" : Self.around + (stretches.first?.number ?? "")
    }

    static let around = "around "

    /// The names that all of its usage is pinned by.
    public var pinKeys: [String] {
        Set(stretches.map { $0.number ?? "" } + [aroundKey]).sorted()
    }
}
