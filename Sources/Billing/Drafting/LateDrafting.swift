import Store
import Invoicing
import Metering
import Pricing
import Units

// Corrections of periods that were invoiced before.
extension Drafting {
    /// The groups of earlier invoices that have something to correct.
    ///
    /// Only groups with an invoice that may need correction are rated; usage of the others is not
    /// even read.
    ///
    /// - Parameter own: the invoices that are rated together with the new one.
    func lateGroups(
        of tenant: String, besides own: [IssuedInvoices.Base]
    ) throws -> [RatedGroup] {
        let doubts = Set(issued.inDoubt(of: tenant))
        return try issued.components(of: tenant, besides: own)
            .filter { $0.contains { doubts.contains($0.number) } }
            .flatMap { try issued.correctedGroups($0, of: tenant) }
            .map { group in
                var assured = AssuredUsage()
                return try rate(group, tenant, &assured)
            }
            .filter(\.isDue)
    }

    /// Rates a group by what the ledger holds now.
    ///
    /// If a meter gets its price late (`LatePrices`), the usage is read once more, as the segments
    /// differ.
    ///
    /// - Parameter assured: gets how far the usage in the new invoice's own segments can be
    ///   trusted; in a group without a new invoice, the usage of the whole group.
    func rate(
        _ group: BillingGroup, _ tenant: String, _ assured: inout AssuredUsage
    ) throws -> RatedGroup {
        guard let hull = group.hull else { return RatedGroup(withoutUsage: group) }
        let spans = try db.ownedSpans(tenant, from: hull.start, to: hull.end)
        var (group, all) = (group, AssuredUsage())
        var usage = try sweep.read(spans, group.segments, assured: &all)
        let late = issued.latePrices(of: tenant, books)
        let starts = group.segments.map(\.period.start)
        let used = usage.map { MeterUse(at: starts[$0.segment], meter: $0.meter) }
        if let priced = try late.priced(group, used) {
            (group, all) = (priced, AssuredUsage())
            usage = try sweep.read(spans, group.segments, assured: &all)
        }
        // Remarks on an invoice are about its own time, not about that of invoices it is rated
        // with.
        let new = group.stretches.filter { $0.number == nil }.flatMap(\.segments)
        assured = all
        if new.count < group.segments.count, !new.isEmpty {
            assured = AssuredUsage()
            _ = try sweep.read(spans, new, assured: &assured)
        }
        return try issued.rated(group, tenant, usage)
    }
}
