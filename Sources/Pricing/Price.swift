import Units

/// The price of one meter: an amount for each `per`, in tiers of the month's quantity.
///
/// A price without tiers has a single tier without a bound. YAML such as `{ price: "0.04", per: 1
/// vCPU-hour, free: 50 vCPU-hour }` becomes one of these.
public struct Price: Hashable, Sendable {
    /// Which quantity of a meter is billed.
    public enum Basis: String, Sendable, CaseIterable, Codable {
        /// What was used.
        case used
        /// What limits grant (meters `cpu_reserved` and `memory_reserved`).
        case reserved
        /// The larger of used and reserved, compared hour by hour.
        case max
    }

    /// The quantity that a tier's price is for, such as `1 GiB-hour`.
    public var per: UnitQuantity
    /// How several tiers are applied.
    public var mode: PriceModel
    /// The tiers, lowest first.
    ///
    /// There is at least one, and only the last has no upper bound.
    public var tiers: [Tier]
    /// Whether used or reserved quantities are billed.
    public var basis: Basis
    /// The quantity that costs nothing, for each tenant and billing month; `nil` is none.
    ///
    /// It counts in the tiers: with 10 free and a first tier up to 100, the first tier prices 90.
    public var free: UnitQuantity?
    /// The least time, in seconds, that a container is billed for; `nil` is no minimum.
    ///
    /// A container that lived for a shorter time is billed as if it had gone on at the same rate:
    /// its quantity times the minimum, divided by the started seconds of its life, rounded up.
    public var minimumSeconds: Int64?
    /// The step for rounding up (`round_up:`); `nil` if the month's quantity is not rounded.
    ///
    /// The month's quantity beyond the free part is rounded up to a multiple of the step.
    public var step: UnitQuantity?

    /// Creates a price.
    ///
    /// - Precondition: `tiers` is not empty.
    public init(
        per: UnitQuantity, mode: PriceModel = .graduated, tiers: [Tier], basis: Basis = .used,
        free: UnitQuantity? = nil, minimumSeconds: Int64? = nil, step: UnitQuantity? = nil
    ) {
        precondition(!tiers.isEmpty, "a price without a tier")
        (self.per, self.mode, self.tiers, self.basis) = (per, mode, tiers, basis)
        (self.free, self.minimumSeconds, self.step) = (free, minimumSeconds, step)
    }

    /// Creates a price with a single tier: one amount for each `per`.
    public init(amount: DecimalPrice, per: UnitQuantity) {
        self.init(per: per, tiers: [Tier(upTo: nil, price: amount)])
    }

    /// The price of the first tier.
    public var amount: DecimalPrice {
        get { tiers[0].price }
        set { tiers[0].price = newValue }
    }

    /// The exact amount for a quantity by the first tier alone.
    ///
    /// Free quantities, other tiers and rounding up are ignored; `rate` applies them. Example: at
    /// 0.04 for 1 vCPU-hour, 1,800,000,000 µs (half an hour of one core) are 0.02.
    ///
    /// - Parameters:
    ///   - quantity: in base units.
    ///   - month: the billing month. A price per `month` needs its length.
    /// - Returns: the amount in major units of the currency.
    public func amount(of quantity: Int128, in month: Period) -> Rational {
        Rational(quantity) * amount.value / per.size(monthSeconds: month.seconds)
    }
}

/// One tier of a price: it holds for quantities above the tier before it, up to its own bound.
public struct Tier: Hashable, Sendable, Codable {
    /// The upper bound in units of the price's `per`, inclusive; `nil` is no bound.
    public var upTo: DecimalPrice?
    /// The price for each `per`.
    public var price: DecimalPrice
    /// An amount that is due once a month, as soon as the tier prices anything; `nil` is none.
    public var flat: DecimalPrice?

    public init(upTo: DecimalPrice?, price: DecimalPrice, flat: DecimalPrice? = nil) {
        (self.upTo, self.price, self.flat) = (upTo, price, flat)
    }
}

/// A price is stored with only those fields that differ from a plain price per unit.
///
/// A plain price is `{"amount": "0.04", "per": "1 vCPU-hour"}`. Several tiers, or a tier with a
/// flat amount, are stored as `tiers` in place of `amount`. `octroi apply` compares this text with
/// the stored one, so a new field must be left out at its default; else every version would look
/// changed.
extension Price: Codable {
    private enum CodingKeys: String, CodingKey {
        case amount
        case per
        case mode
        case tiers
        case basis
        case free
        case minimumSeconds
        case step
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        let tiers =
            try box.decodeIfPresent([Tier].self, forKey: .tiers)
            ?? [Tier(upTo: nil, price: try box.decode(DecimalPrice.self, forKey: .amount))]
        guard !tiers.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .tiers, in: box, debugDescription: "a price without a tier")
        }
        self.init(
            per: try box.decode(UnitQuantity.self, forKey: .per),
            mode: try box.decodeIfPresent(PriceModel.self, forKey: .mode) ?? .graduated,
            tiers: tiers,
            basis: try box.decodeIfPresent(Basis.self, forKey: .basis) ?? .used,
            free: try box.decodeIfPresent(UnitQuantity.self, forKey: .free),
            minimumSeconds: try box.decodeIfPresent(Int64.self, forKey: .minimumSeconds),
            step: try box.decodeIfPresent(UnitQuantity.self, forKey: .step))
    }

    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        if tiers.count == 1, tiers[0].flat == nil {
            try box.encode(amount, forKey: .amount)
        } else {
            try box.encode(tiers, forKey: .tiers)
        }
        try box.encode(per, forKey: .per)
        if mode != .graduated { try box.encode(mode, forKey: .mode) }
        if basis != .used { try box.encode(basis, forKey: .basis) }
        try box.encodeIfPresent(free, forKey: .free)
        try box.encodeIfPresent(minimumSeconds, forKey: .minimumSeconds)
        try box.encodeIfPresent(step, forKey: .step)
    }
}
