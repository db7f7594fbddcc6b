extension PriceModel {
    /// The tier that holds the end of the month's quantity prices all of the quantity.
    ///
    /// Example: tiers up to 10 at 2 and above that at 1. A quantity of 15 costs 15 × 1 = 15.
    public static let volume = PriceModel(name: "volume") { tiers, end in
        guard var one = tiers.first(where: { end <= $0.upper ?? .max }) ?? tiers.last else {
            return tiers
        }
        (one.lower, one.upper) = (0, nil)
        return [one]
    }
}
