import BigInt
import Invoicing
import Units

// The daily cost: each meter's net amount over its usage of the day, the rest evenly over time.
extension InvoicePage {
    private struct Day {
        var period: Period
        var date: String
        /// In minor units.
        var cost: Rational
    }

    var chart: [String: Any]? {
        let days = dailyCosts
        guard days.count > 1, days.contains(where: { $0.cost != .zero }),
            let high = days.max(by: { $0.cost < $1.cost }),
            let low = days.min(by: { $0.cost < $1.cost })
        else { return nil }
        let (top, bottom) = (max(high.cost, .zero), min(low.cost, .zero))
        let step = step(for: top - bottom)
        let above = steps(top, step)
        let below = steps(Rational(-1) * bottom, step)
        let count = max(above + below, 1)
        // Hundredths of a point: the plot is 94 high, from 12 to 106.
        func y(_ steps: Rational) -> Rational {
            Rational(1200) + Rational(9400) * (Rational(above) - steps) / Rational(count)
        }
        let slot = Rational(38_400) / Rational(days.count)
        let values = [
            "amount": amount(high.cost), "day": high.date, "low_amount": amount(low.cost),
            "low_day": low.date,
        ]
        return [
            "chart_note": text.label("chart_note", values),
            "chart_desc": text.label("chart_desc", values), "baseline": point(y(.zero)),
            "gridlines": (-below...above).map { place in
                [
                    "grid_y": point(y(Rational(place))),
                    "grid_text": text.number(
                        trimmed(draft.currency.text((Rational(place) * step).floor))),
                ]
            },
            "bars": days.enumerated().map { index, day in
                let ends = [y(.zero), y(day.cost / step)].sorted()
                let x = Rational(5200) + slot * Rational(index)
                var bar = [
                    "x": point(x + slot * Rational(15) / Rational(100)), "y": point(ends[0]),
                    "width": point(slot * Rational(7) / Rational(10)),
                    "height": point(ends[1] - ends[0]),
                    "title": day.date + (text.language == .fr ? "\u{A0}" : "") + ": "
                        + amount(day.cost),
                ]
                if index == 0 || (index + 1).isMultiple(of: 5) {
                    bar["label"] = String(index + 1)
                    bar["label_x"] = point(x + slot / Rational(2))
                }
                return bar
            },
        ]
    }

    private var dailyCosts: [Day] {
        var days: [Day] = []
        var next = draft.period.start
        while next < draft.period.end, days.count < 100 {
            let (period, date) = details.zone.day(of: next)
            days.append(Day(period: period, date: date, cost: .zero))
            next = period.end
        }
        var totals: [String: Int128] = [:]
        for use in details.hourly { totals[use.meter, default: 0] += use.quantity }
        var nets: [String: Rational] = [:]
        var even = Rational.zero
        for line in draft.lines where line.kind != .tax && line.reference == nil {
            let isUsed = totals[line.meter] ?? 0 > 0
            if isUsed {
                nets[line.meter, default: .zero] =
                    nets[line.meter, default: .zero] + Rational(line.amount)
            }
            if !isUsed { even = even + Rational(line.amount) }
        }
        for use in details.hourly {
            guard let net = nets[use.meter], let total = totals[use.meter],
                let day = days.firstIndex(where: { use.hour < $0.period.end })
            else { continue }
            days[day].cost = days[day].cost + net * Rational(use.quantity) / Rational(total)
        }
        let seconds = Rational(draft.period.seconds)
        for index in days.indices {
            guard let inside = days[index].period.intersection(draft.period) else { continue }
            days[index].cost =
                days[index].cost + even * Rational(inside.seconds) / seconds
        }
        return days
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

    private func steps(_ height: Rational, _ step: Rational) -> Int {
        Int(Rounding.up.round(height / step))
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
