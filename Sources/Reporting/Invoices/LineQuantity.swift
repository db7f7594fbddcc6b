import BigInt
import Invoicing
import Metering
import Pricing
import Units

/// The quantity of an invoice line in the unit of its price, so that people can check the line.
///
/// Quantity times unit price is the amount: `607.951 GB` at `0.05 / GB`. There are three decimals,
/// and more if the last of them would be worth more than a tenth of a minor unit of the currency.
struct LineQuantity {
    /// The quantity that the amount is computed from; `nil` if the line counts nothing.
    let priced: String?
    /// The quantity as metered; `nil` if it equals the priced one.
    ///
    /// The two differ after a minimum duration or rounding up.
    let metered: String?

    /// The smallest and the largest number of decimals.
    private static let fewestPlaces = 3
    private static let mostPlaces = 12

    /// The line, and the unit of its price; `nil` for a line without such a unit.
    private let line: LineItem
    private let unit: PricedUnit?
    /// The number of decimals in this line.
    private let places: Int

    /// Prepares the quantities of a line.
    ///
    /// - Parameters:
    ///   - line: a line of an invoice or draft.
    ///   - segments: the segments that priced the document's lines. They give the length of the
    ///     month.
    ///   - currency: the currency of the line's amount.
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

    /// Another quantity of the line's meter, with the same unit and decimals.
    func text(_ quantity: Int128) -> String { Self.text(quantity, line, unit, places) }

    /// The number of decimals at which the last one is worth at most a tenth of a minor unit.
    ///
    /// Examples: at 0.05 EUR per GB the minimum of three is enough, as 0.001 GB is worth 0.005
    /// cents. At 1000 EUR per unit, six decimals are needed.
    private static func places(_ unit: PricedUnit, _ currency: Currency) -> Int {
        var worth = unit.price / unit.count * Rational(currency.scale)
        var places = 0
        while places < mostPlaces, places < fewestPlaces || worth > Rational(1) / Rational(10) {
            (worth, places) = (worth / Rational(10), places + 1)
        }
        return places
    }

    /// A quantity in the unit of the line's price.
    ///
    /// A line without such a unit has its quantity in a unit for people (`humanQuantity`).
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
        // A quantity other than 0 must not look like 0.
        while places < mostPlaces, quantity != 0, isNothing(count, places) { places += 1 }
        return scaled(count, places: places, unit.name)
    }

    /// Whether a number is closer to 0 than the last of its decimals can show.
    private static func isNothing(_ count: Rational, _ places: Int) -> Bool {
        max(count, Rational(-1) * count) * Rational(BigInt(10).power(places)) < Rational(1)
    }
}

/// The unit that a price counts in: one `GiB-hour` for `0.30 / 744 GiB-hour`.
private struct PricedUnit {
    /// The name of the unit, such as `GiB-hour`.
    let name: String
    /// The size of one unit in base units of the meter.
    let size: Rational
    /// How many units the price is for, such as 744.
    let count: Rational
    /// Whether the unit is a count, such as operations.
    ///
    /// A whole number of such units is written without decimals.
    let isWhole: Bool

    /// The price of `count` units, in major units of the currency.
    let price: Rational

    /// Finds the unit of a line's price.
    ///
    /// - Returns: `nil` for a line that is no usage or has no price.
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
            // The line belongs to a month of another document, whose length is not known here. The
            // line's own amount tells how long it was.
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
