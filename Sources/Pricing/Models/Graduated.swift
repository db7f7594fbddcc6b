extension PriceModel {
    /// Each tier prices the part of the month's quantity that lies in it.
    ///
    /// Example: tiers up to 10 at 2 and above that at 1. A quantity of 15 costs 10 × 2 + 5 × 1 =
    /// 25.
    public static let graduated = PriceModel(name: "graduated") { tiers, _ in tiers }
}
