import Units

/// The price of one meter: an amount for each `per`, by tiers of the month's quantity.
public struct Price: Hashable, Sendable {
    /// How tiers are read.
    public enum Mode: String, Sendable, CaseIterable, Codable {
        /// Each tier prices the part of the quantity that lies in it.
        case graduated
        /// The tier that the month's quantity ends in prices all of it.
        case volume
    }

    /// Which quantity is billed.
    public enum Basis: String, Sendable, CaseIterable, Codable {
        case used
        /// What limits grant.
        case reserved
        /// The larger of the two, in each hour.
        case max
    }

    public var per: UnitQuantity
    public var mode: Mode
    /// Never empty; only the last has no upper bound.
    public var tiers: [Tier]
    public var basis: Basis
    /// The first units of each tenant and month, which cost nothing.
    public var free: UnitQuantity?
    /// A life shorter than this is billed as if it had gone on as it was.
    public var minimumSeconds: Int64?
    /// The month's quantity beyond the free one is rounded up to whole steps of this.
    public var step: UnitQuantity?

    public init(
        per: UnitQuantity, mode: Mode = .graduated, tiers: [Tier], basis: Basis = .used,
        free: UnitQuantity? = nil, minimumSeconds: Int64? = nil, step: UnitQuantity? = nil
    ) {
        precondition(!tiers.isEmpty, "a price without a tier")
        (self.per, self.mode, self.tiers, self.basis) = (per, mode, tiers, basis)
        (self.free, self.minimumSeconds, self.step) = (free, minimumSeconds, step)
    }

    /// One price for each `per`.
    public init(amount: DecimalPrice, per: UnitQuantity) {
        self.init(per: per, tiers: [Tier(upTo: nil, price: amount)])
    }

    /// The price of the first tier.
    public var amount: DecimalPrice {
        get { tiers[0].price }
        set { tiers[0].price = newValue }
    }

    /// The exact amount, in major units, of a quantity in base units by the first tier.
    ///
    /// - Parameter month: the billing month, whose length a price per `month` needs.
    public func amount(of quantity: Int128, in month: Period) -> Rational {
        Rational(quantity) * amount.value / per.size(monthSeconds: month.seconds)
    }
}

/// A step of a price: it holds for quantities above the tier before, up to its own bound.
public struct Tier: Hashable, Sendable, Codable {
    /// In units of the price's `per`, inclusive; `nil` is no bound.
    public var upTo: DecimalPrice?
    /// For each `per`.
    public var price: DecimalPrice
    /// Once a month, as soon as something is billed by the tier.
    public var flat: DecimalPrice?

    public init(upTo: DecimalPrice?, price: DecimalPrice, flat: DecimalPrice? = nil) {
        (self.upTo, self.price, self.flat) = (upTo, price, flat)
    }
}

/// Stored documents name only what differs from a plain price per unit.
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
            mode: try box.decodeIfPresent(Mode.self, forKey: .mode) ?? .graduated, tiers: tiers,
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
