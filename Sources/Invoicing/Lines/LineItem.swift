import BigInt
import Pricing
import Units

/// One line of an invoice.
///
/// `subject` says what the line bills, with all that belongs to it: the meter and quantity of usage, the
/// time of a fee, the rate of a tax. Output formats switch over it. `LineColumns` is the same as text, as
/// the store and the CSV contract hold it.
public struct LineItem: Hashable, Sendable {
    /// In the order in which they stand on an invoice.
    public enum Kind: String, Sendable, CaseIterable {
        case usage
        /// A monthly fee, or the flat amount of a tier.
        case fixed
        case discount
        /// The difference to the month's minimum.
        case minimum
        /// Usage of a meter without a price, shown at 0 by the book's policy.
        case unpriced
        /// The difference to what an earlier invoice billed.
        case correction
        case tax
    }

    public var subject: LineSubject
    /// Whether it makes up for what was billed before.
    public var isCorrection: Bool
    public var period: Period
    /// In major units, before rounding.
    public var exactAmount: Rational
    /// In minor units.
    public var amount: BigInt
    /// The taxes on it; of a tax, the tax itself.
    public var taxes: [Tax]
    /// The invoice that a correction belongs to.
    public var reference: String?

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

    public var isTax: Bool {
        if case .tax = subject { true } else { false }
    }

    public var isMinimum: Bool {
        if case .minimum = subject { true } else { false }
    }

    /// The meter of usage, of a tier's flat amount or of a discount; `nil` for the rest.
    public var meter: String? { subject.meter }

    /// The container of usage.
    public var container: String? { subject.usage?.container.text }

    /// What is counted, of usage, flat amounts and fees.
    public var counted: CountedQuantity? { subject.counted }

    /// A line for what rounding carries from earlier invoices of the same months.
    ///
    /// - Parameter reference: the invoice whose months they are; `nil` if they are the new one's own.
    public static func carriedRounding(
        over period: Period, taxes: [Tax], reference: String?
    ) -> LineItem {
        LineItem(
            .rounding, period: period, exactAmount: .zero, taxes: taxes, isCorrection: true,
            reference: reference)
    }
}
