import Pricing
import Units

/// A line's subject as text columns, as the CSV contract and table `invoice_line` have them.
///
/// This is the only place that writes and reads these columns. A line is recognized by which
/// columns it fills, never by a name alone: a custom meter, a fee or a tax may have any name, even
/// `minimum` or `second`.
///
/// | line | `meter` holds | marked by |
/// |---|---|---|
/// | usage | the meter | `container` |
/// | flat amount | the meter | `unit` is `tier` |
/// | fee | the fee's code | `unit` is `month` or `second` |
/// | discount | the meter | `per` is `100 EUR` |
/// | minimum | `minimum` | `per` is `1 month`, no quantity |
/// | rounding | `rounding` | no `per`, no quantity |
/// | tax | the tax's code | the kind |
public struct LineColumns: Hashable, Sendable {
    /// The kind of the line; a correction hides what kind of line it corrects.
    public var kind: LineItem.Kind
    /// The meter's name, the code of a fee or a tax, `minimum` or `rounding`.
    public var meter: String
    /// The tier, `free` or its number; `nil` if the price has a single tier.
    public var tier: String?
    /// The container's path or imported name; only usage has one.
    public var container: String?
    /// The quantity as metered, in `unit`.
    public var quantity: Int128?
    /// The quantity that the amount is computed from, in `unit`.
    public var priced: Int128?
    /// The unit of both quantities: a base unit of the meter, `tier`, `month` or `second`.
    public var unit: String?
    /// The price for each `per`; of a discount or a tax, its rate.
    public var unitPrice: String?
    /// The quantity that the price is for, such as `1 GiB-hour`.
    ///
    /// Other forms: `1 month`, `2678400 second` (the seconds of the month), `1 tier`, `100 EUR`.
    public var per: String?

    /// Creates columns; those that are not given are empty.
    public init(
        kind: LineItem.Kind, meter: String, tier: String? = nil, container: String? = nil,
        quantity: Int128? = nil, priced: Int128? = nil, unit: String? = nil,
        unitPrice: String? = nil, per: String? = nil
    ) {
        (self.kind, self.meter, self.tier, self.container) = (kind, meter, tier, container)
        (self.quantity, self.priced, self.unit) = (quantity, priced, unit)
        (self.unitPrice, self.per) = (unitPrice, per)
    }
}

extension LineItem {
    /// The line's subject as text columns.
    public var columns: LineColumns {
        var columns = LineColumns(
            kind: kind, meter: "", quantity: counted?.metered, priced: counted?.priced)
        switch subject {
        case .usage(let usage):
            (columns.meter, columns.container) = (usage.meter, usage.container.text)
            (columns.tier, columns.unit) = (usage.tier?.description, usage.unit)
            columns.unitPrice = usage.price?.amount.description
            columns.per = usage.price?.per.description
        case .flat(let flat):
            (columns.meter, columns.tier) = (flat.meter, flat.tier?.description)
            (columns.unit, columns.per) = ("tier", "1 tier")
            columns.unitPrice = flat.price.description
        case .fee(let fee):
            (columns.meter, columns.unitPrice) = (fee.code, fee.price.description)
            (columns.unit, columns.per) = fee.unit.columns
        case .discount(let name, let part), .tax(let name, let part):
            (columns.meter, columns.unitPrice) = (name, part.rate.description)
            columns.per = "100 \(part.currency)"
        case .minimum(let amount):
            (columns.meter, columns.unitPrice) = ("minimum", amount?.description)
            columns.per = "1 month"
        case .rounding: columns.meter = "rounding"
        }
        return columns
    }
}

extension FeeLine.Unit {
    /// The unit and `per` of a fee: `month` and `1 month`, or `second` and `2678400 second`.
    fileprivate var columns: (unit: String, per: String) {
        switch self {
        case .month: ("month", "1 month")
        case .second(let month): ("second", "\(month) second")
        }
    }

    /// Reads what `columns` gives.
    fileprivate init?(_ unit: String?, _ per: String?) {
        switch unit {
        case "month": self = .month
        case "second":
            guard let count = per?.split(separator: " ").first, let month = Int64(count) else {
                return nil
            }
            self = .second(ofMonth: month)
        default: return nil
        }
    }
}

extension LineColumns {
    /// The subject that the columns hold; `nil` for columns that `LineItem.columns` never makes.
    public var subject: LineSubject? {
        switch kind {
        case .usage, .unpriced: usage
        case .fixed: fixed
        case .discount: percentage.map { .discount(meter: meter, $0) }
        case .minimum: minimum
        case .tax: percentage.map { .tax(code: meter, $0) }
        case .correction: corrected
        }
    }

    /// The subject of a correction, whose kind does not tell what it corrects.
    private var corrected: LineSubject? {
        // Only usage has a container.
        if container != nil { return usage }
        if quantity != nil { return fixed }
        if per == nil { return .rounding }
        return per == "1 month" ? minimum : percentage.map { .discount(meter: meter, $0) }
    }

    private var usage: LineSubject? {
        guard let container, let quantity else { return nil }
        var price: UnitPrice?
        if let unitPrice {
            guard let amount = DecimalPrice(unitPrice), let per = per.flatMap({ UnitQuantity($0) })
            else { return nil }
            price = UnitPrice(amount, per: per)
        }
        guard let tier = readTier() else { return nil }
        return .usage(
            UsageLine(
                container: ExactText(container), meter: meter, tier: tier,
                CountedQuantity(quantity, priced: priced), unit: unit, price: price))
    }

    private var fixed: LineSubject? {
        guard let quantity, let price = unitPrice.flatMap({ DecimalPrice($0) }) else { return nil }
        let counted = CountedQuantity(quantity, priced: priced)
        if unit == "tier" {
            return readTier().map {
                .flat(FlatLine(meter: meter, tier: $0, counted, price: price))
            }
        }
        return FeeLine.Unit(unit, per).map {
            .fee(FeeLine(code: meter, counted, $0, price: price))
        }
    }

    private var minimum: LineSubject? {
        guard let unitPrice else { return .minimum(nil) }
        return DecimalPrice(unitPrice).map { .minimum($0) }
    }

    private var percentage: Percentage? {
        guard let rate = unitPrice.flatMap({ DecimalPrice($0) }),
            let currency = per?.split(separator: " ").last.flatMap({ Currency(String($0)) })
        else { return nil }
        return Percentage(rate, of: currency)
    }

    /// The tier, where the outer `nil` stands for a text that names no tier.
    ///
    /// The inner `nil` is a line without a tier.
    private func readTier() -> TierPlace?? {
        guard let tier else { return .some(nil) }
        return TierPlace(tier).map { .some($0) }
    }
}
