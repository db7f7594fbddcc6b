import Pricing
import Units

/// What a line of an invoice bills.
public enum LineSubject: Hashable, Sendable {
    /// What a container used of a meter.
    case usage(UsageLine)
    /// The flat amount of a tier, due once the tier is reached.
    case flat(FlatLine)
    /// A monthly fee.
    case fee(FeeLine)
    /// A percentage off a meter's charges.
    case discount(meter: String, Percentage)
    /// The difference to the month's minimum; the amount is the book's, `nil` if the book in force at the
    /// end has none.
    case minimum(DecimalPrice?)
    /// What rounding carries from earlier invoices of the same months.
    case rounding
    case tax(code: String, Percentage)
}

/// A quantity, as metered and as priced.
public struct CountedQuantity: Hashable, Sendable {
    /// In base units of the meter, seconds or months of a fee, or a number of flat amounts.
    public var metered: Int128
    /// With minimum duration and rounding up; `nil` on invoices of the first schemas.
    public var priced: Int128?

    public init(_ metered: Int128, priced: Int128? = nil) {
        (self.metered, self.priced) = (metered, priced)
    }

    /// The quantity that the amount is computed from.
    public var billed: Int128 { priced ?? metered }
}

/// A price, and the quantity it is for.
public struct UnitPrice: Hashable, Sendable {
    public var amount: DecimalPrice
    public var per: UnitQuantity

    public init(_ amount: DecimalPrice, per: UnitQuantity) {
        (self.amount, self.per) = (amount, per)
    }
}

/// What a container used of a meter, in one tier.
public struct UsageLine: Hashable, Sendable {
    /// A path or an imported name.
    public var container: ExactText
    public var meter: String
    /// `nil` if the price has one tier alone.
    public var tier: TierPlace?
    public var counted: CountedQuantity
    /// The base unit of the meter; `nil` where it is not known, as the meter is custom and has no price.
    public var unit: String?
    /// `nil` for a meter without a price.
    public var price: UnitPrice?

    public init(
        container: ExactText, meter: String, tier: TierPlace? = nil, _ counted: CountedQuantity,
        unit: String?, price: UnitPrice?
    ) {
        (self.container, self.meter, self.tier) = (container, meter, tier)
        (self.counted, self.unit, self.price) = (counted, unit, price)
    }
}

/// The flat amount of a tier.
public struct FlatLine: Hashable, Sendable {
    public var meter: String
    /// `nil` if the price has one tier alone.
    public var tier: TierPlace?
    public var counted: CountedQuantity
    public var price: DecimalPrice

    public init(
        meter: String, tier: TierPlace?, _ counted: CountedQuantity, price: DecimalPrice
    ) {
        (self.meter, self.tier, self.counted, self.price) = (meter, tier, counted, price)
    }
}

/// A fee for a month, or for a part of one.
public struct FeeLine: Hashable, Sendable {
    public enum Unit: Hashable, Sendable {
        case month
        /// Seconds, out of so many that the billing month has.
        case second(ofMonth: Int64)
    }

    public var code: String
    public var counted: CountedQuantity
    public var unit: Unit
    /// For a whole month.
    public var price: DecimalPrice

    public init(
        code: String, _ counted: CountedQuantity, _ unit: Unit, price: DecimalPrice
    ) {
        (self.code, self.counted, self.unit, self.price) = (code, counted, unit, price)
    }
}

/// So many of a hundred units of a currency.
public struct Percentage: Hashable, Sendable {
    public var rate: DecimalPrice
    public var currency: Currency

    public init(_ rate: DecimalPrice, of currency: Currency) {
        (self.rate, self.currency) = (rate, currency)
    }
}

extension LineSubject {
    var usage: UsageLine? {
        if case .usage(let usage) = self { usage } else { nil }
    }

    var meter: String? {
        switch self {
        case .usage(let usage): usage.meter
        case .flat(let flat): flat.meter
        case .discount(let meter, _): meter
        case .fee, .minimum, .rounding, .tax: nil
        }
    }

    /// Whether it has a price or a rate.
    var hasPrice: Bool {
        switch self {
        case .usage(let usage): usage.price != nil
        case .minimum(let amount): amount != nil
        case .flat, .fee, .discount, .tax: true
        case .rounding: false
        }
    }

    var counted: CountedQuantity? {
        get {
            switch self {
            case .usage(let usage): usage.counted
            case .flat(let flat): flat.counted
            case .fee(let fee): fee.counted
            case .discount, .minimum, .rounding, .tax: nil
            }
        }
        set {
            guard let newValue else { return }
            switch self {
            case .usage(var usage):
                usage.counted = newValue
                self = .usage(usage)
            case .flat(var flat):
                flat.counted = newValue
                self = .flat(flat)
            case .fee(var fee):
                fee.counted = newValue
                self = .fee(fee)
            case .discount, .minimum, .rounding, .tax: break
            }
        }
    }

    /// The same with nothing counted; what two lines share that are of the same thing.
    var emptied: LineSubject {
        var subject = self
        subject.counted = counted.map { CountedQuantity(0, priced: $0.priced.map { _ in 0 }) }
        return subject
    }
}
