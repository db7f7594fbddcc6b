import Store
import Invoicing
import Pricing
import Units

/// Recomputes an invoice of Octroi 0.1.0, which rated each period on its own (`RatingRules.first`).
///
/// Such invoices were never rated together with others of their month. Their corrections compare
/// one earlier invoice at a time.
///
/// - Parameters:
///   - past: the invoices that were issued before this one.
///   - sweep: reads the ledger's closed rows.
///   - differ: takes a sentence for each difference between the pinned usage and the ledger.
/// - Returns: the draft as it was issued; `nil` if it has no segment in its currency to recompute
///   it by.
func recomputeByFirstRules(
    _ db: ReadTransaction, _ invoice: Invoice, _ past: IssuedInvoices, _ sweep: UsageSweep,
    _ differ: (String) -> Void
) throws -> Draft? {
    let (number, tenant) = (invoice.number, invoice.draft.tenant)
    let segments = invoice.draft.before + invoice.draft.segments
    let pinned = try db.pinnedUsage(number, segments, [""])
    for found in try usageDifferences(
        sweep, pinned, segments, invoice, rules: .first)
    { differ(found) }
    let charged = invoice.draft.before.count..<segments.count
    let parts = segmentUsage(pinned, segments, charged: charged, rules: .first)
    let hasOwn = invoice.draft.lines.contains { $0.reference == nil && !$0.isTax }
    let own = hasOwn ? try statement(of: tenant, parts, invoice.parties.contract) : []
    var corrections: [LineItem] = []
    for reference in Set(invoice.draft.lines.compactMap(\.reference)).sorted() {
        corrections += try recompute(db, invoice, correcting: reference, past, sweep, differ)
    }
    guard let book = invoice.draft.segments.last?.book, book.currency == invoice.draft.currency
    else { return nil }
    return try Draft(
        tenant: tenant, period: invoice.draft.period, lines: own + corrections,
        segments: invoice.draft.segments, before: invoice.draft.before, book: book)
}

/// The lines that correct another invoice, recomputed from what was known at the time of issue.
///
/// - Parameter number: the invoice that is corrected.
private func recompute(
    _ db: ReadTransaction, _ invoice: Invoice, correcting number: String, _ past: IssuedInvoices,
    _ sweep: UsageSweep, _ differ: (String) -> Void
) throws -> [LineItem] {
    let other = try db.invoice(number)
    let (tenant, period) = (other.draft.tenant, other.draft.period)
    // After an invoice was credited in full, what other documents held for it was taken off.
    guard !past.isCredited(number) else {
        let held = try past.lines(of: tenant, in: invoice.draft.period)
            .filter { $0.reference == nil || $0.reference == number }
        return corrections(to: number, from: held, to: [])
    }
    let segments = other.draft.before + other.draft.segments
    let pinned = try db.pinnedUsage(invoice.number, segments, [number])
    for found in try usageDifferences(
        sweep, pinned, segments, invoice, rules: .first)
    { differ(found) }
    let parts = segmentUsage(
        pinned, segments, charged: other.draft.before.count..<segments.count, rules: .first)
    // Octroi 0.1.0 rated a meter that the pinned book did not have by the prices of that day, which
    // were not kept. Such lines are taken as they are stored.
    let stored = invoice.draft.lines.filter { $0.reference == number }
    guard parts.unknownMeters.isEmpty else { return stored }
    return corrections(
        to: number, from: try past.lines(of: tenant, in: period),
        to: try statement(of: tenant, parts, other.parties.contract),
        credited: try past.lines(of: tenant, in: period, isCredited: true))
}

extension [SegmentUsage] {
    /// The meters with charged usage that a book has no price for and blocks.
    fileprivate var unknownMeters: Set<String> {
        Set(
            filter { $0.isCharged && $0.segment.book.unpriced == .block }.flatMap { part in
                part.usage.map(\.meter).filter { part.segment.book.meters[$0] == nil }
            })
    }
}
