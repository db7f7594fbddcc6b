import Store
import Invoicing
import Metering
import Units

extension Store {
    /// The tenants with usage before a period that no invoice covers.
    ///
    /// Each comes with the first hour of such usage. It warns an operator who issues a month before
    /// an earlier one. Only closed rows of the ledger count.
    ///
    /// - Parameters:
    ///   - period: the period that is about to be invoiced.
    ///   - tenant: only this tenant; `nil` is all.
    public func uninvoiced(
        before period: Period, tenant: String?
    ) throws(Fault) -> [(tenant: String, since: Instant)] {
        try reading { db in
            guard let before = Period(start: .earliest, end: period.start) else { return [] }
            let issued = try IssuedInvoices(db, tenant: tenant)
            return try db.payers(tenant).compactMap { payer in
                let open = before.uncovered(by: issued.covering(payer.id).map(\.period))
                let spans = try db.ownedSpans(payer.id, from: before.start, to: before.end)
                let first = try open.lazy.compactMap { try db.firstHour(of: spans, in: $0) }.first
                return first.map { (payer.id, $0) }
            }
        }
    }
}

/// A stretch of time that was invoiced when the tenant had nothing to pay.
///
/// No invoice covers it, but it is not open either: the period was issued and gave no invoice.
struct ClosedStretch: Hashable {
    var period: Period
    /// Whether the tenant has usage in it now, which arrived late or was another tenant's.
    var isUsed: Bool
}

extension Drafting {
    /// The stretches before a period that were invoiced when the tenant had nothing to pay.
    ///
    /// - Returns: the stretches in order of time, without overlaps.
    func closed(_ tenant: String, before period: Period) throws -> [ClosedStretch] {
        // What was credited in full is billed again only with `--again`.
        let known = issued.covering(tenant) + issued.uncovered(tenant)
        var taken = known.map(\.period) + [period]
        var found: [ClosedStretch] = []
        for closed in try db.invoicedPeriods(of: tenant, before: period) {
            for part in closed.uncovered(by: taken.sorted { $0.start < $1.start }) {
                let spans = try db.ownedSpans(tenant, from: part.start, to: part.end)
                let isUsed = try !spans.isEmpty && sweep.isUsed(spans)
                found.append(ClosedStretch(period: part, isUsed: isUsed))
                taken.append(part)
            }
        }
        return found.sorted { $0.period.start < $1.period.start }
    }

    /// The stretches to be billed: those that are open, and earlier ones that gave no invoice.
    ///
    /// An earlier stretch is due once there is something to pay in its month: its own usage, or a
    /// month that another invoice bills, whose fees and minimum it shares. Stretches that follow
    /// one another in one month go on one invoice.
    ///
    /// Example: November 1 to 10 was issued without usage, so there was no invoice. Then November
    /// 11 to 30 is issued, with usage. Both become one stretch on one invoice.
    ///
    /// - Parameters:
    ///   - open: the parts of the period that no invoice covers.
    ///   - period: the period that is being issued.
    /// - Returns: earlier stretches of their own in `closed`; in `open` the open parts, the first
    ///   one extended by an earlier stretch that it continues.
    func due(
        _ tenant: Tenant, _ open: [Period], in period: Period
    ) throws -> (closed: [Period], open: [Period]) {
        var closed: [ClosedStretch] = []
        for next in try self.closed(tenant.id, before: period) {
            if let last = closed.last, let both = joined(last.period, next.period) {
                let isUsed = last.isUsed || next.isUsed
                closed[closed.count - 1] = ClosedStretch(period: both, isUsed: isUsed)
            } else {
                closed.append(next)
            }
        }
        var open = open.sorted { $0.start < $1.start }
        if let first = open.first, let last = closed.last,
            let both = joined(last.period, first)
        {
            open[0] = both
            closed.removeLast()
        }
        let due = try closed.filter { try $0.isUsed || isInDueMonth($0.period, tenant) }
        return (due.map(\.period), open)
    }

    /// The two stretches as one, if the second follows the first and they share a billing month.
    private func joined(_ first: Period, _ second: Period) -> Period? {
        let shared = Set(zone.months(touching: first))
            .intersection(zone.months(touching: second))
        guard first.end == second.start, !shared.isEmpty else { return nil }
        return Period(start: first.start, end: second.end)
    }

    /// Whether an invoice with something to pay bills another part of the stretch's months.
    private func isInDueMonth(_ period: Period, _ tenant: Tenant) throws -> Bool {
        try issued.sharing(zone.months(touching: period), tenant.id).contains { base in
            if tenant.contract.covers(base.period) { return true }
            let spans = try db.ownedSpans(tenant.id, from: base.period.start, to: base.period.end)
            return try sweep.isUsed(spans)
        }
    }
}
