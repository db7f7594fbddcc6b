import BigInt
import Invoicing
import Units

// The cost of each day, or of each month where there are too many days: the net amount of a meter is spread
// by its usage, the rest evenly over time. Corrections have a bar of their own. All bars add up to the net.
extension InvoicePage {
    private struct Stretch {
        var period: Period
        /// Its date, or its month.
        var name: String
        /// In minor units.
        var cost: Rational
    }

    /// A bar with what it says; `nil` is a gap.
    private struct Bar {
        var label: String?
        var name: String
        /// In minor units.
        var cost: Rational
        var isCorrection = false
    }

    /// More days than this are drawn by the month.
    private var isMonthly: Bool { draft.period.seconds > 100 * 86_400 }

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

    /// What stands below a bar: the number of each fifth day, or a dozen months.
    private func label(_ index: Int, of count: Int, _ stretch: Stretch) -> String? {
        if isMonthly { return index.isMultiple(of: (count + 11) / 12) ? stretch.name : nil }
        return index == 0 || (index + 1).isMultiple(of: 5) ? String(index + 1) : nil
    }

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

    /// Where amounts lie: the plot is 94 points high, from 12 to 106.
    private struct Plot {
        let step: Rational
        /// In steps.
        let above: Int
        let below: Int

        init(_ costs: [Rational], step: (Rational) -> Rational) {
            let (top, bottom) = (max(costs.max() ?? .zero, .zero), min(costs.min() ?? .zero, .zero))
            let size = step(top - bottom)
            func steps(_ height: Rational) -> Int { Int(Rounding.up.round(height / size)) }
            self.step = size
            (above, below) = (steps(top), steps(Rational(-1) * bottom))
        }

        /// In hundredths of a point.
        func y(_ cost: Rational) -> Rational {
            Rational(1200) + Rational(9400) * (Rational(above) - cost / step)
                / Rational(max(above + below, 1))
        }
    }

    /// What the document's corrections come to in minor units; `nil` without corrections.
    private var corrected: Rational? {
        let lines = draft.lines.filter { !$0.isTax && $0.reference != nil }
        return lines.isEmpty ? nil : lines.reduce(.zero) { $0 + Rational($1.amount) }
    }

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

    /// The smallest of 1, 2, 5 × 10^k minor units of which four reach the height.
    private func step(for height: Rational) -> Rational {
        var power = Rational(1)
        while true {
            for factor in [1, 2, 5] where power * Rational(factor * 4) >= height {
                return power * Rational(factor)
            }
            power = power * Rational(10)
        }
    }

    private func amount(_ minor: Rational) -> String {
        money(Rounding.halfEven.round(minor)) + "\u{A0}" + draft.currency.code
    }

    private func trimmed(_ text: String) -> String {
        text.hasSuffix(".00") ? String(text.dropLast(3)) : text
    }

    /// Hundredths as `123.45`.
    private func point(_ hundredths: Rational) -> String {
        decimalText(Rounding.halfEven.round(hundredths), places: 2)
    }
}
