import Units

/// What one container used of one meter in a segment, as it is billed.
public struct MeterUsage: Hashable, Sendable {
    /// A path or imported name.
    public var container: ExactText
    public var meter: String
    /// As metered, in base units.
    public var quantity: Int128
    /// The same, with short lives made up to the price's minimum duration.
    public var billable: Int128
    /// Used, where the price is for what limits grant, and none is set.
    public var isUnreserved: Bool

    public init(
        container: ExactText, meter: String, quantity: Int128, billable: Int128? = nil,
        isUnreserved: Bool = false
    ) {
        (self.container, self.meter) = (container, meter)
        (self.quantity, self.billable) = (quantity, billable ?? quantity)
        self.isUnreserved = isUnreserved
    }
}

/// One tenant's usage in one segment.
public struct SegmentUsage: Hashable, Sendable {
    public var segment: Segment
    /// One for each container and meter.
    public var usage: [MeterUsage]
    /// Whether it is to be charged; else it only takes its place in the month's tiers.
    public var isCharged: Bool
    /// The rules that its lines are made by.
    public var rules: RatingRules

    public init(
        segment: Segment, usage: [MeterUsage], isCharged: Bool = true,
        rules: RatingRules = .current
    ) {
        (self.segment, self.usage, self.isCharged) = (segment, usage, isCharged)
        self.rules = rules
    }
}

/// The rules that invoices are made by.
///
/// An issued invoice is verified by the rules of its day, so rules are added here and never edited.
public enum RatingRules: Int, Sendable {
    /// Octroi 0.1.0: each invoice is rated by itself. Where `round_up` is set, metered quantities
    /// are split between tiers in the proportion of the rounded ones.
    case first = 1
    /// All invoices of a month come to what one invoice would say. Metered quantities are shown in
    /// the tier that they lie in.
    case sharedMonths = 2

    public static let current = RatingRules.sharedMonths
}

/// What a quantity costs, exactly; not yet rounded.
public struct Charge: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case usage
        /// The flat amount of a tier.
        case flat
        /// Usage of a meter without a price.
        case unpriced
    }

    public var kind: Kind
    public var segment: Segment
    public var meter: String
    /// `nil` if the price has one tier alone.
    public var tier: TierPlace?
    /// `nil` for the flat amount of a tier.
    public var container: ExactText?
    /// As metered, in base units.
    public var quantity: Int128
    /// As priced: with minimum duration and rounding up.
    public var priced: Int128
    /// Per `per`; `nil` without a price.
    public var price: DecimalPrice?
    public var per: UnitQuantity?
    /// `priced × price ÷ per`, in major units of the currency.
    public var amount: Rational
}

/// The charges of one tenant's usage.
///
/// Within a month, each meter's quantities follow each other segment by segment: tiers and free
/// quantities go on where the segment before left them. The order of usage within a segment does not
/// matter.
///
/// - Parameter parts: in order of time; months must be complete from their start (or the tenant's
///   first usage) up to the last segment that is charged.
/// - Throws: if a meter with usage has no price and the policy is `block`.
public func rate(_ parts: [SegmentUsage], tenant: String) throws(Fault) -> [Charge] {
    var charges: [Charge] = []
    var start = parts.startIndex
    while start < parts.endIndex {
        let month = parts[start].segment.month
        let end = parts[start...].firstIndex { $0.segment.month != month } ?? parts.endIndex
        charges += try rateMonth(parts[start..<end], tenant)
        start = end
    }
    return charges
}

private func rateMonth(
    _ parts: ArraySlice<SegmentUsage>, _ tenant: String
) throws(Fault) -> [Charge] {
    var totals: [String: Int128] = [:]
    for usage in parts.lazy.flatMap(\.usage) where !usage.isUnreserved {
        totals[usage.meter, default: 0] += usage.billable
    }
    var positions: [String: MonthPosition] = [:]
    var charges: [Charge] = []
    for part in parts {
        let byMeter = Dictionary(grouping: part.usage.filter { $0.quantity != 0 }, by: \.meter)
        for (meter, all) in byMeter.sorted(by: { $0.key < $1.key }) {
            let price = part.segment.book.meters[meter]
            let free = all.filter { price == nil || $0.isUnreserved }
            if part.isCharged { charges += try unpriced(free, part.segment, tenant) }
            guard let price else { continue }
            let usage = all.filter { !$0.isUnreserved }.sorted { $0.container < $1.container }
            guard !usage.isEmpty else { continue }
            let scale = try PriceScale(price, part.segment, ofMonth: totals[meter, default: 0])
            // What is billed apart moves the position all the same.
            let own = scale.charges(
                usage, meter, by: part.rules, from: &positions[meter, default: .init()])
            if part.isCharged { charges += own }
        }
    }
    return charges
}

private func unpriced(
    _ usage: [MeterUsage], _ segment: Segment, _ tenant: String
) throws(Fault) -> [Charge] {
    if segment.book.unpriced == .block, let first = usage.first {
        throw unpricedFault(segment.book, tenant, first)
    }
    return usage.map {
        Charge(
            kind: .unpriced, segment: segment, meter: $0.meter, container: $0.container,
            quantity: $0.quantity, priced: $0.quantity, amount: .zero)
    }
}

private func unpricedFault(_ book: PriceBook, _ tenant: String, _ usage: MeterUsage) -> Fault {
    if usage.isUnreserved {
        return Fault(
            .badData, at: "price book \(book.id) of \(book.effective)",
            problem:
                "\(escapingControlCharacters(usage.container.text)) of tenant \(tenant) used \(usage.meter), which "
                + "is billed by what limits grant, and it has no limit",
            suggestion:
                "Bill by basis: max, set the limit, or set \"unpriced: show\", then octroi apply")
    }
    return Fault(
        .badData, at: "price book \(book.id) of \(book.effective)",
        problem: "tenant \(tenant) used \(usage.quantity) of \(usage.meter) in "
            + "\(escapingControlCharacters(usage.container.text)), and the book has no price for that meter",
        suggestion: "Add meters.\(usage.meter) to the book (a price of \"0\" is allowed), or set "
            + "\"unpriced: show\", then octroi apply")
}
