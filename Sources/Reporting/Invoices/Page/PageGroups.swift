import BigInt
import Invoicing
import Pricing
import Units

// The lines of the invoice page in groups: containers, lines without a container, corrections.
extension InvoicePage {
    /// The group that a line belongs to.
    private struct Group: Hashable {
        /// The kind of group: 0 for a container, 1 for lines without one, 2 for corrections.
        let place: Int
        /// The container; `nil` for lines without one.
        let container: ExactText?
        /// The time that corrections are for; `nil` for other lines.
        let period: Period?
    }

    /// The groups in order, each with its lines and its subtotal; taxes are not among them.
    var groups: [[String: Any]] {
        let numbered = draft.lines.enumerated().filter { !$0.element.isTax }
        let byGroup = Dictionary(grouping: numbered) { _, line in
            let isCorrection = line.reference != nil
            let container = line.container.map { ExactText($0) }
            return Group(
                place: isCorrection ? 2 : container == nil ? 1 : 0, container: container,
                period: isCorrection ? line.period : nil)
        }
        return byGroup.sorted { isOrderedBefore($0.key, before: $1.key) }.map { group, lines in
            var item: [String: Any] = [
                ["is_container", "is_general", "is_correction"][group.place]: true,
                "subtotal": money(lines.reduce(BigInt(0)) { $0 + $1.element.amount }),
                "lines": lines.enumerated().map { index, line in
                    row(line.element, number: line.offset + 1, isFirst: index == 0)
                },
            ]
            if let container = group.container { item["heading"] = text.name(container.text) }
            if let period = group.period {
                item["group_period"] =
                    text.time(period.start, document.zone) + " " + text.label("to") + " "
                    + text.time(period.end, document.zone)
            }
            return item
        }
    }

    /// Orders groups by kind, then by the time of corrections, then by container.
    private func isOrderedBefore(_ a: Group, before b: Group) -> Bool {
        if a.place != b.place { return a.place < b.place }
        if let x = a.period?.start, let y = b.period?.start, x != y { return x < y }
        return (a.container ?? ExactText("")) < (b.container ?? ExactText(""))
    }

    /// The values of a line for the template.
    ///
    /// - Parameters:
    ///   - line: the line.
    ///   - number: its number on the invoice, from 1.
    ///   - isFirst: whether it is the first line of its group.
    private func row(_ line: LineItem, number: Int, isFirst: Bool) -> [String: Any] {
        var row: [String: Any] = [
            "line": String(number), "meter": name(line), "amount": money(line.amount),
        ]
        if isFirst { row["is_first"] = true }
        let columns = line.columns
        if let tier = columns.tier { row["tier"] = tierName(tier, line) }
        let quantity = LineQuantity(line, document.segments, draft.currency)
        if let priced = quantity.priced { row["quantity"] = text.words(priced) }
        if let metered = quantity.metered {
            row["metered"] = text.label("metered_quantity", ["quantity": text.words(metered)])
        }
        if case .discount(_, let part) = line.subject {
            row["unit_price"] = text.percent(part.rate.description)
        } else if let price = columns.unitPrice, let per = columns.per {
            row["unit_price"] = text.number(price)
            row["per"] = per.hasPrefix("1 ") ? String(per.dropFirst(2)) : text.words(per)
        }
        if line.kind == .unpriced {
            row["is_unpriced"] = true
            let book = segment(of: line)?.book.id ?? ""
            row["note"] = text.label("note_no_price", ["book": book])
        }
        if case .minimum(let price?) = line.subject {
            let amount = text.number(price.description) + "\u{A0}" + draft.currency.code
            row["note"] = text.label("note_minimum", ["amount": amount])
        }
        return row
    }

    /// The segment that priced a line; it gives the names and tiers of the price book.
    private func segment(of line: LineItem) -> Segment? {
        document.segments.first { $0.period == line.period }
            ?? document.segments.first { $0.period.intersection(line.period) != nil }
    }

    /// What the line bills, in the page's language.
    private func name(_ line: LineItem) -> String {
        switch line.subject {
        case .minimum: return text.label("minimum")
        case .rounding: return text.label("rounding_carried")
        case .discount(let meter, _): return text.label("discount") + ": " + meterName(meter)
        case .fee(let due):
            let fee = segment(of: line)?.book.fixed.first { $0.code == due.code }
            return fee.map { text.name($0.name) } ?? meterName(due.code)
        case .usage(let usage): return meterName(usage.meter)
        case .flat(let flat): return meterName(flat.meter)
        case .tax(let code, _): return meterName(code)
        }
    }

    /// The bounds of a tier in units of the price, such as `100 to 500`.
    private func tierName(_ tier: String, _ line: LineItem) -> String {
        guard case .number(let place) = TierPlace(tier) else { return text.label("tier_free") }
        guard let price = line.meter.flatMap({ segment(of: line)?.book.meters[$0] }),
            price.tiers.indices.contains(place - 1)
        else { return tier }
        let lower = place > 1 ? price.tiers[place - 2].upTo?.description : nil
        let upper = price.tiers[place - 1].upTo?.description
        let values = [
            "lower": lower.map(text.number) ?? "0", "upper": upper.map(text.number) ?? "",
        ]
        if upper == nil { return text.label("tier_last", values) }
        return text.label(lower == nil ? "tier_first" : "tier_middle", values)
    }
}
