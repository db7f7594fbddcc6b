import BigInt
import Pricing
import Units

extension Draft {
    /// A credit note: the given lines of this invoice taken back, with their taxes.
    ///
    /// Taxes are taken back so that crediting every line, in whatever steps, comes to exactly the
    /// invoice's taxes.
    ///
    /// - Parameters:
    ///   - chosen: numbers of lines from 1; taxes follow by themselves.
    ///   - credited: lines that earlier credit notes took back.
    ///   - rounding: the mode of the invoice's taxes.
    public func credit(
        _ chosen: Set<Int>, after credited: Set<Int>, rounding: Rounding
    ) -> Draft {
        func taken(_ numbers: Set<Int>) -> [LineItem] {
            lines.enumerated().filter { numbers.contains($0.offset + 1) && !$0.element.isTax }
                .map(\.element)
        }
        var notes = taken(chosen).map(\.negated)
        let before = taxLines(on: taken(credited), period, rounding, currency)
        for var line in taxLines(on: taken(credited.union(chosen)), period, rounding, currency) {
            let earlier = before.first { $0.taxes == line.taxes }
            line.amount -= earlier?.amount ?? 0
            line.exactAmount = line.exactAmount - (earlier?.exactAmount ?? .zero)
            notes.append(line.negated)
        }
        return Draft(
            tenant: tenant, period: period, currency: currency, lines: notes, segments: [])
    }
}

extension LineItem {
    /// The line taken back.
    public var negated: LineItem {
        var line = self
        line.subject.counted = counted.map {
            CountedQuantity(-$0.metered, priced: $0.priced.map { -$0 })
        }
        line.exactAmount = Rational(-1) * exactAmount
        line.amount = -amount
        return line
    }
}
