/// How the tiers of a price are applied to the quantity of a month (`mode:` in price books).
///
/// A new model is a file beside this one, its place in `all`, and its table of cases in
/// `Tests/PricingTests`.
public struct PriceModel: Sendable {
    /// The word for it in price books, and in what is stored of them.
    public let name: String
    /// Whether quantities are rounded up to whole `per`, even without `round_up`.
    public let roundsUp: Bool
    /// The name under which price books store it; `nil` is its own.
    ///
    /// A package is stored as a graduated price with a rounding step, which says the same.
    private let stored: String?
    /// Turns the lanes of the tiers into those that price a month.
    ///
    /// It gets the lanes from the lowest to the highest, and the end of the month's quantity after
    /// rounding up, in base units. What it returns must cover that quantity without a gap.
    let lanes: @Sendable ([Lane], _ end: Int128) -> [Lane]

    init(
        name: String, roundsUp: Bool = false, storedAs stored: String? = nil,
        lanes: @escaping @Sendable ([Lane], _ end: Int128) -> [Lane]
    ) {
        (self.name, self.roundsUp, self.stored, self.lanes) = (name, roundsUp, stored, lanes)
    }

    /// All models, in the order of messages.
    public static let all: [PriceModel] = [.graduated, .volume, .package]

    /// The model with a name; `nil` if no model has it.
    public init?(_ name: String) {
        guard let model = Self.all.first(where: { $0.name == name }) else { return nil }
        self = model
    }

    /// The model that a price book stores instead of it; mostly itself.
    public var storedModel: PriceModel { stored.flatMap { PriceModel($0) } ?? self }
}

extension PriceModel: Hashable {
    public static func == (a: PriceModel, b: PriceModel) -> Bool { a.name == b.name }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension PriceModel: Codable {
    public init(from decoder: any Decoder) throws {
        let box = try decoder.singleValueContainer()
        let name = try box.decode(String.self)
        guard let model = PriceModel(name) else {
            throw DecodingError.dataCorruptedError(
                in: box, debugDescription: "an unknown price model")
        }
        self = model
    }

    public func encode(to encoder: any Encoder) throws {
        var box = encoder.singleValueContainer()
        try box.encode(name)
    }
}
