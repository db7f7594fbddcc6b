import Metering
import Units

/// One version of a price book.
///
/// It is in force from `effective` on, until the next version with the same id takes over.
public struct PriceBook: Hashable, Sendable {
    /// The book's id in the file `prices.yaml`.
    ///
    /// Tenants refer to it, and all versions of a book share it.
    public var id: String
    /// The currency of all its prices.
    public var currency: Currency
    /// When the version takes effect: the start of a ledger hour (`BillingZone.ledgerHour`).
    public var effective: Instant
    /// How an invoice's exact sum, and each tax, becomes whole minor units.
    public var rounding: Rounding
    /// The formula that the meter `memory` is billed by.
    public var memory: MemoryFormula
    /// What happens to usage of a meter that the book has no price for.
    public var unpriced: UnpricedPolicy
    /// The taxes on every line of the book.
    public var taxes: [Tax]
    /// The price of each meter, by meter name.
    public var meters: [String: Price]
    /// The least that a whole billing month costs, before tax; `nil` is no minimum.
    public var minimum: DecimalPrice?
    /// Fees for each billing month, whatever is used.
    public var fixed: [FixedFee]
    /// Percentages off the price of usage.
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

/// What happens to usage of a meter that has no price.
///
/// Such usage is never free without notice.
public enum UnpricedPolicy: String, Sendable, CaseIterable, Codable {
    /// No invoice is issued for it.
    case block
    /// The invoice shows the usage as a line of 0.
    case show
}

/// A tax on the net amount of an invoice's lines.
public struct Tax: Hashable, Sendable, Codable {
    /// A short code, such as `vat`.
    public var code: String
    /// The name that invoices print, such as `TVA`.
    public var name: String
    /// The rate in percent of the net amount: `20` is 20 %.
    public var rate: DecimalPrice

    public init(code: String, name: String, rate: DecimalPrice) {
        (self.code, self.name, self.rate) = (code, name, rate)
    }
}

/// A fee for each billing month.
///
/// A part of a month costs that part of the fee.
public struct FixedFee: Hashable, Sendable, Codable {
    /// A short code, such as `support`.
    public var code: String
    /// The name that invoices print.
    public var name: String
    /// The fee for a whole month.
    public var price: DecimalPrice

    public init(code: String, name: String, price: DecimalPrice) {
        (self.code, self.name, self.price) = (code, name, price)
    }
}

/// A percentage off what usage of meters costs, flat amounts of tiers included.
///
/// Several discounts add up, each as a percentage of the full price: 10 % and 5 % take 15 % off.
/// Fixed fees are not discounted.
public struct Discount: Hashable, Sendable, Codable {
    /// The discount in percent of the full price.
    public var percent: DecimalPrice
    /// The names of the meters it applies to; `nil` is all.
    public var meters: [String]?
    /// The ids of the tenants it applies to; `nil` is all.
    public var tenants: [String]?
    /// When the discount begins, the start of a ledger hour; `nil` is no bound.
    public var from: Instant?
    /// When the discount ends, exclusive, the start of a ledger hour; `nil` is no bound.
    public var until: Instant?

    public init(
        percent: DecimalPrice, meters: [String]?, tenants: [String]?, from: Instant?,
        until: Instant?
    ) {
        (self.percent, self.meters, self.tenants) = (percent, meters, tenants)
        (self.from, self.until) = (from, until)
    }

    /// Whether the discount applies to a tenant throughout a period.
    ///
    /// - Parameter period: must not hold `from` or `until` inside. `PriceBooks.segments` cuts time
    ///   there.
    public func applies(to tenant: String, over period: Period) -> Bool {
        tenants?.contains(tenant) != false && from.map { $0 <= period.start } != false
            && until.map { period.end <= $0 } != false
    }
}

/// A price book is stored as JSON, without the fields that it does not have.
///
/// `octroi apply` compares this text with the stored one. So fields that came later are left out
/// when they are empty; otherwise every stored version would look changed.
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
