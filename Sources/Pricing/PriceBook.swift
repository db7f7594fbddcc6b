import Metering
import Units

/// The prices in force from a date on, until a later entry with the same id takes over.
public struct PriceBook: Hashable, Sendable {
    public var id: String
    public var currency: Currency
    /// A whole UTC hour.
    public var effective: Instant
    public var rounding: Rounding
    public var memory: MemoryFormula
    public var unpriced: UnpricedPolicy
    public var taxes: [Tax]
    /// By meter name.
    public var meters: [String: Price]
    /// What a month costs at least, net.
    public var minimum: DecimalPrice?
    public var fixed: [FixedFee]
    public var discounts: [Discount]

    public init(
        id: String, currency: Currency, effective: Instant, rounding: Rounding,
        memory: MemoryFormula, unpriced: UnpricedPolicy, taxes: [Tax], meters: [String: Price],
        minimum: DecimalPrice? = nil, fixed: [FixedFee] = [], discounts: [Discount] = []
    ) {
        (self.id, self.currency, self.effective) = (id, currency, effective)
        (self.rounding, self.memory, self.unpriced) = (rounding, memory, unpriced)
        (self.taxes, self.meters) = (taxes, meters)
        (self.minimum, self.fixed, self.discounts) = (minimum, fixed, discounts)
    }
}

/// What happens to usage of a meter that has no price: never free in silence.
public enum UnpricedPolicy: String, Sendable, CaseIterable, Codable {
    /// No invoice is issued.
    case block
    /// The invoice shows a line of 0.
    case show
}

/// A tax on the net subtotal.
public struct Tax: Hashable, Sendable, Codable {
    public var code: String
    public var name: String
    /// In percent.
    public var rate: DecimalPrice

    public init(code: String, name: String, rate: DecimalPrice) {
        (self.code, self.name, self.rate) = (code, name, rate)
    }
}

/// An amount for each billing month; a part of a month costs that part of it.
public struct FixedFee: Hashable, Sendable, Codable {
    public var code: String
    public var name: String
    public var price: DecimalPrice

    public init(code: String, name: String, price: DecimalPrice) {
        (self.code, self.name, self.price) = (code, name, price)
    }
}

/// A percentage off what usage costs; several add up, each of the full price.
public struct Discount: Hashable, Sendable, Codable {
    public var percent: DecimalPrice
    /// Names of meters; `nil` is all.
    public var meters: [String]?
    /// Ids of tenants; `nil` is all.
    public var tenants: [String]?
    /// Whole UTC hours: from the first on, until before the second.
    public var from: Instant?
    public var until: Instant?

    public init(
        percent: DecimalPrice, meters: [String]?, tenants: [String]?, from: Instant?,
        until: Instant?
    ) {
        (self.percent, self.meters, self.tenants) = (percent, meters, tenants)
        (self.from, self.until) = (from, until)
    }

    /// Whether it holds for a tenant over a period that no end of it cuts.
    public func applies(to tenant: String, over period: Period) -> Bool {
        tenants?.contains(tenant) != false && from.map { $0 <= period.start } != false
            && until.map { period.end <= $0 } != false
    }
}

/// Stored documents leave out what a book does not have.
extension PriceBook: Codable {
    private enum CodingKeys: String, CodingKey {
        case id
        case currency
        case effective
        case rounding
        case memory
        case unpriced
        case taxes
        case meters
        case minimum
        case fixed
        case discounts
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try box.decode(String.self, forKey: .id),
            currency: try box.decode(Currency.self, forKey: .currency),
            effective: try box.decode(Instant.self, forKey: .effective),
            rounding: try box.decode(Rounding.self, forKey: .rounding),
            memory: try box.decode(MemoryFormula.self, forKey: .memory),
            unpriced: try box.decode(UnpricedPolicy.self, forKey: .unpriced),
            taxes: try box.decode([Tax].self, forKey: .taxes),
            meters: try box.decode([String: Price].self, forKey: .meters),
            minimum: try box.decodeIfPresent(DecimalPrice.self, forKey: .minimum),
            fixed: try box.decodeIfPresent([FixedFee].self, forKey: .fixed) ?? [],
            discounts: try box.decodeIfPresent([Discount].self, forKey: .discounts) ?? [])
    }

    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(id, forKey: .id)
        try box.encode(currency, forKey: .currency)
        try box.encode(effective, forKey: .effective)
        try box.encode(rounding, forKey: .rounding)
        try box.encode(memory, forKey: .memory)
        try box.encode(unpriced, forKey: .unpriced)
        try box.encode(taxes, forKey: .taxes)
        try box.encode(meters, forKey: .meters)
        try box.encodeIfPresent(minimum, forKey: .minimum)
        if !fixed.isEmpty { try box.encode(fixed, forKey: .fixed) }
        if !discounts.isEmpty { try box.encode(discounts, forKey: .discounts) }
    }
}
