import BigInt
import Invoicing
import Units

// The chart of the invoice page: the net cost of each day, or of each month if there are many days.
//
// The net amount of a meter is divided in proportion to its usage, and everything else evenly over
// time. Corrections of earlier invoices have a bar of their own. All bars add up to the net amount.
extension InvoicePage {
    /// A day or a month of the billing period, with its cost.
    private struct Stretch {
        /// The whole day or month, even if the billing period covers only a part of it.
        var period: Period
        /// The date, such as `2026-11-23`, or the month, such as `2026-11`.
        var name: String
        /// The net cost, in minor units.
        var cost: Rational
    }

    /// A bar of the chart.
    private struct Bar {
        /// The text below the bar; `nil` if there is none.
        var label: String?
        /// What the bar stands for, for the tooltip.
        var name: String
        /// The net cost, in minor units.
        var cost: Rational
        /// Whether the bar stands for corrections of earlier invoices.
        var isCorrection = false
    }

    /// Whether each bar is a month: for periods of more than 100 days.
    private var isMonthly: Bool { draft.period.seconds > 100 * 86_400 }

    /// The values of the chart; `nil` if there is nothing to compare.
    ///
    /// That is so for a single day, and if nothing costs anything. The template's drawing is 440
    /// points wide and 122 high; the bars stand between x = 52 and x = 436.
    var chart: [String: Any]? {
        let stretches = costs
        let bars = bars(stretches)
        let costs = bars.compactMap { $0?.cost }
        guard stretches.count > 1, costs.contains(where: { $0 != .zero }),
            let high = stretches.max(by: { $0.cost < $1.cost }),
            let low = stretches.min(by: { $0.cost < $1.cost })
        else { return nil }
        let plot = Plot(costs, step: step(for:))
        let corrected = corrected
        let values = [
            "amount": amount(high.cost), "day": high.name, "low_amount": amount(low.cost),
            "low_day": low.name, "corrections": amount(corrected ?? .zero),
        ]
        func label(_ key: String) -> String {
            text.label(key + (isMonthly ? "_months" : ""), values)
        }
        let named =
            corrected == nil ? "" : " " + text.label("chart_corrections_note", values)
        // Hundredths of a point for each bar: 384 points divided by their number.
        let slot = Rational(38_400) / Rational(bars.count)
        return [
            "chart_title": label("chart_title"), "chart_axis": label("chart_axis"),
            "chart_note": label("chart_note") + named,
            "chart_desc": label("chart_desc") + named,
            "baseline": point(plot.y(.zero)),
            "gridlines": (-plot.below...plot.above).map { place in
                let value = Rational(place) * plot.step
                return [
                    "grid_y": point(plot.y(value)),
                    "grid_text": text.number(trimmed(draft.currency.text(value.floor))),
                ]
            },
            "bars": bars.enumerated().compactMap { index, bar in
                bar.map { item($0, Rational(5200) + slot * Rational(index), slot, plot) }
            },
        ]
    }

    /// A bar for each stretch; then a gap (`nil`) and a bar for corrections, if there are any.
    private func bars(_ stretches: [Stretch]) -> [Bar?] {
        let own = stretches.enumerated().map { index, stretch in
            Bar(
                label: label(index, of: stretches.count, stretch), name: stretch.name,
                cost: stretch.cost)
        }
        guard let corrected else { return own }
        return own + [
            nil,
            Bar(
                label: text.label("chart_corrections_axis"), name: text.label("chart_corrections"),
                cost: corrected, isCorrection: true),
        ]
    }

    /// The text below a bar: the first day of the period and days 5, 10 and so on of the month, or
    /// 12 of the months at most.
    private func label(_ index: Int, of count: Int, _ stretch: Stretch) -> String? {
        if isMonthly { return index.isMultiple(of: (count + 11) / 12) ? stretch.name : nil }
        guard let day = Int(stretch.name.suffix(2)) else { return nil }
        // Two labels side by side would touch.
        let isFirst = index == 0 && !(day + 1).isMultiple(of: 5)
        return isFirst || day.isMultiple(of: 5) ? String(day) : nil
    }

    /// The values of a bar for the template.
    ///
    /// - Parameters:
    ///   - bar: the bar.
    ///   - x: the left end of its slot, in hundredths of a point.
    ///   - slot: the width of its slot. The bar takes 70 % of it, and is centred.
    ///   - plot: the scale.
    private func item(_ bar: Bar, _ x: Rational, _ slot: Rational, _ plot: Plot) -> [String: Any] {
        let ends = [plot.y(.zero), plot.y(bar.cost)].sorted()
        var item: [String: Any] = [
            "x": point(x + slot * Rational(15) / Rational(100)), "y": point(ends[0]),
            "width": point(slot * Rational(7) / Rational(10)),
            "height": point(ends[1] - ends[0]),
            "title": bar.name + (text.language == .fr ? "\u{A0}" : "") + ": " + amount(bar.cost),
        ]
        if bar.isCorrection { item["is_correction_bar"] = true }
        if let label = bar.label {
            item["label"] = label
            item["label_x"] = point(x + slot / Rational(2))
        }
        return item
    }

    /// The vertical scale of the chart, which reaches from y = 12 to y = 106 points.
    private struct Plot {
        /// The amount between two grid lines, in minor units.
        let step: Rational
        /// The number of steps above zero, and the number below.
        let above: Int
        let below: Int

        /// Fits a scale to the bars.
        ///
        /// - Parameter step: the amount between two grid lines for a total height.
        init(_ costs: [Rational], step: (Rational) -> Rational) {
            let (top, bottom) = (max(costs.max() ?? .zero, .zero), min(costs.min() ?? .zero, .zero))
            let size = step(top - bottom)
            /// The number of steps that cover a height.
            func steps(_ height: Rational) -> Int { Int(Rounding.up.round(height / size)) }
            self.step = size
            (above, below) = (steps(top), steps(Rational(-1) * bottom))
        }

        /// The place of an amount, in hundredths of a point from the top.
        func y(_ cost: Rational) -> Rational {
            Rational(1200) + Rational(9400) * (Rational(above) - cost / step)
                / Rational(max(above + below, 1))
        }
    }

    /// The sum of the corrections in minor units; `nil` if there are none.
    private var corrected: Rational? {
        let lines = draft.lines.filter { !$0.isTax && $0.reference != nil }
        return lines.isEmpty ? nil : lines.reduce(.zero) { $0 + Rational($1.amount) }
    }

    /// The days or months that the period touches, with a cost of 0.
    private var empty: [Stretch] {
        if isMonthly {
            return document.zone.months(touching: draft.period).map {
                Stretch(
                    period: $0, name: String(document.zone.day(of: $0.start).date.prefix(7)),
                    cost: .zero)
            }
        }
        var days: [Stretch] = []
        var next = draft.period.start
        while next < draft.period.end {
            let (period, date) = document.zone.day(of: next)
            days.append(Stretch(period: period, name: date, cost: .zero))
            next = period.end
        }
        return days
    }

    /// The days or months with their costs, without corrections and taxes.
    private var costs: [Stretch] {
        var stretches = empty
        var totals: [String: Int128] = [:]
        for use in document.hourly { totals[use.meter, default: 0] += use.quantity }
        var nets: [String: Rational] = [:]
        var even = Rational.zero
        for line in draft.lines where !line.isTax && line.reference == nil {
            let net = Rational(line.amount)
            if let meter = line.meter, totals[meter] ?? 0 > 0 {
                nets[meter, default: .zero] = nets[meter, default: .zero] + net
            } else {
                even = even + net
            }
        }
        for use in document.hourly {
            guard let net = nets[use.meter], let total = totals[use.meter],
                let place = stretches.firstIndex(where: { use.hour < $0.period.end })
            else { continue }
            stretches[place].cost =
                stretches[place].cost + net * Rational(use.quantity) / Rational(total)
        }
        let seconds = Rational(draft.period.seconds)
        for index in stretches.indices {
            guard let inside = stretches[index].period.intersection(draft.period) else { continue }
            stretches[index].cost =
                stretches[index].cost + even * Rational(inside.seconds) / seconds
        }
        return stretches
    }

    /// The amount between two grid lines, in minor units.
    ///
    /// It is the smallest of 1, 2, 5, 10, 20, 50 and so on that covers the height in four steps.
    private func step(for height: Rational) -> Rational {
        var power = Rational(1)
        while true {
            for factor in [1, 2, 5] where power * Rational(factor * 4) >= height {
                return power * Rational(factor)
            }
            power = power * Rational(10)
        }
    }

    /// An amount with its currency, rounded half to even to whole minor units.
    private func amount(_ minor: Rational) -> String {
        money(Rounding.halfEven.round(minor)) + "\u{A0}" + draft.currency.code
    }

    /// Decimal text without the ending `.00`, as the labels of the grid are narrow.
    private func trimmed(_ text: String) -> String {
        text.hasSuffix(".00") ? String(text.dropLast(3)) : text
    }

    /// Hundredths of a point as points: 12345 is `123.45`.
    private func point(_ hundredths: Rational) -> String {
        decimalText(Rounding.halfEven.round(hundredths), places: 2)
    }
}
