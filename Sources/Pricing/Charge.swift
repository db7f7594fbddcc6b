import Units

/// One container's usage of one meter in a segment, in the quantities that are billed.
public struct MeterUsage: Hashable, Sendable {
    /// The container's cgroup path, or the name that its usage was imported under.
    ///
    /// Empty where the usage of several containers was added up.
    public var container: ExactText
    /// The meter's name as price books have it: `cpu`, `memory`, or the name of a custom meter.
    public var meter: String
    /// The quantity as metered, in base units of the meter: µs of one core, byte-seconds, bytes.
    public var quantity: Int128
    /// The quantity after the price's minimum duration was applied.
    ///
    /// It differs from `quantity` only for a container that lived for a shorter time than the
    /// minimum. With a minimum of 60 s, a container that lived 10 s and used 5 units is billed for
    /// 30.
    public var billable: Int128
    /// Whether it was used in hours without a limit, where the price bills what limits grant.
    ///
    /// Such usage has no reservation to bill. It is treated as usage without a price
    /// (`UnpricedPolicy`), so it never becomes free unnoticed.
    public var isUnreserved: Bool

    /// Creates a usage.
    ///
    /// - Parameter billable: `nil` if no minimum duration applies, so that it equals `quantity`.
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
    /// At most one element for each container, meter and `isUnreserved`, in any order.
    public var usage: [MeterUsage]
    /// Whether the segment is charged.
    ///
    /// If not, another invoice bills it: its usage only fills the month's free quantity and tiers.
    public var isCharged: Bool
    /// The rules by which the segment's lines are computed.
    public var rules: RatingRules

    public init(
        segment: Segment, usage: [MeterUsage], isCharged: Bool = true,
        rules: RatingRules = .current
    ) {
        (self.segment, self.usage, self.isCharged) = (segment, usage, isCharged)
        self.rules = rules
    }
}

/// The rules by which invoices are computed.
///
/// An issued invoice is verified by the rules of its day. So rules are added here and never edited.
/// The raw value is kept in table `rating_rules`.
public enum RatingRules: Int, Sendable {
    /// Octroi 0.1.0: each invoice is rated on its own.
    ///
    /// Where `round_up` is set, metered quantities are split between tiers in proportion to the
    /// rounded quantities.
    case first = 1
    /// All invoices of a billing month add up to what one invoice for the month would say.
    ///
    /// Each metered quantity is shown in the tier that it lies in.
    case sharedMonths = 2

    /// The rules for new invoices.
    public static let current = RatingRules.sharedMonths
}

/// The exact cost of a quantity, before any rounding to minor units.
public struct Charge: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A quantity of a meter, used by one container, in one tier.
        case usage
        /// The flat amount of a tier, once a month.
        case flat
        /// Usage of a meter without a price. Its amount is 0.
        case unpriced
    }

    public var kind: Kind
    /// The segment whose price book version prices it.
    public var segment: Segment
    public var meter: String
    /// The tier that prices it; `nil` if the price has a single tier.
    public var tier: TierPlace?
    /// The container that used it; `nil` for the flat amount of a tier.
    public var container: ExactText?
    /// The quantity as metered, in base units; 1 for a flat amount.
    public var quantity: Int128
    /// The quantity that is priced: with minimum duration and rounding up; 1 for a flat amount.
    public var priced: Int128
    /// The price for each `per`; `nil` for usage without a price.
    public var price: DecimalPrice?
    /// The quantity that `price` is for; `nil` for a flat amount and for usage without a price.
    public var per: UnitQuantity?
    /// The amount `priced × price ÷ per`, exact, in major units of the currency.
    public var amount: Rational
}

/// Computes the charges for one tenant's usage.
///
/// Within a billing month, the quantities of a meter follow one another segment by segment: a
/// segment continues in the free quantity and the tiers where the segment before it stopped. The
/// order of usage within a segment does not matter.
///
/// Example: 30 GB a month are free. The first segment used 20 GB, the second 25 GB. The first is
/// charged nothing; the second pays for 15 GB and gets the other 10 GB free.
///
/// - Parameters:
///   - parts: in order of time. A month must be complete from its start (or from the tenant's first
///     usage) to its last charged segment; otherwise usage lies in the wrong tiers.
///   - tenant: the tenant's id, for error messages.
/// - Returns: the charges segment by segment, within a segment by meter name.
/// - Throws: `badData` if charged usage has no price and the book's policy is `block`, or if a
///   tier, free quantity or step is no whole number of base units.
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

/// Rates the segments of one billing month.
///
/// The totals of the whole month come first, because a volume price needs them: the month's
/// quantity picks the tier that prices all of it.
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
            // Segments that are not charged advance the position too: their usage fills tiers.
            let own = scale.charges(
                usage, meter, by: part.rules, from: &positions[meter, default: .init()])
            if part.isCharged { charges += own }
        }
    }
    return charges
}

/// Lines of 0 for usage without a price.
///
/// - Throws: `badData` if there is any and the book blocks it.
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

/// The error for usage that blocks an invoice, naming the first container and the way out.
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
