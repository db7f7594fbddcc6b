import Pricing
import Units

/// An account, and hours in which it belongs to one tenant.
public struct OwnedSpan: Hashable, Sendable {
    /// The account's row.
    public var container: Int64
    public var path: ExactText
    /// The first second, since 1970: a whole hour.
    public var since: Int64
    /// The second after the last: a whole hour.
    public var until: Int64
    /// How many seconds the account lived, begun seconds included; `nil` if no minimum applies to it.
    public var life: Int64?

    public init(
        container: Int64, path: ExactText, since: Int64, until: Int64, life: Int64? = nil
    ) {
        (self.container, self.path, self.life) = (container, path, life)
        (self.since, self.until) = (since, until)
    }

    /// The part of the span inside a period; `nil` if there is none.
    public func within(_ period: Period) -> OwnedSpan? {
        var span = self
        span.since = max(since, period.start.seconds)
        span.until = min(until, period.end.seconds)
        return span.since < span.until ? span : nil
    }
}

/// What an account used of a meter in a segment: what an invoice line is made of.
public struct AccountUsage: Hashable, Sendable {
    /// The place of the segment among those that the usage was summed by.
    public var segment: Int
    public var span: OwnedSpan
    public var meter: String
    /// Whether it was used without a reservation, where reservations are billed.
    public var isUnreserved: Bool
    /// In base units of the meter.
    public var quantity: Int128
    /// The quantity raised to the minimum duration of its price.
    public var billable: Int128

    public init(
        segment: Int, span: OwnedSpan, meter: String, isUnreserved: Bool, quantity: Int128,
        billable: Int128
    ) {
        (self.segment, self.span, self.meter) = (segment, span, meter)
        (self.isUnreserved, self.quantity, self.billable) = (isUnreserved, quantity, billable)
    }
}

/// Identifies usage: its segment, account and meter.
public struct UsageKey: Hashable, Sendable {
    public let segment: Int
    public let container: Int64
    public let since: Int64
    public let meter: String
    public let isUnreserved: Bool

    public init(_ use: AccountUsage) {
        (segment, container, since) = (use.segment, use.span.container, use.span.since)
        (meter, isUnreserved) = (use.meter, use.isUnreserved)
    }
}

/// Quantities by meter and assurance.
public struct AssuredUsage: Sendable {
    /// By meter, then by the assurance's code.
    public private(set) var sums: [String: [Int64: Int128]] = [:]

    public init() {}

    public mutating func add(_ quantity: Int128, of meter: String, _ assurance: Int64) {
        sums[meter, default: [:]][assurance, default: 0] += quantity
    }
}

/// Adds up the usage of one tenant by container: what its segments are charged for.
///
/// - Parameters:
///   - usage: by account; `segment` counts through `segments`.
///   - charged: the places of the segments that the invoice charges. The others only take their place
///     in the tiers.
public func segmentUsage(
    _ usage: [AccountUsage], _ segments: [Segment], charged: Range<Int>,
    rules: RatingRules = .current
) -> [SegmentUsage] {
    struct Key: Hashable {
        let container: ExactText
        let meter: String
        let isUnreserved: Bool
    }
    var bySegment: [[Key: MeterUsage]] = Array(repeating: [:], count: segments.count)
    for row in usage {
        let key = Key(container: row.span.path, meter: row.meter, isUnreserved: row.isUnreserved)
        var sum =
            bySegment[row.segment][key]
            ?? MeterUsage(
                container: key.container, meter: row.meter, quantity: 0,
                isUnreserved: row.isUnreserved)
        sum.quantity += row.quantity
        sum.billable += row.billable
        bySegment[row.segment][key] = sum
    }
    return segments.indices.map { index in
        SegmentUsage(
            segment: segments[index], usage: Array(bySegment[index].values),
            isCharged: charged.contains(index), rules: rules)
    }
}
