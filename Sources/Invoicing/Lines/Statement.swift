import Metering
import Pricing
import Units

/// The time in which a tenant pays fees, used or not.
public struct ContractTime: Hashable, Sendable, Codable {
    /// The first instant; `nil` is no bound.
    public var since: Instant?
    /// The end, exclusive; `nil` is no bound.
    public var until: Instant?

    /// Creates a time; without bounds, fees are due whenever something is used.
    public init(since: Instant? = nil, until: Instant? = nil) {
        (self.since, self.until) = (since, until)
    }

    /// The part of its month that a segment covers inside the contract.
    ///
    /// Example: a segment of 10 days in a month of 30, with a contract from its fifth day on: 6/30.
    func share(of segment: Segment) -> Rational {
        let start = max(segment.period.start, since ?? segment.period.start)
        let end = min(segment.period.end, until ?? segment.period.end)
        return start < end
            ? Rational(end.seconds - start.seconds) / Rational(segment.month.seconds) : .zero
    }

    /// Whether the contract's dates alone make fees due in a period, even without usage.
    ///
    /// That takes a `since` that lies before the period's end. A contract with only an `until`, or
    /// with no dates, does not.
    public func covers(_ period: Period) -> Bool {
        since.map { $0 < period.end } == true && until.map { period.start < $0 } != false
    }
}

/// What usage and contract cost over some segments, line by line and not yet rounded.
///
/// The lines are charges, fees, discounts and what is missing to each month's minimum.
///
/// - Parameters:
///   - tenant: the id of the tenant.
///   - parts: as `rate` takes them.
///   - contract: when fees are due.
/// - Throws: as `rate` does.
public func statement(
    of tenant: String, _ parts: [SegmentUsage], _ contract: ContractTime = ContractTime()
) throws(Fault) -> [LineItem] {
    try statement(of: tenant, parts) { _ in contract }
}

/// The same, with a contract that may differ from segment to segment.
///
/// - Parameter contract: the contract for each segment; invoices of one month may have been made
///   under different contracts.
func statement(
    of tenant: String, _ parts: [SegmentUsage], contract: (Segment) -> ContractTime
) throws(Fault) -> [LineItem] {
    let charges = try rate(parts, tenant: tenant)
    var lines = charges.map(LineItem.init)
    let segments = parts.filter(\.isCharged).map(\.segment)
    for segment in segments {
        lines += segment.book.fixed.compactMap { $0.line(segment, contract(segment)) }
        lines += discounts(tenant, segment, charges.filter { $0.segment == segment })
    }
    for month in Set(segments.map(\.month)) {
        let inMonth = segments.filter { $0.month == month }
        if let line = minimum(lines, inMonth, contract) { lines.append(line) }
    }
    return lines
}

extension LineItem {
    fileprivate init(_ charge: Charge) {
        let counted = CountedQuantity(charge.quantity, priced: charge.priced)
        self.init(
            .usage(charge, counted), period: charge.segment.period, exactAmount: charge.amount,
            taxes: charge.segment.book.taxes)
    }
}

extension LineSubject {
    /// The subject of a charge: usage of a container, or the flat amount of a tier without one.
    fileprivate static func usage(_ charge: Charge, _ counted: CountedQuantity) -> LineSubject {
        guard let container = charge.container else {
            return .flat(
                FlatLine(
                    meter: charge.meter, tier: charge.tier, counted, price: charge.price ?? .zero))
        }
        let dimension = charge.per?.dimension ?? Meter(charge.meter)?.dimension
        let price = charge.price.flatMap { amount in
            charge.per.map { UnitPrice(amount, per: $0) }
        }
        return .usage(
            UsageLine(
                container: container, meter: charge.meter, tier: charge.tier, counted,
                unit: dimension?.baseUnit, price: price))
    }
}

extension FixedFee {
    /// The fee for a segment; `nil` if the contract does not cover any of it.
    ///
    /// A whole month counts as one month. A part of a month counts as its seconds, out of the
    /// month's.
    fileprivate func line(_ segment: Segment, _ contract: ContractTime) -> LineItem? {
        let share = contract.share(of: segment)
        guard share > .zero else { return nil }
        let isWhole = share == Rational(1)
        let seconds = (share * Rational(segment.month.seconds)).floor
        let count = isWhole ? 1 : Int128(seconds)
        let fee = FeeLine(
            code: code, CountedQuantity(count, priced: count),
            isWhole ? .month : .second(ofMonth: segment.month.seconds), price: price)
        return LineItem(
            .fee(fee), period: segment.period, exactAmount: price.value * share,
            taxes: segment.book.taxes)
    }
}

/// A discount line for each discount and meter with charges in a segment.
private func discounts(_ tenant: String, _ segment: Segment, _ charges: [Charge]) -> [LineItem] {
    segment.book.discounts.filter { $0.applies(to: tenant, over: segment.period) }
        .flatMap { discount in
            let taken = charges.filter {
                $0.amount != .zero && discount.meters?.contains($0.meter) != false
            }
            return Dictionary(grouping: taken, by: \.meter).map { meter, charges in
                let full = charges.reduce(.zero) { $0 + $1.amount }
                return LineItem(
                    .discount(
                        meter: meter, Percentage(discount.percent, of: segment.book.currency)),
                    period: segment.period,
                    exactAmount: Rational(-1) * full * discount.percent.value / Rational(100),
                    taxes: segment.book.taxes)
            }
        }
}

/// The line for what is missing to the minimum of one month; `nil` if nothing is.
///
/// Each segment contributes its share of its book's minimum. Example: a minimum of 5.00 for the
/// first half of the month and 9.00 for the second make 7.00. With charges of 6.20, the line is
/// 0.80.
private func minimum(
    _ lines: [LineItem], _ segments: [Segment], _ contract: (Segment) -> ContractTime
) -> LineItem? {
    let least = segments.reduce(Rational.zero) {
        $0 + ($1.book.minimum?.value ?? .zero) * contract($1).share(of: $1)
    }
    guard let last = segments.last, let first = segments.first,
        let period = Period(start: first.period.start, end: last.period.end), least > .zero
    else { return nil }
    let net = lines.reduce(Rational.zero) {
        period.intersection($1.period) == nil ? $0 : $0 + $1.exactAmount
    }
    guard net < least else { return nil }
    return LineItem(
        .minimum(last.book.minimum), period: period, exactAmount: least - net,
        taxes: last.book.taxes)
}
