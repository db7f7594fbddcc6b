import BigInt
import Pricing
import Units

/// Lines of one draft that are rounded together.
public struct RoundedTogether: Sendable {
    /// Not yet rounded.
    public var lines: [LineItem]
    /// What was billed for the same months before: exactly, in major units.
    public var billed: Rational
    /// The same as it was rounded, in minor units.
    public var billedRounded: BigInt
    public var rounding: Rounding
    /// The line that holds what rounding carries from earlier invoices of these months, if it is
    /// more than a unit for each of the others; `nil` if they take all.
    public var carried: LineItem?

    public init(
        lines: [LineItem], billed: Rational = .zero, billedRounded: BigInt = 0, rounding: Rounding,
        carried: LineItem? = nil
    ) {
        (self.lines, self.billed, self.billedRounded) = (lines, billed, billedRounded)
        (self.rounding, self.carried) = (rounding, carried)
    }

    /// Whether there is anything to bill.
    public func isDue(_ currency: Currency) -> Bool { !distributed(currency).isEmpty }

    /// What the lines come to in minor units: the months' rounded sum, less what was billed of it.
    ///
    /// So what rounding held back from earlier invoices of these months is billed as soon as it
    /// makes a unit, and all of them add up to the sum rounded once.
    func total(_ currency: Currency) -> BigInt {
        let exact = lines.reduce(billed) { $0 + $1.exactAmount }
        return rounding.round(exact * Rational(currency.scale)) - billedRounded
    }

    /// The lines with their amounts, in the order of an invoice.
    func distributed(_ currency: Currency) -> [LineItem] {
        var lines = lines.inInvoiceOrder
        let exact = lines.map { $0.exactAmount * Rational(currency.scale) }
        let total = total(currency)
        let own = rounding.round(exact.reduce(.zero, +))
        // Invoices of a month carry less than a unit from one to the next. It is more once some of them
        // were credited, as what was held back on one had been billed on another.
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
    /// Rounds lines once, to an invoice over `period`.
    ///
    /// The exact amounts are summed, the sum is rounded to minor units by the mode of `book`, which
    /// is the version in force at the period's end, and handed out to the lines by largest
    /// remainder. Each tax is rounded on the rounded net of the lines that bear it. The result does
    /// not depend on the order of the lines.
    ///
    /// - Throws: for segments of another currency than the book's.
    public init(
        tenant: String, period: Period, lines: [LineItem], segments: [Segment],
        before: [Segment] = [], book: PriceBook
    ) throws(Fault) {
        try self.init(
            tenant: tenant, period: period,
            groups: [RoundedTogether(lines: lines, rounding: book.rounding)], segments: segments,
            before: before, book: book)
    }

    /// Rounds each group of lines once.
    ///
    /// - Parameter groups: the lines of the period's own months first, then corrections of others.
    /// - Throws: for segments of another currency than the book's.
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

/// One line for each tax, rounded on the rounded net that bears it.
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

private func currencyFault(_ tenant: String, _ segment: Segment, _ book: PriceBook) -> Fault {
    Fault(
        .badData, at: "price book \(segment.book.id)",
        problem: "tenant \(tenant) would be billed in \(segment.book.currency) for "
            + "\(segment.period) and in \(book.currency) after that, on one invoice",
        suggestion: "Begin the new currency at the start of a month, or bill the parts apart with "
            + "--from and --to")
}
