import BigInt
import Pricing
import Units

/// Lines of one draft whose sum is rounded once.
///
/// The exact sum of all invoices for a set of months is rounded, not the sum of each invoice.
/// Example: two invoices of one month are exactly 0.004 and 0.004. Both together are 0.008, which
/// rounds to 0.01. The first bills 0.00, and the second bills 0.01, which includes what rounding
/// left out of the first.
public struct RoundedTogether: Sendable {
    /// The lines with exact amounts, not yet rounded.
    public var lines: [LineItem]
    /// The exact sum that was billed for the same months before, in major units.
    public var billed: Rational
    /// The sum that was billed for the same months before as it was rounded, in minor units.
    public var billedRounded: BigInt
    /// How the sum is rounded.
    public var rounding: Rounding
    /// A line for the rounding that is carried over from earlier invoices of these months.
    ///
    /// It is used only if that rounding is more than a minor unit for each of the other lines.
    /// `nil` if the other lines are to take all of it.
    public var carried: LineItem?

    /// Creates a group; by default nothing was billed before.
    public init(
        lines: [LineItem], billed: Rational = .zero, billedRounded: BigInt = 0, rounding: Rounding,
        carried: LineItem? = nil
    ) {
        (self.lines, self.billed, self.billedRounded) = (lines, billed, billedRounded)
        (self.rounding, self.carried) = (rounding, carried)
    }

    /// Whether there is anything to bill: a line, or a carried rounding.
    public func isDue(_ currency: Currency) -> Bool { !distributed(currency).isEmpty }

    /// The sum that the lines are billed with, in minor units.
    ///
    /// It is the rounded sum of all that the months cost, minus what was billed for them. What
    /// rounding left out of earlier invoices is billed as soon as it makes a whole minor unit, and
    /// all invoices of the months add up to their sum rounded once.
    func total(_ currency: Currency) -> BigInt {
        let exact = lines.reduce(billed) { $0 + $1.exactAmount }
        return rounding.round(exact * Rational(currency.scale)) - billedRounded
    }

    /// The lines with their amounts in minor units, in the order of an invoice.
    ///
    /// The total is handed to the lines by largest remainder (`distribute`). For exact amounts of
    /// 1.5, 1.3 and 0.2 minor units, the sum is 3: rounded down the lines get 1, 1 and 0, and the
    /// one unit that is left goes to the first, whose remainder is the largest.
    func distributed(_ currency: Currency) -> [LineItem] {
        var lines = lines.inInvoiceOrder
        let exact = lines.map { $0.exactAmount * Rational(currency.scale) }
        let total = total(currency)
        let own = rounding.round(exact.reduce(.zero, +))
        // The months' invoices carry less than a unit from one to the next. It becomes more when
        // some of them were credited: what rounding left out of one had been billed on another.
        let isTaken = carried == nil || (total - own).magnitude <= exact.count
        for (index, amount) in distribute(isTaken ? total : own, over: exact).enumerated() {
            lines[index].amount = amount
        }
        if var carried, !isTaken {
            carried.amount = total - own
            lines.append(carried)
        }
        return lines
    }
}

extension Draft {
    /// Creates a draft of one group of lines.
    ///
    /// The exact amounts are summed. The sum is rounded once to minor units and handed to the lines
    /// by largest remainder. Each tax is rounded on the rounded net amount of the lines that bear
    /// it. The result does not depend on the order of the lines.
    ///
    /// - Parameters:
    ///   - period: the time that the invoice bills.
    ///   - segments: the segments of the period.
    ///   - before: the segments before the period in its first month.
    ///   - book: the version in force at the period's end. It sets the currency and the rounding.
    /// - Throws: `badData` if a segment has another currency than `book`.
    public init(
        tenant: String, period: Period, lines: [LineItem], segments: [Segment],
        before: [Segment] = [], book: PriceBook
    ) throws(Fault) {
        try self.init(
            tenant: tenant, period: period,
            groups: [RoundedTogether(lines: lines, rounding: book.rounding)], segments: segments,
            before: before, book: book)
    }

    /// Creates a draft of several groups of lines, and rounds each group once.
    ///
    /// - Parameter groups: the lines of the period's own months first, then corrections of other
    ///   months.
    /// - Throws: `badData` if a segment has another currency than `book`.
    public init(
        tenant: String, period: Period, groups: [RoundedTogether], segments: [Segment],
        before: [Segment] = [], book: PriceBook
    ) throws(Fault) {
        if let other = segments.first(where: { $0.book.currency != book.currency }) {
            throw currencyFault(tenant, other, book)
        }
        var lines = groups.flatMap { $0.distributed(book.currency) }.inInvoiceOrder
        lines += taxLines(on: lines, period, book.rounding, book.currency)
        self.init(
            tenant: tenant, period: period, currency: book.currency, lines: lines,
            segments: segments.sorted { $0.period.start < $1.period.start }, before: before)
    }
}

/// One line for each tax, rounded on the rounded net amount of the lines that bear it.
///
/// - Returns: the tax lines in the order of an invoice.
func taxLines(
    on lines: [LineItem], _ period: Period, _ rounding: Rounding, _ currency: Currency
) -> [LineItem] {
    var nets: [Tax: BigInt] = [:]
    for line in lines { for tax in line.taxes { nets[tax, default: 0] += line.amount } }
    return nets.map { tax, net in
        let exactMinor = Rational(net) * tax.rate.value / Rational(100)
        return LineItem(
            .tax(code: tax.code, Percentage(tax.rate, of: currency)), period: period,
            exactAmount: exactMinor / Rational(currency.scale),
            amount: rounding.round(exactMinor), taxes: [tax])
    }.inInvoiceOrder
}

/// The error for an invoice that would mix two currencies.
private func currencyFault(_ tenant: String, _ segment: Segment, _ book: PriceBook) -> Fault {
    Fault(
        .badData, at: "price book \(segment.book.id)",
        problem: "tenant \(tenant) would be billed in \(segment.book.currency) for "
            + "\(segment.period) and in \(book.currency) after that, on one invoice",
        suggestion: "Begin the new currency at the start of a month, or bill the parts apart with "
            + "--from and --to")
}
