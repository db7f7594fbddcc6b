import BigInt
import Units

/// The lines that correct an invoiced period: what it costs now, minus what was billed.
///
/// Lines are compared by what they bill and when (`LineKey`). Example: an invoice billed 10 GB for
/// 20.00. Late usage makes it 12 GB for 24.00. The correction is one line with 2 GB and 4.00.
///
/// - Parameters:
///   - invoice: the number of the invoice that is corrected.
///   - billed: what was billed for the period: the invoice's lines, and earlier corrections.
///   - lines: the period's lines as they are now, at the same prices.
///   - credited: the part of `billed` that was credited line by line. It counts as still owed, so
///     that it is not given back a second time.
/// - Returns: a line for each difference, in no order; its amount is below zero where too much was
///   billed.
public func corrections(
    to invoice: String, from billed: [LineItem], to lines: [LineItem], credited: [LineItem] = []
) -> [LineItem] {
    var open = sums(of: lines)
    for (key, given) in sums(of: credited) {
        let now = open[key]?.exactAmount ?? .zero
        // A line counts as costing at least what was credited of it, so that this is not given back
        // again.
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
        // Usage of a meter without a price stays an unpriced line, however late it arrives.
        if line.subject.hasPrice { line.isCorrection = true }
        line.reference = invoice
        return line
    }
}

/// The lines added up by what they bill and when.
private func sums(of lines: [LineItem]) -> [LineKey: LineItem] {
    lines.reduce(into: [:]) { sums, line in
        sums[LineKey(line), default: line.emptied].add(line, times: 1)
    }
}

/// The identity of a line for comparison: its subject without quantities, and its period.
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
    /// Adds another line's quantities and exact amount; with a `sign` of -1 it subtracts them.
    fileprivate mutating func add(_ other: LineItem, times sign: Int128) {
        if let more = other.counted {
            var sum = counted ?? CountedQuantity(0)
            sum.metered += sign * more.metered
            sum.priced = (sum.priced ?? 0) + sign * more.billed
            subject.counted = sum
        }
        exactAmount = exactAmount + Rational(sign) * other.exactAmount
    }

    /// The line with quantities and amounts of 0.
    fileprivate var emptied: LineItem {
        var line = self
        line.subject = subject.emptied
        (line.exactAmount, line.amount) = (.zero, 0)
        return line
    }
}
