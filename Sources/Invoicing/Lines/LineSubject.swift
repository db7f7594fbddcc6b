import Pricing
import Units

/// What a line of an invoice bills.
public enum LineSubject: Hashable, Sendable {
    /// What a container used of a meter.
    case usage(UsageLine)
    /// The flat amount of a tier, due once a month when the tier is reached.
    case flat(FlatLine)
    /// A monthly fee.
    case fee(FeeLine)
    /// A percentage off a meter's charges.
    case discount(meter: String, Percentage)
    /// The difference to the month's minimum.
    ///
    /// It holds the minimum of the book in force at the end; `nil` if that book has none.
    case minimum(DecimalPrice?)
    /// Rounding that is carried over from earlier invoices of the same months.
    case rounding
    /// A tax, by its code and its rate.
    case tax(code: String, Percentage)
}

/// A quantity, as it was metered and as it is priced.
public struct CountedQuantity: Hashable, Sendable {
    /// The quantity as metered.
    ///
    /// It is in base units of the meter; for a fee in seconds or months; for flat amounts their
    /// number.
    public var metered: Int128
    /// The quantity with minimum duration and rounding up; `nil` on invoices of the first schemas.
    public var priced: Int128?

    public init(_ metered: Int128, priced: Int128? = nil) {
        (self.metered, self.priced) = (metered, priced)
    }

    /// The quantity that the amount is computed from.
    public var billed: Int128 { priced ?? metered }
}

/// A price, and the quantity that it is for.
public struct UnitPrice: Hashable, Sendable {
    /// The price in major units.
    public var amount: DecimalPrice
    /// The quantity that the price is for, such as `1 GiB-hour`.
    public var per: UnitQuantity

    public init(_ amount: DecimalPrice, per: UnitQuantity) {
        (self.amount, self.per) = (amount, per)
    }
}

/// What a container used of a meter in one tier.
public struct UsageLine: Hashable, Sendable {
    /// The container's cgroup path or imported name.
    public var container: ExactText
    public var meter: String
    /// The tier; `nil` if the price has a single tier.
    public var tier: TierPlace?
    /// The quantity in the tier.
    public var counted: CountedQuantity
    /// The base unit of the meter; `nil` for a custom meter without a price.
    public var unit: String?
    /// The price; `nil` for a meter without a price.
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
    /// The tier; `nil` if the price has a single tier.
    public var tier: TierPlace?
    /// The number of flat amounts: 1, or -1 where one is taken back.
    public var counted: CountedQuantity
    /// The flat amount in major units.
    public var price: DecimalPrice

    public init(
        meter: String, tier: TierPlace?, _ counted: CountedQuantity, price: DecimalPrice
    ) {
        (self.meter, self.tier, self.counted, self.price) = (meter, tier, counted, price)
    }
}

/// A fee for a month, or for a part of one.
public struct FeeLine: Hashable, Sendable {
    /// What a fee is counted in.
    public enum Unit: Hashable, Sendable {
        /// Whole months.
        case month
        /// Seconds, out of the number of seconds that the billing month has.
        case second(ofMonth: Int64)
    }

    /// The fee's code in the price book.
    public var code: String
    /// The number of months or seconds.
    public var counted: CountedQuantity
    /// What `counted` counts.
    public var unit: Unit
    /// The fee for a whole month, in major units.
    public var price: DecimalPrice

    public init(
        code: String, _ counted: CountedQuantity, _ unit: Unit, price: DecimalPrice
    ) {
        (self.code, self.counted, self.unit, self.price) = (code, counted, unit, price)
    }
}

/// A rate out of 100 units of a currency: 20 of 100 EUR.
public struct Percentage: Hashable, Sendable {
    /// The rate in percent.
    public var rate: DecimalPrice
    /// The currency of the amounts that it applies to.
    public var currency: Currency

    public init(_ rate: DecimalPrice, of currency: Currency) {
        (self.rate, self.currency) = (rate, currency)
    }
}

extension LineSubject {
    /// The usage; `nil` for other subjects.
    var usage: UsageLine? {
        if case .usage(let usage) = self { usage } else { nil }
    }

    /// The meter of usage, of a flat amount or of a discount; `nil` for other subjects.
    var meter: String? {
        switch self {
        case .usage(let usage): usage.meter
        case .flat(let flat): flat.meter
        case .discount(let meter, _): meter
        case .fee, .minimum, .rounding, .tax: nil
        }
    }

    /// Whether the subject has a price or a rate.
    var hasPrice: Bool {
        switch self {
        case .usage(let usage): usage.price != nil
        case .minimum(let amount): amount != nil
        case .flat, .fee, .discount, .tax: true
        case .rounding: false
        }
    }

    /// The quantity of usage, flat amounts and fees; setting it on other subjects has no effect.
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

    /// The subject with quantities of 0: equal for two lines that bill the same thing.
    var emptied: LineSubject {
        var subject = self
        subject.counted = counted.map { CountedQuantity(0, priced: $0.priced.map { _ in 0 }) }
        return subject
    }
}
