import Store
import Invoicing
import Metering
import Pricing
import Units

/// Explains lines of an issued invoice.
///
/// What its lines share is read once: an invoice never changes.
public struct Explainer {
    private let store: Store
    public let invoice: Invoice
    /// What a credit note takes lines back of; otherwise the invoice itself.
    private let base: Invoice
    private let rounding: Rounding
    /// By the invoice that a line corrects; empty for the invoice itself.
    private var sources: [String: Source] = [:]
    /// By the document that holds the usage.
    private var months: [String: MonthSums] = [:]

    fileprivate init(_ store: Store, _ number: String) throws(Fault) {
        self.store = store
        (invoice, base, rounding) = try store.reading { db in
            let invoice = try db.invoice(number)
            let base = try invoice.credits.map { try db.invoice($0) } ?? invoice
            return (invoice, base, try invoiceRounding(db, base))
        }
    }

    /// Walks a line back to the ledger; lines count from 1.
    public mutating func explain(line: Int) throws(Fault) -> Explanation {
        guard invoice.draft.lines.indices.contains(line - 1) else {
            throw Fault(
                .wrongUse, at: "invoice \(invoice.number), line \(line)", problem: "no such line",
                suggestion:
                    "It has \(invoice.draft.lines.count): octroi invoice show \(invoice.number)")
        }
        let item = invoice.draft.lines[line - 1]
        return try store.reading { db in
            let source = try source(db, of: item)
            let place = source.segments.firstIndex { $0.period == item.period }
            var result = Explanation(
                invoice: invoice, line: line, item: item,
                segment: place.map { source.segments[$0] }, accounts: [],
                books: source.books(of: item.period), rounding: rounding)
            if invoice.credits != nil {
                result.credited = (base.number, try creditedLine(db, line))
            }
            guard let place, let entry = source.entry, let meter = item.meter else { return result }
            let segment = source.segments[place]
            let before =
                source.isShared
                ? try sums(db, source.holder).sum(meter, segment.month, item.period.start)
                : source.sum(meter, before: place)
            result.position = (before, source.sums[UsagePlace(place, meter)] ?? 0)
            let path = item.container.map { ExactText($0) }
            let own = path.flatMap { source.usage[UsagePlace(place, meter, $0)] } ?? []
            result.accounts = try own.map {
                try account(
                    db, $0, segment, upTo: entry,
                    after: item.reference == nil ? nil : source.corrected)
            }
            return result
        }
    }

    private mutating func source(_ db: ReadTransaction, of item: LineItem) throws -> Source {
        let key = item.reference ?? ""
        if let known = sources[key] { return known }
        let source = try Source(db, base, correcting: item.reference)
        sources[key] = source
        return source
    }

    private func creditedLine(_ db: ReadTransaction, _ line: Int) throws -> Int? {
        try db.linesCredited(by: invoice.number).first { $0.line == line }?.credited
    }

    private mutating func sums(_ db: ReadTransaction, _ holder: String) throws -> MonthSums {
        if let known = months[holder] { return known }
        let sums = try MonthSums(db, holder)
        months[holder] = sums
        return sums
    }
}

extension Store {
    /// Explains lines of an invoice; fails for one that does not exist.
    public func explainer(of number: String) throws(Fault) -> Explainer {
        try Explainer(self, number)
    }
}

/// Where usage of an invoice belongs: its segment, its meter, and the container's path.
private struct UsagePlace: Hashable {
    var segment: Int
    var meter: String
    var path: ExactText?

    init(_ segment: Int, _ meter: String, _ path: ExactText? = nil) {
        (self.segment, self.meter, self.path) = (segment, meter, path)
    }
}

/// The segments that a document corrected another invoice by; `nil` if it rates no such invoice.
private func correctedSegments(
    _ db: ReadTransaction, _ invoice: Invoice, _ corrected: String?
) throws -> [Segment]? {
    let place = try db.sealPlace(of: invoice.number)
    guard let corrected, try place >= db.firstSharedSeal() else { return nil }
    let past = try IssuedInvoices(db, tenant: invoice.draft.tenant, before: place)
    return try Recomputing(db, invoice, past, UsageSweep(db, withOpen: nil)).groups()
        .first { group in group.stretches.contains { $0.number == corrected } }?.segments
}

/// What the lines of an invoice come from that correct one other invoice, or none.
private struct Source {
    var segments: [Segment]
    /// The newest entry of the ledger when it was computed.
    var entry: Int64?
    /// The same of the invoice that is corrected.
    var corrected: Int64?
    /// The document that the usage was computed for.
    var holder: String
    /// Whether invoices of the same month were rated with it.
    var isShared: Bool
    var usage: [UsagePlace: [AccountUsage]] = [:]
    var sums: [UsagePlace: Int128] = [:]

    init(_ db: ReadTransaction, _ invoice: Invoice, correcting reference: String?) throws {
        let source = try reference.map { try db.invoice($0) } ?? invoice
        segments =
            try correctedSegments(db, invoice, reference) ?? source.draft.before
            + source.draft.segments
        corrected = source.proof?.ledger?.entry
        entry = invoice.proof?.ledger?.entry ?? corrected
        holder = invoice.number
        isShared = try db.sealPlace(of: holder) >= db.firstSharedSeal()
        guard entry != nil else { return }
        for use in try db.pinnedUsage(holder, segments, [reference ?? ""]) {
            sums[UsagePlace(use.segment, use.meter), default: 0] += use.billable
            usage[UsagePlace(use.segment, use.meter, use.span.path), default: []].append(use)
        }
    }

    /// The books that priced a time, one after another.
    func books(of period: Period) -> [PriceBook] {
        segments.filter { $0.period.meets(period) }.map(\.book).reduce(into: []) { books, book in
            if books.last != book { books.append(book) }
        }
    }

    /// What its own usage comes to in the month before a segment.
    func sum(_ meter: String, before place: Int) -> Int128 {
        (0..<place).filter { segments[$0].month == segments[place].month }
            .reduce(0) { $0 + (sums[UsagePlace($1, meter)] ?? 0) }
    }
}

/// What an invoice was computed from, whichever invoices bill that time, by the start of the segment.
private struct MonthSums {
    private var sums: [String: [Int64: Int128]] = [:]

    init(_ db: ReadTransaction, _ number: String) throws {
        for part in try db.pinnedSums(number, [""] + db.pinnedKeys(of: number)) {
            sums[part.meter, default: [:]][part.start.seconds, default: 0] += part.billable
        }
    }

    /// From the start of a month up to a time.
    func sum(_ meter: String, _ month: Period, _ end: Instant) -> Int128 {
        (sums[meter] ?? [:]).reduce(0) { sum, part in
            month.start.seconds <= part.key && part.key < end.seconds ? sum + part.value : sum
        }
    }
}

private func account(
    _ db: ReadTransaction, _ use: AccountUsage, _ segment: Segment, upTo entry: Int64,
    after old: Int64?
) throws -> Explanation.Account {
    let origin = try db.origin(of: use.span.container)
    let basis = segment.book.meters[use.meter]?.basis ?? .used
    let names =
        basis == .used || use.isUnreserved ? [use.meter] : [use.meter, "\(use.meter)_reserved"]
    let hours = try db.ledgerRows(
        of: (use.span.container, use.span.since, use.span.until), meters: names,
        memory: segment.book.memory, upTo: entry
    ).map {
        Explanation.Hour(
            hour: $0.hour, meter: $0.meter, quantity: $0.quantity, assurance: $0.assurance,
            entry: $0.entry)
    }
    return Explanation.Account(
        container: use.span.container, path: use.span.path.text, kind: origin?.kind ?? "container",
        boot: origin?.boot, cgroupID: origin?.cgroupID, quantity: use.quantity,
        billable: use.billable,
        period: Period(
            start: Instant(seconds: use.span.since), end: Instant(seconds: use.span.until)),
        hours: hours, billedBefore: hours.count { $0.entry <= old ?? 0 })
}
