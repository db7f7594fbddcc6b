import Store
import Invoicing
import Metering
import Units

extension Store {
    /// The tenants with usage before a period that no invoice covers, and the hour it begins.
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

/// A stretch of time that was invoiced when a tenant had nothing to pay.
struct ClosedStretch: Hashable {
    var period: Period
    /// Whether the tenant has usage in it now: it came late, or was another's.
    var isUsed: Bool
}

extension Drafting {
    /// The stretches before a period that were invoiced when the tenant had nothing to pay, in order
    /// of time.
    func closed(_ tenant: String, before period: Period) throws -> [ClosedStretch] {
        // What was credited in full is billed again on demand only.
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

    /// The stretches that are to be billed: what is open of a period, and what was invoiced before
    /// when there was nothing to pay.
    ///
    /// Such a stretch is due once there is something to pay in its month: its usage, and its part of
    /// the fees and the minimum. It goes on one invoice with its neighbours of the same month.
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

    /// Two stretches as one, if the second follows the first in a billing month.
    private func joined(_ first: Period, _ second: Period) -> Period? {
        let shared = Set(zone.months(touching: first))
            .intersection(zone.months(touching: second))
        guard first.end == second.start, !shared.isEmpty else { return nil }
        return Period(start: first.start, end: second.end)
    }

    /// Whether an invoice bills another part of its month.
    private func isInDueMonth(_ period: Period, _ tenant: Tenant) throws -> Bool {
        try issued.sharing(zone.months(touching: period), tenant.id).contains { base in
            if tenant.contract.covers(base.period) { return true }
            let spans = try db.ownedSpans(tenant.id, from: base.period.start, to: base.period.end)
            return try sweep.isUsed(spans)
        }
    }
}
