import BigInt
import Pricing
import Units

/// One line of an invoice.
public struct LineItem: Hashable, Sendable {
    /// In the order in which they stand on an invoice.
    public enum Kind: String, Sendable, CaseIterable {
        case usage
        /// A fee for each month, or the flat amount of a tier.
        case fixed
        case discount
        /// What is missing to the month's minimum.
        case minimum
        /// Usage of a meter without a price, shown at 0 by the book's policy.
        case unpriced
        /// What came to light after its period was invoiced.
        case correction
        case tax
    }

    public var kind: Kind
    /// The meter's name, or the code of a fee or a tax.
    public var meter: String
    /// `free`, or the number of a tier from 1; `nil` if the price has one tier alone.
    public var tier: String?
    public var container: String?
    public var period: Period
    /// As metered, in base units; `nil` where nothing is counted.
    public var quantity: Int128?
    /// As priced: with minimum duration and rounding up.
    public var priced: Int128?
    public var unit: String?
    /// The price as written in the book.
    public var unitPrice: String?
    public var per: String?
    /// In major units, before rounding: priced × unit price ÷ per.
    public var exactAmount: Rational
    /// In minor units.
    public var amount: BigInt
    /// The taxes on it.
    public var taxes: [Tax]
    /// The invoice that a correction belongs to.
    public var reference: String?

    public init(
        kind: Kind, meter: String, tier: String? = nil, container: String? = nil, period: Period,
        quantity: Int128? = nil, priced: Int128? = nil, unit: String? = nil,
        unitPrice: String? = nil, per: String? = nil, exactAmount: Rational, amount: BigInt = 0,
        taxes: [Tax] = [], reference: String? = nil
    ) {
        (self.kind, self.meter, self.tier, self.container) = (kind, meter, tier, container)
        (self.period, self.quantity, self.priced, self.unit) = (period, quantity, priced, unit)
        (self.unitPrice, self.per) = (unitPrice, per)
        (self.exactAmount, self.amount) = (exactAmount, amount)
        (self.taxes, self.reference) = (taxes, reference)
    }
}

extension LineItem {
    /// Whether `a` stands before `b`: a total order but for lines that are equal.
    static func stands(_ a: LineItem, before b: LineItem) -> Bool {
        a.place.lexicographicallyPrecedes(b.place)
    }

    private var place: [Place] {
        [
            .number(Int128(Kind.allCases.firstIndex(of: kind) ?? 0)), .text(reference ?? ""),
            .text(container ?? ""), .text(meter), .number(tierPlace),
            .number(Int128(period.start.seconds)), .number(Int128(period.end.seconds)),
            .text(unitPrice ?? ""), .text(per ?? ""), .number(quantity ?? 0),
            .number(priced ?? 0),
        ]
    }

    /// The free part first, then tiers by number.
    private var tierPlace: Int128 { tier == "free" ? -1 : tier.flatMap { Int128($0) } ?? 0 }

    private enum Place: Comparable {
        case number(Int128)
        case text(String)

        static func < (a: Place, b: Place) -> Bool {
            switch (a, b) {
            case (.number(let a), .number(let b)): a < b
            case (.text(let a), .text(let b)): ExactText(a) < ExactText(b)
            case (.number, .text): true
            case (.text, .number): false
            }
        }

        static func == (a: Place, b: Place) -> Bool { !(a < b) && !(b < a) }
    }
}
