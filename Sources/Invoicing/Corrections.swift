import BigInt
import Units

/// What an invoiced period costs beyond what was billed for it: the lines that make up for it.
///
/// - Parameters:
///   - lines: the period's lines as they are now, by the same prices.
///   - billed: what was billed for the period: the invoice's lines, and earlier corrections.
///   - credited: what of it was credited line by line: that is not taken back a second time.
/// - Returns: for each line that differs, its difference; below zero where too much was billed.
public func corrections(
    to invoice: String, from billed: [LineItem], to lines: [LineItem], credited: [LineItem] = []
) -> [LineItem] {
    var open = sums(of: lines)
    for (key, given) in sums(of: credited) {
        let now = open[key]?.exactAmount ?? .zero
        let isLess =
            given.exactAmount < .zero ? given.exactAmount < now : now < given.exactAmount
        if isLess { open[key] = given }
    }
    for (key, was) in sums(of: billed.filter { $0.kind != .tax }) {
        var line = open[key] ?? was.emptied
        line.add(was, times: -1)
        open[key] = line
    }
    return open.values.filter {
        $0.exactAmount != .zero || $0.quantity ?? 0 != 0 || $0.priced ?? 0 != 0
    }.map { line in
        var line = line
        // An unpriced meter stays one, however late.
        if line.unitPrice != nil { line.kind = .correction }
        line.reference = invoice
        return line
    }
}

private func sums(of lines: [LineItem]) -> [LineKey: LineItem] {
    lines.reduce(into: [:]) { sums, line in
        sums[LineKey(line), default: line.emptied].add(line, times: 1)
    }
}

/// What makes two lines the same.
private struct LineKey: Hashable {
    let meter: String
    let tier: String?
    let container: ExactText?
    let period: Period
    let unit: String?
    let unitPrice: String?
    let per: String?

    init(_ line: LineItem) {
        (meter, tier, container) = (line.meter, line.tier, line.container.map { ExactText($0) })
        (period, unit, unitPrice) = (line.period, line.unit, line.unitPrice)
        per = line.per
    }
}

extension LineItem {
    fileprivate mutating func add(_ other: LineItem, times sign: Int128) {
        if let more = other.quantity { quantity = (quantity ?? 0) + sign * more }
        if let more = other.priced ?? other.quantity { priced = (priced ?? 0) + sign * more }
        exactAmount = exactAmount + Rational(sign) * other.exactAmount
    }

    /// The line with nothing counted and nothing to pay.
    fileprivate var emptied: LineItem {
        var line = self
        (line.quantity, line.priced) = (quantity.map { _ in 0 }, priced.map { _ in 0 })
        (line.exactAmount, line.amount) = (.zero, 0)
        return line
    }
}
