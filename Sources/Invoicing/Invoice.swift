import BigInt
import Metering
import Pricing
import Units

/// One line of an invoice.
public struct LineItem: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case usage
        case tax
        /// Usage that came to light after its period was invoiced.
        case correction
        /// Usage of a meter without a price, shown at 0 by the book's policy.
        case unpriced
    }

    public var kind: Kind
    /// The meter's name, or the code of a tax.
    public var meter: String
    public var container: String?
    public var period: Period
    /// In base units; `nil` for a tax.
    public var quantity: Int128?
    public var unit: String?
    /// The price as written in the book.
    public var unitPrice: String?
    public var per: String?
    /// In major units, before rounding.
    public var exactAmount: Rational
    /// In minor units.
    public var amount: BigInt

    public init(
        kind: Kind, meter: String, container: String?, period: Period, quantity: Int128?,
        unit: String?, unitPrice: String?, per: String?, exactAmount: Rational, amount: BigInt
    ) {
        (self.kind, self.meter, self.container, self.period) = (kind, meter, container, period)
        (self.quantity, self.unit) = (quantity, unit)
        (self.unitPrice, self.per) = (unitPrice, per)
        (self.exactAmount, self.amount) = (exactAmount, amount)
    }
}

/// An invoice before it has a number.
///
/// Its lines add up to its total.
public struct Draft: Hashable, Sendable {
    public var tenant: String
    public var period: Period
    public var currency: Currency
    public var lines: [LineItem]
    /// The parts of the period and the book version that priced each.
    public var segments: [Segment]

    public init(
        tenant: String, period: Period, currency: Currency, lines: [LineItem], segments: [Segment]
    ) {
        (self.tenant, self.period, self.currency) = (tenant, period, currency)
        (self.lines, self.segments) = (lines, segments)
    }

    /// In minor units, without tax.
    public var net: BigInt { sum { $0 != .tax } }
    /// In minor units.
    public var tax: BigInt { sum { $0 == .tax } }
    /// In minor units.
    public var total: BigInt { net + tax }

    private func sum(where isTaken: (LineItem.Kind) -> Bool) -> BigInt {
        lines.reduce(0) { isTaken($1.kind) ? $0 + $1.amount : $0 }
    }
}

/// A part of a billed period, and the book version that prices it.
public struct Segment: Hashable, Sendable {
    public var period: Period
    public var book: PriceBook

    public init(period: Period, book: PriceBook) { (self.period, self.book) = (period, book) }
}

/// An issued invoice: numbered, and never changed.
public struct Invoice: Hashable, Sendable {
    /// `OCT-000001`: gapless in its series.
    public var number: String
    public var draft: Draft
    public var issued: Instant

    public init(number: String, draft: Draft, issued: Instant) {
        (self.number, self.draft, self.issued) = (number, draft, issued)
    }
}
