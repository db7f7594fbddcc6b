import Pricing
import Units

extension LineItem {
    /// What a line is about, also where it corrects another.
    ///
    /// By the line's shape, never by its name alone: a custom meter, a fee and a tax may be called as they
    /// like, `minimum` or `second` included.
    public enum Subject: Hashable, Sendable {
        /// Usage of a meter, priced or not.
        case usage
        /// The flat amount of a tier.
        case flat
        /// A fee for each month, or for a part of one.
        case fee
        case discount
        /// What is missing to the month's minimum.
        case minimum
        /// What rounding carries from earlier invoices of the same months.
        case rounding
        case tax
    }

    /// What the line is about.
    public var subject: Subject {
        switch kind {
        case .usage, .unpriced: .usage
        case .fixed: flatOrFee
        case .discount: .discount
        case .minimum: .minimum
        case .tax: .tax
        case .correction: corrected
        }
    }

    private var corrected: Subject {
        // Only usage is of a container.
        if container != nil { return .usage }
        if quantity != nil { return flatOrFee }
        if per == nil { return .rounding }
        return per == "1 month" ? .minimum : .discount
    }

    private var flatOrFee: Subject { unit == "tier" ? .flat : .fee }
}

extension LineItem {
    /// A line for what rounding carries from earlier invoices of the same months.
    ///
    /// - Parameter reference: the invoice whose months they are; `nil` if they are the new one's own.
    public static func carriedRounding(
        over period: Period, taxes: [Tax], reference: String?
    ) -> LineItem {
        LineItem(
            kind: .correction, meter: "rounding", period: period, exactAmount: .zero, taxes: taxes,
            reference: reference)
    }
}
