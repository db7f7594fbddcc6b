import Store
import Invoicing
import Pricing
import Units

/// Recomputes an invoice from what was known when it was issued.
///
/// It repeats the steps of `Drafting`, but takes usage from the invoice's pins, prices from the
/// invoice and its day, and only the documents that were issued before it.
struct Recomputing {
    private let db: ReadTransaction
    private let invoice: Invoice
    private let past: IssuedInvoices
    private let sweep: UsageSweep

    init(_ db: ReadTransaction, _ invoice: Invoice, _ past: IssuedInvoices, _ sweep: UsageSweep) {
        (self.db, self.invoice, self.past, self.sweep) = (db, invoice, past, sweep)
    }

    /// Recomputes the draft.
    ///
    /// - Parameter differ: takes a sentence for each difference between the pinned usage and the
    ///   ledger.
    /// - Returns: the draft; `nil` if no group of the invoice has its currency, so that nothing can
    ///   be recomputed.
    func draft(_ differ: (String) -> Void) throws -> Draft? {
        let stored = invoice.draft
        var groups: [RatedGroup] = []
        for group in try self.groups() {
            let usage = try db.pinnedUsage(invoice.number, group.segments, group.pinKeys)
            for found in try usageDifferences(sweep, usage, group.segments, invoice) {
                differ(found)
            }
            groups.append(try past.rated(group, stored.tenant, usage))
        }
        guard let book = groups.first(where: \.group.hasNew)?.group.book ?? groups.last?.group.book,
            book.currency == stored.currency
        else { return nil }
        var draft = try Draft(
            tenant: stored.tenant, period: stored.period,
            groups: groups.map { $0.rounded($0.group.book ?? book) }, segments: [], book: book)
        // An invoice that only corrects others may hold segments in another currency.
        (draft.segments, draft.before) = (stored.segments, stored.before)
        return draft
    }

    /// The groups that the invoice was rated with: its own months, and those that it corrects.
    ///
    /// Their prices are those of the day of issue.
    func groups() throws -> [BillingGroup] {
        let entry = invoice.proof?.ledger?.entry ?? 0
        let books = try db.priceBooks(at: DocumentPlace(entry: entry, issued: invoice.issued))
        let late = past.latePrices(of: invoice.draft.tenant, PriceBooks(books))
        return try pinnedGroups().map { group in
            let used = try db.pinnedSums(invoice.number, group.pinKeys).map {
                MeterUse(at: $0.start, meter: $0.meter)
            }
            return try late.priced(group, used) ?? group
        }
    }

    /// The groups with the prices that each of their invoices was made by.
    ///
    /// The first one, if the invoice has segments in its currency, is that of its own months.
    private func pinnedGroups() throws -> [BillingGroup] {
        let stored = invoice.draft
        // If all usage of an invoice belongs to another tenant by now, there is a correction but no
        // pinned usage. So references of lines count as well.
        let pinned = try Set(
            db.pinnedKeys(of: invoice.number)
                + stored.lines.compactMap(\.reference))
        var groups: [BillingGroup] = []
        var joined: [IssuedInvoices.Base] = []
        if let last = stored.segments.last, last.book.currency == stored.currency {
            joined = past.sharing(stored.segments.map(\.month), stored.tenant)
            groups.append(try own(joined))
        }
        for bases in past.components(of: stored.tenant, besides: joined)
        where bases.contains(where: { pinned.contains($0.number) }) {
            groups += try past.correctedGroups(bases, of: stored.tenant)
                .filter { $0.book?.currency == stored.currency }
        }
        return groups
    }

    /// The group of the invoice's own months, with the invoices that share them.
    ///
    /// - Parameter joined: the invoices that share months with this one.
    private func own(_ joined: [IssuedInvoices.Base]) throws -> BillingGroup {
        let stored = invoice.draft
        let new = BillingGroup.Stretch(
            period: stored.period, segments: stored.segments,
            contract: invoice.parties.contract,
            replaces: past.uncovered(stored.tenant).first { $0.period.meets(stored.period) }?.number
        )
        let old = try joined.map { try past.stretch($0, of: stored.tenant) }
            .filter { $0.segments.last?.book.currency == stored.currency }
        return BillingGroup(
            stretches: (old + [new]).sorted { $0.period.start < $1.period.start },
            around: stored.before)
    }
}
