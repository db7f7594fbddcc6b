import BigInt
import Units

/// What an invoiced period costs beyond what was billed for it: the lines that make up for it.
///
/// - Parameters:
///   - lines: the period's lines as they are now, by the same prices.
///   - billed: the invoice's lines, and earlier corrections of it.
/// - Returns: for each line that differs, its difference; below zero where too much was billed.
public func corrections(
    to invoice: String, from billed: [LineItem], to lines: [LineItem]
) -> [LineItem] {
    var open: [LineKey: LineItem] = [:]
    for (sign, items) in [(Int128(1), lines), (-1, billed.filter { $0.kind != .tax })] {
        for item in items {
            var line = open[LineKey(item)] ?? item.emptied
            if item.quantity != nil {
                line.quantity = (line.quantity ?? 0) + sign * (item.quantity ?? 0)
            }
            if item.quantity != nil || item.priced != nil {
                line.priced = (line.priced ?? 0) + sign * (item.priced ?? item.quantity ?? 0)
            }
            line.exactAmount = line.exactAmount + Rational(sign) * item.exactAmount
            open[LineKey(item)] = line
        }
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
    /// The line with nothing counted and nothing to pay.
    fileprivate var emptied: LineItem {
        var line = self
        (line.quantity, line.priced) = (quantity.map { _ in 0 }, priced.map { _ in 0 })
        (line.exactAmount, line.amount) = (.zero, 0)
        return line
    }
}
