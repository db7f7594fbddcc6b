import GRDB
import Invoicing
import Metering
import Pricing
import Units

// What came to light after a period was invoiced.
extension Drafting {
    /// What an invoice's period costs beyond what was billed for it.
    struct Late {
        var book: PriceBook
        var lines: [LineItem]
        /// The invoice, and the usage that its period was rated by.
        var number: String
        var usage: [AccountUsage] = []
    }

    /// What an earlier invoice's period costs now, by its own prices, beyond what was billed.
    func corrected(_ number: String, _ tenant: String) throws -> Late {
        let invoice = try loadInvoice(db, number)
        let segments = invoice.draft.before + invoice.draft.segments
        guard let first = segments.first, let last = invoice.draft.segments.last else {
            return Late(book: try anyBook(of: invoice), lines: [], number: number)
        }
        let spans = try ownedSpans(db, tenant, from: first.period.start, to: last.period.end)
        var assured = AssuredUsage()
        let usage = try sweep.read(spans, segments, assured: &assured)
        let parts = segmentUsage(
            usage, segments, charged: invoice.draft.before.count..<segments.count)
        let unknown = parts.unknownMeters
        var lines = try statement(
            of: tenant, parts.without(unknown), invoice.parties.contract)
        let period = invoice.draft.period
        var billed = try issued.lines(of: tenant, in: period)
        if !unknown.isEmpty {
            let more = try supplement(invoice, unknown, spans, billed)
            // What has not changed since it was billed keeps the price that it was billed by.
            if let more { lines += more } else { billed.removeAll { unknown.contains($0.meter) } }
        }
        let credited = try issued.lines(of: tenant, in: period, isCredited: true)
        return Late(
            book: last.book,
            lines: corrections(to: number, from: billed, to: lines, credited: credited),
            number: number, usage: usage)
    }

    /// Usage of meters that the invoice's books do not know, by the versions in force now; `nil` if
    /// it is what was billed.
    private func supplement(
        _ invoice: Invoice, _ meters: Set<String>, _ spans: [OwnedSpan], _ billed: [LineItem]
    ) throws -> [LineItem]? {
        guard let id = invoice.draft.segments.last?.book.id else { return nil }
        let (tenant, period) = (invoice.draft.tenant, invoice.draft.period)
        let before = try books.segments(of: id, before: period, in: zone, for: tenant)
        let own = try books.segments(of: id, over: period, in: zone, for: tenant)
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

    /// What stands on other invoices for a period that is issued anew: it is billed already.
    func alreadyBilled(_ period: Period, _ tenant: String) throws -> [Late] {
        let lines = try issued.lines(of: tenant, in: period)
        // Before references were kept, the credited invoice of that time is the one.
        let gone = issued.uncovered(tenant).first { $0.period.intersection(period) != nil }
        return try Dictionary(grouping: lines) { $0.reference ?? gone?.number ?? "" }
            .sorted { $0.key < $1.key }.map { number, lines in
                Late(
                    book: try anyBook(of: loadInvoice(db, number)),
                    lines: corrections(to: number, from: lines, to: []), number: number)
            }
    }

    private func anyBook(of invoice: Invoice) throws -> PriceBook {
        let currency = invoice.draft.currency
        let own = invoice.draft.segments.last?.book
        if let own, own.currency == currency { return own }
        let all = try loadBooks(db).map(\.book)
        guard let book = all.first(where: { $0.currency == currency }) ?? own else {
            throw Fault(
                .badData, at: "invoice \(invoice.number)", found: "no price book of its currency",
                cure: "Add a book in \(currency) and run octroi apply")
        }
        return book
    }
}

extension [SegmentUsage] {
    /// Meters with usage that is charged, that a book has no price for, and that it blocks.
    var unknownMeters: Set<String> {
        Set(
            filter { $0.isCharged && $0.segment.book.unpriced == .block }.flatMap { part in
                part.usage.map(\.meter).filter { part.segment.book.meters[$0] == nil }
            })
    }

    func without(_ meters: Set<String>) -> [SegmentUsage] {
        map { part in
            var part = part
            part.usage.removeAll { meters.contains($0.meter) }
            return part
        }
    }
}

private struct MeterKey: Hashable {
    let container: ExactText
    let meter: String

    init(_ usage: MeterUsage) { (container, meter) = (usage.container, usage.meter) }
    init(_ line: LineItem) { (container, meter) = (ExactText(line.container ?? ""), line.meter) }
}
