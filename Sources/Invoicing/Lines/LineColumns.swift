import Pricing
import Units

/// What a line is about, as the columns of the CSV contract and of table `invoice_line` hold it.
///
/// This is the only place that reads these columns. They tell a line by its shape, never by its name alone:
/// a custom meter, a fee and a tax may be called as they like, `minimum` or `second` included.
public struct LineColumns: Hashable, Sendable {
    public var kind: LineItem.Kind
    /// The meter's name, the code of a fee or a tax, `minimum` or `rounding`.
    public var meter: String
    public var tier: String?
    public var container: String?
    public var quantity: Int128?
    public var priced: Int128?
    public var unit: String?
    /// A price, or the rate of a discount or a tax.
    public var unitPrice: String?
    /// What the price is for: `1 GiB-hour`, `1 month`, `2678400 second`, `1 tier`, `100 EUR`.
    public var per: String?

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
    fileprivate var columns: (unit: String, per: String) {
        switch self {
        case .month: ("month", "1 month")
        case .second(let month): ("second", "\(month) second")
        }
    }

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
    /// What the columns say; `nil` if they are none that `LineItem.columns` makes.
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

    private var corrected: LineSubject? {
        // Only usage is of a container.
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

    /// `nil` for a tier that cannot be; `.some(nil)` for none.
    private func readTier() -> TierPlace?? {
        guard let tier else { return .some(nil) }
        return TierPlace(tier).map { .some($0) }
    }
}
