import Metering
import Pricing
import Units

/// When a tenant pays fees: from the one instant on, until before the other; `nil` is no bound.
public struct ContractTime: Hashable, Sendable, Codable {
    public var since: Instant?
    public var until: Instant?

    public init(since: Instant? = nil, until: Instant? = nil) {
        (self.since, self.until) = (since, until)
    }

    /// Which part of its month a segment is, inside the contract.
    func share(of segment: Segment) -> Rational {
        let start = max(segment.period.start, since ?? segment.period.start)
        let end = min(segment.period.end, until ?? segment.period.end)
        return start < end
            ? Rational(end.seconds - start.seconds) / Rational(segment.month.seconds) : .zero
    }

    /// Whether the dates themselves say that a tenant is there in the period, used or not.
    public func covers(_ period: Period) -> Bool {
        since.map { $0 < period.end } == true && until.map { period.start < $0 } != false
    }
}

/// What usage and contract cost over some segments, line by line and not yet rounded: charges, fees,
/// discounts and what is missing to the minimum.
///
/// - Parameter parts: as `rate` takes them.
/// - Throws: as `rate` does.
public func statement(
    of tenant: String, _ parts: [SegmentUsage], _ contract: ContractTime = ContractTime()
) throws(Fault) -> [LineItem] {
    try statement(of: tenant, parts) { _ in contract }
}

/// The same, where the contract was another in some of the segments.
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
    /// A whole month is one month; a part of it is its seconds out of the month's.
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

/// What is missing to the minimum of one month's segments, each with its part of its book's.
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
