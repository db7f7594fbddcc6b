import Metering
import Units

/// The prices in force from a date on, until a later entry with the same id takes over.
public struct PriceBook: Hashable, Sendable, Codable {
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

    public init(
        id: String, currency: Currency, effective: Instant, rounding: Rounding,
        memory: MemoryFormula, unpriced: UnpricedPolicy, taxes: [Tax], meters: [String: Price]
    ) {
        (self.id, self.currency, self.effective) = (id, currency, effective)
        (self.rounding, self.memory, self.unpriced) = (rounding, memory, unpriced)
        (self.taxes, self.meters) = (taxes, meters)
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

/// The price of one meter: `amount` for each `per`.
public struct Price: Hashable, Sendable, Codable {
    public var amount: DecimalPrice
    public var per: UnitQuantity

    public init(amount: DecimalPrice, per: UnitQuantity) { (self.amount, self.per) = (amount, per) }

    /// The exact amount, in major units, of a quantity in base units.
    ///
    /// - Parameter month: the billing month, whose length a price per `month` needs.
    public func amount(of quantity: Int128, in month: Period) -> Rational {
        Rational(quantity) * amount.value / per.size(monthSeconds: month.seconds)
    }
}
