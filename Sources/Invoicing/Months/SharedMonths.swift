import BigInt
import Pricing
import Units

/// A stretch of a tenant's time that one invoice bills, with its usage as it is known now.
public struct InvoicedStretch: Sendable {
    /// The invoice's number; `nil` for the one that is being made.
    public var invoice: String?
    public var period: Period
    /// Its segments, in order of time.
    public var parts: [SegmentUsage]
    public var contract: ContractTime
    /// The invoice that billed this time before and was credited in full.
    public var replaces: String?

    public init(
        invoice: String?, period: Period, parts: [SegmentUsage], contract: ContractTime,
        replaces: String? = nil
    ) {
        (self.invoice, self.period, self.parts) = (invoice, period, parts)
        (self.contract, self.replaces) = (contract, replaces)
    }
}

/// All invoices of a tenant that have a billing month in common, and what they come to together.
///
/// Tiers, free parts, volume prices and the minimum run through a whole month. So its invoices are
/// rated as one, and what is due is what that one would say, less what was billed. However a month
/// is cut into invoices, whatever comes late or moves, they add up to the same.
public struct SharedMonths: Sendable {
    public var tenant: String
    /// In order of time; they do not overlap.
    public var stretches: [InvoicedStretch]
    /// Time of these months that no invoice bills, up to the end of the last stretch.
    ///
    /// It is not charged, but takes its place in the tiers.
    public var around: [SegmentUsage]
    /// The lines that were billed for these stretches, on whatever invoice; without taxes.
    public var billed: [LineItem]
    /// The lines that credit notes took back one by one, as they stood on their invoice.
    public var credited: [LineItem]

    public init(
        tenant: String, stretches: [InvoicedStretch], around: [SegmentUsage] = [],
        billed: [LineItem] = [], credited: [LineItem] = []
    ) {
        (self.tenant, self.stretches, self.around) = (tenant, stretches, around)
        (self.billed, self.credited) = (billed, credited)
    }

    /// The lines that are due, not yet rounded: those of the new invoice's own time, and
    /// corrections of the others.
    ///
    /// - Throws: as `rate` does.
    public func due() throws(Fault) -> [LineItem] {
        let parts = (stretches.flatMap(\.parts) + around)
            .sorted { $0.segment.period.start < $1.segment.period.start }
        let all = try statement(of: tenant, parts) { segment in
            stretches.first { $0.period.holds(segment.period) }?.contract ?? ContractTime()
        }
        let lines = all.filter { !$0.isMinimum }
        return stretches.flatMap { due($0, lines) }
            + minimums(all.filter { $0.isMinimum })
    }

    private func due(_ stretch: InvoicedStretch, _ lines: [LineItem]) -> [LineItem] {
        func own(_ lines: [LineItem]) -> [LineItem] {
            lines.filter { !$0.isMinimum && stretch.period.holds($0.period) }
        }
        let now = own(lines)
        if let number = stretch.invoice {
            return corrections(
                to: number, from: own(billed), to: now, credited: own(credited))
        }
        // What stands on other invoices for this time is billed already.
        let before = Dictionary(grouping: own(billed)) { $0.reference ?? stretch.replaces ?? "" }
        return now
            + before.sorted { $0.key < $1.key }.flatMap { number, lines in
                corrections(to: number, from: lines, to: [])
            }
    }

    /// What each month lacks to its minimum, less what was billed for that.
    private func minimums(_ now: [LineItem]) -> [LineItem] {
        let months = Set(stretches.flatMap { $0.parts.map(\.segment.month) })
        return months.sorted { $0.start < $1.start }.compactMap { month in
            func of(_ lines: [LineItem]) -> [LineItem] {
                lines.filter { $0.isMinimum && month.holds($0.period) }
            }
            let before = of(billed)
            let old = before.reduce(Rational.zero) { $0 + $1.exactAmount }
            let given = of(credited).reduce(Rational.zero) { $0 + $1.exactAmount }
            guard var line = of(now).first ?? before.last?.withoutAmount else { return nil }
            line.exactAmount = max(line.exactAmount, given) - old
            guard line.exactAmount != .zero else { return nil }
            let isNew = stretches.contains { $0.invoice == nil && $0.period.meets(month) }
            if !isNew || line.exactAmount < .zero {
                line.isCorrection = true
                line.reference =
                    before.last?.reference
                    ?? stretches.last { $0.invoice != nil && $0.period.meets(month) }?.invoice
            }
            return line
        }
    }
}

extension LineItem {
    fileprivate var withoutAmount: LineItem {
        var line = self
        (line.exactAmount, line.amount) = (.zero, 0)
        (line.isCorrection, line.reference) = (false, nil)
        return line
    }
}
