import BigInt
import Invoicing
import Metering
import Pricing
import Units

/// The quantity of an invoice line as people check it: in the unit of its price.
///
/// What is shown, times the unit price, is the amount: `607.951 GB` at `0.05 / GB`. It has three
/// decimals, and more where the price is so high that a thousandth of a unit is money.
struct LineQuantity {
    /// As it is priced; `nil` where nothing is counted.
    let priced: String?
    /// As metered, where that is another quantity: a short life, or a package that was begun.
    let metered: String?

    private static let fewestPlaces = 3
    private static let mostPlaces = 12

    private let line: LineItem
    private let unit: PricedUnit?
    private let places: Int

    /// - Parameter segments: those that priced lines: they tell how long a month is.
    init(_ line: LineItem, _ segments: [Segment], _ currency: Currency) {
        self.line = line
        unit = PricedUnit(line, segments)
        places = unit.map { Self.places($0, currency) } ?? Self.fewestPlaces
        guard let counted = line.counted else {
            (priced, metered) = (nil, nil)
            return
        }
        priced = Self.text(counted.billed, line, unit, places)
        metered =
            counted.billed == counted.metered
            ? nil : Self.text(counted.metered, line, unit, places)
    }

    /// Another quantity of the same meter, as this line shows its own.
    func text(_ quantity: Int128) -> String { Self.text(quantity, line, unit, places) }

    /// How many decimals it takes until the last is worth no tenth of the currency's smallest unit.
    private static func places(_ unit: PricedUnit, _ currency: Currency) -> Int {
        var worth = unit.price / unit.count * Rational(currency.scale)
        var places = 0
        while places < mostPlaces, places < fewestPlaces || worth > Rational(1) / Rational(10) {
            (worth, places) = (worth / Rational(10), places + 1)
        }
        return places
    }

    private static func text(
        _ quantity: Int128, _ line: LineItem, _ unit: PricedUnit?, _ places: Int
    ) -> String {
        guard let unit else {
            let columns = line.columns
            let isUsage = line.container != nil
            let dimension = isUsage ? Meter(columns.meter)?.dimension : nil
            return humanQuantity(quantity, dimension, columns.unit)
        }
        let count = Rational(quantity) / unit.size
        if unit.isWhole, count.denominator == 1 { return scaled(count, places: 0, unit.name) }
        var places = places
        // What is not nothing does not read as nothing.
        while places < mostPlaces, quantity != 0, isNothing(count, places) { places += 1 }
        return scaled(count, places: places, unit.name)
    }

    private static func isNothing(_ count: Rational, _ places: Int) -> Bool {
        max(count, Rational(-1) * count) * Rational(BigInt(10).power(places)) < Rational(1)
    }
}

/// One of what a price is for: of `0.30 / 744 GiB-hour`, the `GiB-hour`.
private struct PricedUnit {
    let name: String
    /// In base units of the meter.
    let size: Rational
    /// How many of it the price is for.
    let count: Rational
    /// Whether it is counted, not measured.
    let isWhole: Bool

    /// In major units of the currency.
    let price: Rational

    /// `nil` for what is no usage, or has no price.
    init?(_ line: LineItem, _ segments: [Segment]) {
        guard case .usage(let usage) = line.subject, let price = usage.price,
            price.per.dimension.baseUnit == usage.unit
        else { return nil }
        let words = price.per.description.split(separator: " ")
        guard let name = words.last, let one = UnitQuantity(String(name)),
            let count = words.count == 2 ? Rational(decimal: words[0]) : Rational(1)
        else { return nil }
        (self.name, self.count, self.price) = (String(name), count, price.amount.value)
        let month = segments.first { $0.period.intersection(line.period) != nil }?.month
        if month == nil, one.isPerMonth, self.price != .zero, line.exactAmount != .zero {
            // Of another document's month, the line itself tells how long it was.
            size = Rational(usage.counted.billed) * self.price / line.exactAmount / count
        } else {
            size = one.size(monthSeconds: (month ?? Period(monthOf: line.period.start)).seconds)
        }
        isWhole =
            switch price.per.dimension {
            case .operations, .custom(_, overTime: false): true
            default: false
            }
    }
}
