import Pricing
import Units

/// An account, and consecutive hours in which it belongs to one tenant.
public struct OwnedSpan: Hashable, Sendable {
    /// The account's row number in the store.
    public var container: Int64
    /// The account's cgroup path or imported name; empty where it does not matter.
    public var path: ExactText
    /// The first second, in seconds since 1970; the start of a ledger hour.
    public var since: Int64
    /// The end, exclusive, in seconds since 1970; the start of a ledger hour.
    public var until: Int64
    /// The started seconds that the account lived; `nil` if no minimum duration applies to it.
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

/// One account's usage of one meter in one segment: what invoice lines are made of.
public struct AccountUsage: Hashable, Sendable {
    /// The place of the segment in the list of segments by which the usage was summed.
    public var segment: Int
    /// The account and its tenant's hours.
    public var span: OwnedSpan
    public var meter: String
    /// Whether it was used in hours without a limit, where the price bills what limits grant.
    public var isUnreserved: Bool
    /// The quantity as metered, in base units of the meter.
    public var quantity: Int128
    /// The quantity after the price's minimum duration was applied.
    public var billable: Int128

    public init(
        segment: Int, span: OwnedSpan, meter: String, isUnreserved: Bool, quantity: Int128,
        billable: Int128
    ) {
        (self.segment, self.span, self.meter) = (segment, span, meter)
        (self.isUnreserved, self.quantity, self.billable) = (isUnreserved, quantity, billable)
    }
}

/// The identity of a usage: its segment, account, first hour and meter.
///
/// An account has several usages in a segment if it left its tenant and came back.
public struct UsageKey: Hashable, Sendable {
    /// The place of the segment.
    public let segment: Int
    /// The account's row number.
    public let container: Int64
    /// The first second of the tenant's hours, since 1970.
    public let since: Int64
    public let meter: String
    /// Whether it was used without a limit.
    public let isUnreserved: Bool

    public init(_ use: AccountUsage) {
        (segment, container, since) = (use.segment, use.span.container, use.span.since)
        (meter, isUnreserved) = (use.meter, use.isUnreserved)
    }
}

/// Quantities by meter and assurance, for the remarks of an invoice.
public struct AssuredUsage: Sendable {
    /// The quantity by meter name, then by `Assurance.code`, in base units.
    public private(set) var sums: [String: [Int64: Int128]] = [:]

    public init() {}

    /// Adds a quantity.
    ///
    /// - Parameters:
    ///   - quantity: in base units.
    ///   - meter: the meter's name.
    ///   - assurance: an `Assurance.code`.
    public mutating func add(_ quantity: Int128, of meter: String, _ assurance: Int64) {
        sums[meter, default: [:]][assurance, default: 0] += quantity
    }
}

/// Adds up one tenant's usage by container and meter, as `rate` takes it.
///
/// Lives of one container path become one: an invoice shows containers by path.
///
/// - Parameters:
///   - usage: by account; `segment` counts through `segments`.
///   - charged: the places of the segments that the invoice charges. The others only count in the
///     tiers.
/// - Returns: one element for each segment, in the same order.
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
