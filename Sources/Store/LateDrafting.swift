import GRDB
import Invoicing
import Metering
import Pricing
import Units

// What came to light after a period was invoiced.
extension Drafting {
    /// The groups of earlier invoices that have something to correct.
    ///
    /// - Parameter own: the invoices that are rated with the new one.
    func lateGroups(
        of tenant: String, besides own: [IssuedInvoices.Base]
    ) throws -> [RatedGroup] {
        let doubts = Set(issued.inDoubt(of: tenant))
        return try issued.components(of: tenant, besides: own)
            .filter { $0.contains { doubts.contains($0.number) } }
            .flatMap { try correctedGroups(db, $0) }
            .map { group in
                var assured = AssuredUsage()
                return try rate(group, tenant, &assured)
            }
            .filter { !$0.due.isEmpty }
    }

    /// Rates a group by what the ledger holds now.
    ///
    /// - Parameter assured: gets how far the new invoice's own usage can be trusted.
    func rate(
        _ group: BillingGroup, _ tenant: String, _ assured: inout AssuredUsage
    ) throws -> RatedGroup {
        guard let hull = group.hull else {
            return try group.rated(tenant, [], issued) { _, _, _ in nil }
        }
        let segments = group.segments
        let spans = try ownedSpans(db, tenant, from: hull.start, to: hull.end)
        let new = group.stretches.filter { $0.number == nil }.flatMap(\.segments)
        var all = AssuredUsage()
        let usage = try sweep.read(spans, segments, assured: &all)
        assured = all
        if new.count < segments.count, !new.isEmpty {
            assured = AssuredUsage()
            _ = try sweep.read(spans, new, assured: &assured)
        }
        return try group.rated(tenant, usage, issued) { stretch, meters, billed in
            try supplement(tenant, stretch, meters, spans, billed)
        }
    }

    /// Usage of meters that an invoice's books do not know, by the versions in force now; `nil` if
    /// it is what was billed.
    private func supplement(
        _ tenant: String, _ stretch: BillingGroup.Stretch, _ meters: Set<String>,
        _ spans: [OwnedSpan], _ billed: [LineItem]
    ) throws -> [LineItem]? {
        guard let id = stretch.segments.last?.book.id else { return nil }
        let before = try books.segments(of: id, before: stretch.period, in: zone, for: tenant)
        let own = try books.segments(of: id, over: stretch.period, in: zone, for: tenant)
        var assured = AssuredUsage()
        let usage = try sweep.read(spans, before + own, assured: &assured)
            .filter { meters.contains($0.meter) }
        var parts = segmentUsage(
            usage, before + own, charged: before.count..<(before.count + own.count))
        var changes: [MeterKey: Int128] = [:]
        for use in parts.filter(\.isCharged).flatMap(\.usage) {
            changes[MeterKey(use), default: 0] += use.quantity
        }
        for line in billed where meters.contains(line.meter) && line.container != nil {
            changes[MeterKey(line), default: 0] -= line.quantity ?? 0
        }
        guard changes.values.contains(where: { $0 != 0 }) else { return nil }
        for index in parts.indices {
            // Fees and minimum are on the invoice itself.
            parts[index].segment.book.fixed = []
            parts[index].segment.book.minimum = nil
        }
        return try statement(of: tenant, parts)
    }
}

private struct MeterKey: Hashable {
    let container: ExactText
    let meter: String

    init(_ usage: MeterUsage) { (container, meter) = (usage.container, usage.meter) }
    init(_ line: LineItem) { (container, meter) = (ExactText(line.container ?? ""), line.meter) }
}
