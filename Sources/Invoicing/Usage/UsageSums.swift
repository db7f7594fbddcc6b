import Pricing
import Units

/// A tenant's usage by segment and meter, whichever container used it.
///
/// What a quantity costs does not depend on the container.
public struct UsageSums: Sendable {
    private struct Key: Hashable {
        var meter: String
        var isUnreserved: Bool
    }

    private var sums: [[Key: MeterUsage]]

    public init(segments count: Int) { sums = Array(repeating: [:], count: count) }

    public subscript(segment: Int) -> [MeterUsage] { Array(sums[segment].values) }

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
