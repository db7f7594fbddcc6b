import Units

/// A range of the month's quantity with one price.
struct Lane: Sendable {
    /// The lane holds what lies above `lower`, up to and including `upper`.
    var lower: Int128
    /// The upper bound in base units; `nil` is no bound.
    var upper: Int128?
    /// The tier that the lane belongs to; `nil` if the price has a single tier.
    var tier: TierPlace?
    /// The price for each `per`.
    var price: DecimalPrice
    /// An amount that is charged once a month, when the quantity gets above `lower`.
    var flat: DecimalPrice?

    /// How many of the units above `from`, up to `to`, lie in the lane.
    func overlap(_ from: Int128, _ to: Int128) -> Int128 {
        max(0, min(to, upper ?? .max) - max(from, lower))
    }
}
