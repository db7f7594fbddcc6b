extension PriceModel {
    /// Whole packages of `per` are sold: a started one costs as much as a full one.
    ///
    /// Example: 7 for each 100. A quantity of 101 costs 14.
    public static let package = PriceModel(
        name: "package", roundsUp: true, storedAs: "graduated"
    ) { tiers, _ in tiers }
}
