import Pricing
import Units

/// A tenant's usage by segment and meter, added up over all containers.
///
/// A price depends on the quantity of all containers together, so costs need no more than this.
public struct UsageSums: Sendable {
    private struct Key: Hashable {
        var meter: String
        var isUnreserved: Bool
    }

    private var sums: [[Key: MeterUsage]]

    public init(segments count: Int) { sums = Array(repeating: [:], count: count) }

    /// The sums of a segment, one for each meter and `isUnreserved`; their container is empty.
    public subscript(segment: Int) -> [MeterUsage] { Array(sums[segment].values) }

    /// Adds the usage of an account to a segment.
    public mutating func add(_ row: AccountUsage, to segment: Int) {
        let key = Key(meter: row.meter, isUnreserved: row.isUnreserved)
        var sum =
            sums[segment][key]
            ?? MeterUsage(
                container: ExactText(""), meter: row.meter, quantity: 0,
                isUnreserved: row.isUnreserved)
        sum.quantity += row.quantity
        sum.billable += row.billable
        sums[segment][key] = sum
    }
}
