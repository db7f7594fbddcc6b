import BigInt
import Pricing
import Units

/// Invoices of one tenant and currency that have billing months in common.
///
/// They are rated as one invoice, because tiers, free quantities, fees and the minimum run through
/// a whole month. The group also holds the time of these months that no invoice bills.
public struct BillingGroup: Sendable {
    /// A stretch of time that one invoice bills.
    public struct Stretch: Sendable {
        /// The invoice's number; `nil` for the invoice that is being made.
        public var number: String?
        /// The time that the invoice bills.
        public var period: Period
        /// The segments of that time, with the book versions that the invoice was made by.
        public var segments: [Segment]
        /// When fees are due by the contract that the invoice was made by.
        public var contract: ContractTime
        /// The rules that the invoice was made by.
        public var rules: RatingRules
        /// The invoice, credited in full, that billed this time before; `nil` if there is none.
        public var replaces: String?

        /// Creates a stretch; without a number it belongs to the invoice that is being made.
        public init(
            number: String? = nil, period: Period, segments: [Segment], contract: ContractTime,
            rules: RatingRules = .current, replaces: String? = nil
        ) {
            (self.number, self.period, self.segments) = (number, period, segments)
            (self.contract, self.rules, self.replaces) = (contract, rules, replaces)
        }
    }

    /// The stretches in order of time, without overlaps.
    public var stretches: [Stretch]
    /// Segments of the months that no invoice of the group bills.
    ///
    /// They end with the last stretch. They are not charged, but their usage counts in the tiers.
    public var around: [Segment]

    public init(stretches: [Stretch], around: [Segment]) {
        (self.stretches, self.around) = (stretches, around)
    }

    /// Sorts stretches into one group for each currency.
    ///
    /// To a group, the stretches of other currencies are time that none of its invoices bills.
    ///
    /// - Parameters:
    ///   - stretches: in order of time, without overlaps.
    ///   - around: time of their months that no invoice bills.
    /// - Returns: the groups by currency code.
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

    /// All segments in order of time: those of the stretches, and those around them.
    ///
    /// The `segment` of `AccountUsage` counts through these.
    public var segments: [Segment] {
        (stretches.flatMap(\.segments) + around).sorted { $0.period.start < $1.period.start }
    }

    /// The book version that decides currency and rounding.
    ///
    /// It is the version in force at the end of the new stretch; in a group without a new stretch,
    /// at the end of the last one.
    public var book: PriceBook? {
        (stretches.last { $0.number == nil } ?? stretches.last)?.segments.last?.book
    }

    /// Whether the invoice that is being made belongs to the group.
    public var hasNew: Bool { stretches.contains { $0.number == nil } }

    /// The time from the start of the group's first month to the end of its last segment.
    public var hull: Period? {
        let all = segments
        guard let first = all.first, let last = all.last else { return nil }
        return Period(start: min(first.month.start, first.period.start), end: last.period.end)
    }

    /// The stretch that holds a segment; `nil` for a segment that no invoice of the group bills.
    public func owner(of segment: Segment) -> Stretch? {
        stretches.first { $0.period.holds(segment.period) }
    }

    /// The parts of segments that no stretch of the group covers.
    public func outside(_ segments: [Segment]) -> [Segment] {
        segments.outside(stretches.map(\.period))
    }
}

extension BillingGroup {
    /// The key under which usage of the time around the stretches is pinned.
    ///
    /// It is the new invoice's key (the empty text). In a group without a new invoice it is `around
    /// ` and the number of the first invoice, so that it differs from that invoice's own key.
    public var aroundKey: String {
        hasNew ? "" : Self.around + (stretches.first?.number ?? "")
    }

    /// The prefix of the key for time around invoices that are only corrected.
    static let around = "around "

    /// The keys under which all usage of the group is pinned, sorted.
    public var pinKeys: [String] {
        Set(stretches.map { $0.number ?? "" } + [aroundKey]).sorted()
    }
}
