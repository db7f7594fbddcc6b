import BigInt
import Metering
import Pricing
import Units

/// Usage of one segment that is to be billed.
public struct BillableUsage: Sendable {
    public var segment: Segment
    /// Per container and meter, of one tenant.
    public var usage: [Usage]
    /// Whether the segment was invoiced before, and this is what came to light since.
    public var isLate: Bool

    public init(segment: Segment, usage: [Usage], isLate: Bool) {
        (self.segment, self.usage, self.isLate) = (segment, usage, isLate)
    }
}

extension Draft {
    /// Prices usage and rounds once: the lines of an invoice over `period`.
    ///
    /// The exact amounts are summed, the sum is rounded to minor units by the mode of `book`, which
    /// is the version in force at the period's end and names the taxes, and handed out to the lines by largest remainder. Each tax is
    /// rounded on the rounded net. The result does not depend on the order of the usage.
    ///
    /// - Throws: for an unpriced meter under policy `block`, and for books of two currencies.
    public init(
        tenant: String, period: Period, billable: [BillableUsage], book: PriceBook
    ) throws(Fault) {
        let own = billable.filter { !$0.isLate }.map(\.segment)
            .sorted { $0.period.start < $1.period.start }
        var lines: [LineItem] = []
        for part in billable {
            guard part.segment.book.currency == book.currency else {
                throw currencyFault(tenant, part.segment, book)
            }
            lines += try Self.lines(of: part)
        }
        lines.sort { $0.stableKey < $1.stableKey }
        let exact = lines.map { $0.exactAmount * Rational(book.currency.scale) }
        let net = book.rounding.round(exact.reduce(.zero, +))
        for (index, amount) in distribute(net, over: exact).enumerated() {
            lines[index].amount = amount
        }
        if !lines.isEmpty { lines += book.taxes.map { $0.line(on: net, book, period) } }
        self.init(
            tenant: tenant, period: period, currency: book.currency, lines: lines, segments: own)
    }

    private static func lines(of part: BillableUsage) throws(Fault) -> [LineItem] {
        let book = part.segment.book
        let month = Period(monthOf: part.segment.period.start)
        return try book.rate(part.usage, in: month).map { charge in
            let kind: LineItem.Kind =
                charge.price == nil ? .unpriced : part.isLate ? .correction : .usage
            let meter = charge.usage.meter
            return LineItem(
                kind: kind, meter: meter.name, container: charge.usage.container,
                period: part.segment.period, quantity: charge.usage.quantity,
                unit: (charge.price?.per.dimension ?? meter.dimension)?.baseUnit,
                unitPrice: charge.price?.amount.description, per: charge.price?.per.description,
                exactAmount: charge.amount, amount: 0)
        }
    }
}

private func currencyFault(_ tenant: String, _ segment: Segment, _ book: PriceBook) -> Fault {
    Fault(
        .badData, at: "price book \(segment.book.id)",
        found: "tenant \(tenant) would be billed in \(segment.book.currency) for "
            + "\(segment.period) and in \(book.currency) after that, on one invoice",
        cure: "Begin the new currency at the start of a month, or bill the parts apart with "
            + "--from and --to")
}

extension LineItem {
    /// What lines are sorted by, and ties of the rounding broken by.
    fileprivate var stableKey: StableKey {
        StableKey(
            kind: Kind.allCases.firstIndex(of: kind) ?? 0, container: ExactText(container ?? ""),
            meter: meter, start: period.start, quantity: quantity ?? 0)
    }
}

private struct StableKey: Comparable {
    let kind: Int
    let container: ExactText
    let meter: String
    let start: Instant
    let quantity: Int128

    static func < (a: StableKey, b: StableKey) -> Bool {
        if a.kind != b.kind { return a.kind < b.kind }
        if a.container != b.container { return a.container < b.container }
        if a.meter != b.meter { return a.meter < b.meter }
        if a.start != b.start { return a.start < b.start }
        return a.quantity < b.quantity
    }
}

extension Tax {
    /// The tax line on a net amount in minor units, rounded by the book's mode.
    fileprivate func line(on net: BigInt, _ book: PriceBook, _ period: Period) -> LineItem {
        let exactMinor = Rational(net) * rate.value / Rational(100)
        return LineItem(
            kind: .tax, meter: code, container: nil, period: period, quantity: nil, unit: nil,
            unitPrice: rate.description, per: "100 \(book.currency)",
            exactAmount: exactMinor / Rational(book.currency.scale),
            amount: book.rounding.round(exactMinor))
    }
}
