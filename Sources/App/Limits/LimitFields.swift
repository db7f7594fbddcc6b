import Enforcing
import Limits
import Reporting
import Units

/// What the sentences of a plan say, as fields for programs; tables leave them out.
enum LimitFields {
    static let columns = [
        "unit", "before_quantity", "wanted_quantity", "used_quantity", "throttled_percent",
        "reclaimable_bytes", "cost_most", "cost_before", "cost_now", "currency",
    ]

    /// The cells of one write, empty where nothing is known of it.
    ///
    /// - Parameter prices: costs are an hour's; without them nothing is said of money.
    static func cells(_ item: LimitPlan.Item?, _ prices: HourlyCost? = nil) -> [Cell] {
        guard let item else { return columns.map { _ in .none } }
        let (write, now) = (item.write, item.circumstances)
        let cost = prices?.cost(item)
        return [
            .optional(write.key.definition.unit), cell(write.before.quantity),
            cell(write.wanted.quantity),
            cell(write.used(now)), .optional(write.throttled(now)),
            .optional(write.reclaimable(now).map { Int128($0) }), cell(cost?.most),
            cell(cost?.before), cell(cost?.now), .optional(cost?.currency),
        ]
    }

    private static func cell(_ number: Rational?) -> Cell {
        number.map { .rational($0) } ?? .none
    }
}
