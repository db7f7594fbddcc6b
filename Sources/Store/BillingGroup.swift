import BigInt
import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// Invoices of one tenant and currency that have billing months in common, and the time between them.
struct BillingGroup {
    /// A stretch of time that one invoice bills.
    struct Stretch {
        /// `nil` for the invoice that is being made.
        var number: String?
        var period: Period
        var segments: [Segment]
        var contract: ContractTime
        var rules: RatingRules = .current
        var replaces: String?
    }

    /// In order of time; they do not overlap.
    var stretches: [Stretch]
    /// Time of their months that no invoice bills, up to the end of the last of them.
    var around: [Segment]

    /// All segments in order of time.
    var segments: [Segment] {
        (stretches.flatMap(\.segments) + around).sorted { $0.period.start < $1.period.start }
    }

    /// The version in force at the end of what is billed anew, or of all of it.
    var book: PriceBook? {
        (stretches.last { $0.number == nil } ?? stretches.last)?.segments.last?.book
    }

    var hasNew: Bool { stretches.contains { $0.number == nil } }

    /// From the first of its months to the end of the last stretch.
    var hull: Period? {
        let all = segments
        guard let first = all.first, let last = all.last else { return nil }
        return Period(start: min(first.month.start, first.period.start), end: last.period.end)
    }

    func owner(of segment: Segment) -> Stretch? {
        stretches.first { $0.period.holds(segment.period) }
    }

    /// What is left of segments beside the group's stretches.
    func outside(_ segments: [Segment]) -> [Segment] { segments.outside(stretches.map(\.period)) }
}

extension IssuedInvoices {
    /// An invoice that was issued, as a stretch of its tenant's time.
    func stretch(_ base: Base, of tenant: String) throws -> BillingGroup.Stretch {
        let (draft, contract) = try document(base, of: tenant)
        return BillingGroup.Stretch(
            number: base.number, period: base.period, segments: draft.segments,
            contract: contract, rules: base.rules)
    }

    /// Invoices that share months, as groups of one currency each.
    func correctedGroups(_ bases: [Base], of tenant: String) throws -> [BillingGroup] {
        let around = try bases.flatMap { try document($0, of: tenant).draft.before }
        return groups(of: try bases.map { try stretch($0, of: tenant) }, around: around)
    }
}

private func groups(
    of stretches: [BillingGroup.Stretch], around: [Segment]
) -> [BillingGroup] {
    let currencies = stretches.compactMap { $0.segments.last?.book.currency }
    return Set(currencies).sorted { $0.code < $1.code }.compactMap { currency in
        var group = BillingGroup(
            stretches: stretches.filter { $0.segments.last?.book.currency == currency },
            around: [])
        let others = stretches.filter { $0.segments.last?.book.currency != currency }
        group.around = group.outside(
            (around + others.flatMap(\.segments)).filter { segment in
                group.stretches.contains { segment.period.start < $0.period.end }
            })
        return group
    }
}

/// A group with its usage, and what is due of it.
struct RatedGroup {
    var group: BillingGroup
    /// By account; `segment` counts through the group's segments.
    var usage: [AccountUsage]
    /// Not yet rounded.
    var due: [LineItem]
    var billed: (exact: Rational, rounded: BigInt)

    /// Its lines as they are rounded on a draft.
    func rounded(_ book: PriceBook) -> RoundedTogether {
        RoundedTogether(
            lines: due, billed: billed.exact, billedRounded: billed.rounded,
            rounding: book.rounding, carried: carried)
    }

    /// Whether there is anything to bill: lines, or what rounding carries.
    var isDue: Bool {
        guard let book = group.book else { return false }
        return rounded(book).isDue(book.currency)
    }

    private var carried: LineItem? {
        let stretch = group.stretches.last { $0.number == nil } ?? group.stretches.last
        return stretch?.segments.last.map { segment in
            .carriedRounding(
                over: segment.period, taxes: segment.book.taxes, reference: stretch?.number)
        }
    }
}

extension BillingGroup {
    /// The months with something to pay: usage in any stretch of them, or a contract.
    ///
    /// Fees and the minimum are due for all stretches of such a month, as on one invoice of it.
    private func dueMonths(_ parts: [SegmentUsage]) -> Set<Period> {
        Set(
            parts.filter { part in
                guard let owner = owner(of: part.segment) else { return false }
                return !part.usage.isEmpty || owner.contract.covers(part.segment.period)
            }.map(\.segment.month))
    }

    /// Rates the group's usage as one invoice would, less what was billed.
    ///
    /// - Parameters:
    ///   - usage: by account; `segment` counts through the group's segments.
    ///   - issued: what was billed before.
    func rated(
        _ tenant: String, _ usage: [AccountUsage], _ issued: IssuedInvoices
    ) throws -> RatedGroup {
        guard let hull, let currency = book?.currency else {
            return RatedGroup(group: self, usage: [], due: [], billed: (.zero, 0))
        }
        let segments = segments
        var parts = segmentUsage(usage, segments, charged: segments.indices)
        let due = dueMonths(parts)
        for index in parts.indices {
            let owner = owner(of: segments[index])
            parts[index].isCharged = owner != nil && due.contains(segments[index].month)
            parts[index].rules = owner?.rules ?? .current
        }
        func lines(isCredited: Bool) throws -> [LineItem] {
            try issued.lines(
                of: tenant, in: hull, currency: currency, isCredited: isCredited
            ).filter { line in
                [.minimum, .rounding].contains(line.subject)
                    || stretches.contains { $0.period.holds(line.period) }
            }
        }
        let billed = try lines(isCredited: false)
        let invoiced = stretches.map { stretch in
            InvoicedStretch(
                invoice: stretch.number, period: stretch.period,
                parts: parts.filter { stretch.period.holds($0.segment.period) },
                contract: stretch.contract, replaces: stretch.replaces)
        }
        let months = SharedMonths(
            tenant: tenant, stretches: invoiced,
            around: parts.filter { owner(of: $0.segment) == nil }, billed: billed,
            credited: try lines(isCredited: true))
        let sum = billed.reduce((Rational.zero, BigInt(0))) {
            ($0.0 + $1.exactAmount, $0.1 + $1.amount)
        }
        return RatedGroup(group: self, usage: usage, due: try months.due(), billed: sum)
    }
}
