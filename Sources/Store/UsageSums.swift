import Pricing
import Units

/// A tenant's usage by segment and meter, whichever container used it.
///
/// What a quantity costs does not depend on the container.
struct UsageSums {
    private struct Key: Hashable {
        var meter: String
        var isUnreserved: Bool
    }

    private var sums: [[Key: MeterUsage]]

    init(segments count: Int) { sums = Array(repeating: [:], count: count) }

    subscript(segment: Int) -> [MeterUsage] { Array(sums[segment].values) }

    mutating func add(_ row: AccountUsage, to segment: Int) {
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
