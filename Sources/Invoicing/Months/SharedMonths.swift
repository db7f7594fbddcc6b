import BigInt
import Pricing
import Units

/// A stretch of a tenant's time that one invoice bills, with its usage as it is known now.
public struct InvoicedStretch: Sendable {
    /// The invoice's number; `nil` for the invoice that is being made.
    public var invoice: String?
    /// The time that the invoice bills.
    public var period: Period
    /// The usage of each segment, in order of time.
    public var parts: [SegmentUsage]
    /// When fees are due in the stretch.
    public var contract: ContractTime
    /// The invoice that billed this time before and was credited in full; `nil` if there is none.
    public var replaces: String?

    public init(
        invoice: String?, period: Period, parts: [SegmentUsage], contract: ContractTime,
        replaces: String? = nil
    ) {
        (self.invoice, self.period, self.parts) = (invoice, period, parts)
        (self.contract, self.replaces) = (contract, replaces)
    }
}

/// All invoices of a tenant that have a billing month in common, rated together.
///
/// Tiers, free quantities, volume prices and the minimum run through a whole month. So its invoices
/// are rated as one. What is due is what that one invoice would say, minus what was billed. The
/// invoices add up to the same sum however a month is cut into invoices, and whatever arrives late
/// or moves to another tenant.
///
/// Example: the first 10 GB of a month cost 2 each, the rest 1 each. An invoice for the first half
/// bills 10 GB for 20. Then 2 GB of the first half arrive late, and the second half uses 5 GB. All
/// 17 GB cost 27, so 7 are due: a correction of 2 for the first invoice, and 5 for the second half.
public struct SharedMonths: Sendable {
    /// The id of the tenant.
    public var tenant: String
    /// The stretches in order of time, without overlaps.
    public var stretches: [InvoicedStretch]
    /// Usage of these months that no invoice bills, up to the end of the last stretch.
    ///
    /// It is not charged, but it counts in the tiers.
    public var around: [SegmentUsage]
    /// The lines that were billed for these stretches, on any document; without taxes.
    public var billed: [LineItem]
    /// The lines that credit notes took back one by one, as they stood on their invoice.
    ///
    /// What was credited line by line stays credited: it is not billed again.
    public var credited: [LineItem]

    /// Creates months; by default nothing was billed before.
    public init(
        tenant: String, stretches: [InvoicedStretch], around: [SegmentUsage] = [],
        billed: [LineItem] = [], credited: [LineItem] = []
    ) {
        (self.tenant, self.stretches, self.around) = (tenant, stretches, around)
        (self.billed, self.credited) = (billed, credited)
    }

    /// The lines that are due, not yet rounded.
    ///
    /// They are the lines of the new invoice's own time, and corrections of the other invoices.
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

    /// The lines that are due for one stretch.
    ///
    /// - Parameter lines: the lines of all stretches as they are now, without minimums.
    private func due(_ stretch: InvoicedStretch, _ lines: [LineItem]) -> [LineItem] {
        func own(_ lines: [LineItem]) -> [LineItem] {
            lines.filter { !$0.isMinimum && stretch.period.holds($0.period) }
        }
        let now = own(lines)
        if let number = stretch.invoice {
            return corrections(
                to: number, from: own(billed), to: now, credited: own(credited))
        }
        // Lines of this time on other documents are billed already, so they are taken off.
        let before = Dictionary(grouping: own(billed)) { $0.reference ?? stretch.replaces ?? "" }
        return now
            + before.sorted { $0.key < $1.key }.flatMap { number, lines in
                corrections(to: number, from: lines, to: [])
            }
    }

    /// What each month lacks to its minimum, minus what was billed for that.
    ///
    /// - Parameter now: the minimum lines as they are now, at most one for each month.
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
    /// The line with no amount, as a new line of its own invoice.
    fileprivate var withoutAmount: LineItem {
        var line = self
        (line.exactAmount, line.amount) = (.zero, 0)
        (line.isCorrection, line.reference) = (false, nil)
        return line
    }
}
