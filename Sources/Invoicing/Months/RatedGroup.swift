import BigInt
import Pricing
import Units

/// A billing group with its usage and the lines that are due.
public struct RatedGroup: Sendable {
    /// The group that was rated.
    public var group: BillingGroup
    /// The usage by account; `segment` counts through the group's segments.
    public var usage: [AccountUsage]
    /// The lines that are due, not yet rounded.
    public var due: [LineItem]
    /// The sum that was billed before: exact in major units, and as it was rounded in minor units.
    public var billed: (exact: Rational, rounded: BigInt)

    /// Creates a group without usage, of which nothing is due.
    public init(withoutUsage group: BillingGroup) {
        (self.group, usage, due, billed) = (group, [], [], (.zero, 0))
    }

    fileprivate init(
        _ group: BillingGroup, _ usage: [AccountUsage], due: [LineItem], billed: [LineItem]
    ) {
        (self.group, self.usage, self.due) = (group, usage, due)
        self.billed = billed.reduce((Rational.zero, BigInt(0))) {
            ($0.0 + $1.exactAmount, $0.1 + $1.amount)
        }
    }

    /// The lines that are due, ready to be rounded on a draft.
    ///
    /// - Parameter book: the version whose rounding applies.
    public func rounded(_ book: PriceBook) -> RoundedTogether {
        RoundedTogether(
            lines: due, billed: billed.exact, billedRounded: billed.rounded,
            rounding: book.rounding, carried: carried)
    }

    /// Whether there is anything to bill: a line, or a carried rounding.
    public var isDue: Bool {
        guard let book = group.book else { return false }
        return rounded(book).isDue(book.currency)
    }

    /// The line for the rounding carried over, in the last segment of the new stretch.
    ///
    /// In a group without a new stretch it is the last segment of the last invoice.
    private var carried: LineItem? {
        let stretch = group.stretches.last { $0.number == nil } ?? group.stretches.last
        return stretch?.segments.last.map { segment in
            .carriedRounding(
                over: segment.period, taxes: segment.book.taxes, reference: stretch?.number)
        }
    }

    /// The usage by the invoice whose time it belongs to, to be kept with the new document.
    public var pinned: [PinnedUsage] {
        let segments = group.segments
        let owners = segments.map { segment in
            group.owner(of: segment).map { $0.number ?? "" } ?? group.aroundKey
        }
        let byOwner = Dictionary(grouping: usage) { owners[$0.segment] }
        return group.pinKeys.map { key in
            PinnedUsage(corrects: key, segments: segments, usage: byOwner[key] ?? [])
        }
    }
}

extension BillingGroup {
    /// The months in which there is something to pay: usage in a stretch, or a contract.
    ///
    /// In such a month, fees and the minimum are due for all stretches, as on a single invoice for
    /// it.
    private func dueMonths(_ parts: [SegmentUsage]) -> Set<Period> {
        Set(
            parts.filter { part in
                guard let owner = owner(of: part.segment) else { return false }
                return !part.usage.isEmpty || owner.contract.covers(part.segment.period)
            }.map(\.segment.month))
    }

    /// Rates the group's usage as one invoice would, and subtracts what was billed.
    ///
    /// - Parameters:
    ///   - usage: by account; `segment` counts through the group's segments.
    ///   - billed: the lines in the group's currency inside its `hull`, on any document.
    ///   - credited: the lines there that credit notes took back one by one, as they stood on their
    ///     invoice.
    /// - Throws: as `rate` does.
    public func rated(
        _ tenant: String, _ usage: [AccountUsage], billed: [LineItem], credited: [LineItem]
    ) throws(Fault) -> RatedGroup {
        let segments = segments
        var parts = segmentUsage(usage, segments, charged: segments.indices)
        let due = dueMonths(parts)
        for index in parts.indices {
            let owner = owner(of: segments[index])
            parts[index].isCharged = owner != nil && due.contains(segments[index].month)
            parts[index].rules = owner?.rules ?? .current
        }
        let billed = own(billed)
        let invoiced = stretches.map { stretch in
            InvoicedStretch(
                invoice: stretch.number, period: stretch.period,
                parts: parts.filter { stretch.period.holds($0.segment.period) },
                contract: stretch.contract, replaces: stretch.replaces)
        }
        let months = SharedMonths(
            tenant: tenant, stretches: invoiced,
            around: parts.filter { owner(of: $0.segment) == nil }, billed: billed,
            credited: own(credited))
        return RatedGroup(self, usage, due: try months.due(), billed: billed)
    }

    /// The lines that belong to the group's stretches, or to its months as a whole.
    private func own(_ lines: [LineItem]) -> [LineItem] {
        lines.filter { line in
            line.isMinimum || line.subject == .rounding
                || stretches.contains { $0.period.holds(line.period) }
        }
    }
}
