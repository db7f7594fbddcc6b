import Enforcing
import Limits
import Reporting
import Units

/// Columns of a plan for programs: numbers, where a table has sentences.
enum LimitFields {
    /// The names of the columns; costs are for each hour.
    static let columns = [
        "unit", "before_quantity", "wanted_quantity", "used_quantity", "throttled_percent",
        "reclaimable_bytes", "cost_most", "cost_before", "cost_now", "currency",
    ]

    /// The cells of one write under `columns`.
    ///
    /// - Parameters:
    ///   - item: `nil` leaves all cells empty.
    ///   - prices: without them the costs are empty.
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

    /// A number as a cell; empty if it is not known.
    private static func cell(_ number: Rational?) -> Cell {
        number.map { .rational($0) } ?? .none
    }
}
