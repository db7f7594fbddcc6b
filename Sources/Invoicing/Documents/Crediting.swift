import BigInt
import Pricing
import Units

extension Draft {
    /// Whether the tax lines are what this rounding makes of the other lines.
    public func isTaxed(by rounding: Rounding) -> Bool {
        taxLines(on: lines.filter { !$0.isTax }, period, rounding, currency)
            == lines.filter(\.isTax)
    }

    /// A credit note that takes back some lines of this invoice, with their taxes.
    ///
    /// A tax is the difference between the tax on all lines credited so far and the tax on those
    /// that were credited before. So crediting every line, in whatever steps, takes back exactly
    /// the invoice's taxes. Example: two lines of 0.02 with 20 % tax, 0.01 on both together. The
    /// tax on the first alone rounds to 0.00, so the first note takes back 0.00 and the second
    /// 0.01.
    ///
    /// - Parameters:
    ///   - chosen: the numbers of the lines, from 1, without tax lines: taxes follow their lines.
    ///   - credited: the numbers of the lines that earlier credit notes took back.
    ///   - rounding: how the invoice's taxes were rounded.
    /// - Returns: a draft with negated lines and no segments.
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
    /// The line with its quantities and amounts negated, as a credit note has it.
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
