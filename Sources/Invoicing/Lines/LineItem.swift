import BigInt
import Pricing
import Units

/// One line of an invoice.
///
/// `subject` says what the line bills, with everything that belongs to it: the meter and quantity
/// of usage, the time of a fee, the rate of a tax. Output formats switch over it. `columns` gives
/// the same as text, as the store and the CSV contract hold it.
public struct LineItem: Hashable, Sendable {
    /// The kinds of lines, in the order in which they stand on an invoice.
    public enum Kind: String, Sendable, CaseIterable {
        /// What a container used of a meter.
        case usage
        /// A monthly fee, or the flat amount of a tier.
        case fixed
        /// A percentage off a meter's charges.
        case discount
        /// The difference to the month's minimum.
        case minimum
        /// Usage of a meter without a price, shown at 0 by the book's policy.
        case unpriced
        /// The difference to what earlier invoices billed, or a carried rounding.
        case correction
        /// A tax on the lines above.
        case tax
    }

    /// What the line bills.
    public var subject: LineSubject
    /// Whether the line corrects what was billed before.
    public var isCorrection: Bool
    /// The time that the line is for.
    public var period: Period
    /// The exact amount in major units, before rounding; 0 for a carried rounding.
    public var exactAmount: Rational
    /// The amount in minor units; 0 until the draft is rounded.
    public var amount: BigInt
    /// The taxes on the line; on a tax line, the tax itself.
    public var taxes: [Tax]
    /// The invoice that a correction belongs to; `nil` for other lines.
    public var reference: String?

    /// Creates a line; without `amount` it is not yet rounded.
    public init(
        _ subject: LineSubject, period: Period, exactAmount: Rational, amount: BigInt = 0,
        taxes: [Tax] = [], isCorrection: Bool = false, reference: String? = nil
    ) {
        (self.subject, self.period, self.isCorrection) = (subject, period, isCorrection)
        (self.exactAmount, self.amount) = (exactAmount, amount)
        (self.taxes, self.reference) = (taxes, reference)
    }

    public var kind: Kind {
        if isCorrection || subject == .rounding { return .correction }
        switch subject {
        case .usage(let usage): return usage.price == nil ? .unpriced : .usage
        case .flat, .fee: return .fixed
        case .discount: return .discount
        case .minimum: return .minimum
        case .rounding: return .correction
        case .tax: return .tax
        }
    }

    /// Whether the line is a tax.
    public var isTax: Bool {
        if case .tax = subject { true } else { false }
    }

    /// Whether the line is the difference to a month's minimum, as a new line or as a correction.
    public var isMinimum: Bool {
        if case .minimum = subject { true } else { false }
    }

    /// The meter of usage, of a tier's flat amount or of a discount; `nil` for other lines.
    public var meter: String? { subject.meter }

    /// The container of usage; `nil` for other lines.
    public var container: String? { subject.usage?.container.text }

    /// The quantity of usage, flat amounts and fees; `nil` for other lines.
    public var counted: CountedQuantity? { subject.counted }

    /// A line for the rounding that is carried over from earlier invoices of the same months.
    ///
    /// - Parameter reference: the invoice whose months they are; `nil` for the new invoice's own
    ///   months.
    public static func carriedRounding(
        over period: Period, taxes: [Tax], reference: String?
    ) -> LineItem {
        LineItem(
            .rounding, period: period, exactAmount: .zero, taxes: taxes, isCorrection: true,
            reference: reference)
    }
}
