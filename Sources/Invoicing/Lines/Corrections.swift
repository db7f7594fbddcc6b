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
        $0.exactAmount != .zero || $0.counted.map { $0.metered != 0 || $0.billed != 0 } == true
    }.map { line in
        var line = line
        // An unpriced meter stays one, however late.
        if line.subject.hasPrice { line.isCorrection = true }
        line.reference = invoice
        return line
    }
}

private func sums(of lines: [LineItem]) -> [LineKey: LineItem] {
    lines.reduce(into: [:]) { sums, line in
        sums[LineKey(line), default: line.emptied].add(line, times: 1)
    }
}

/// What makes two lines the same: all but what is counted and paid.
private struct LineKey: Hashable {
    let subject: LineSubject
    let period: Period

    init(_ line: LineItem) {
        var subject = line.subject
        subject.counted = line.counted.map { _ in CountedQuantity(0) }
        (self.subject, period) = (subject, line.period)
    }
}

extension LineItem {
    fileprivate mutating func add(_ other: LineItem, times sign: Int128) {
        if let more = other.counted {
            var sum = counted ?? CountedQuantity(0)
            sum.metered += sign * more.metered
            sum.priced = (sum.priced ?? 0) + sign * more.billed
            subject.counted = sum
        }
        exactAmount = exactAmount + Rational(sign) * other.exactAmount
    }

    /// The line with nothing counted and nothing to pay.
    fileprivate var emptied: LineItem {
        var line = self
        line.subject = subject.emptied
        (line.exactAmount, line.amount) = (.zero, 0)
        return line
    }
}
