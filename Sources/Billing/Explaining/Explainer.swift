import Store
import Invoicing
import Metering
import Pricing
import Units

/// Explains the lines of one issued invoice.
///
/// An invoice never changes, so what several lines share is read from the store only once.
///
/// ```
/// var explainer = try store.explainer(of: "OCT-000001")
/// let first = try explainer.explain(line: 1)
/// ```
public struct Explainer {
    private let store: Store
    /// The document whose lines are explained.
    public let invoice: Invoice
    /// The invoice whose lines a credit note takes back; else the document itself.
    private let base: Invoice
    private let rounding: Rounding
    /// The sources of lines by the invoice that they correct; empty for the document's own time.
    private var sources: [String: Source] = [:]
    /// The usage of months, by the document that holds it.
    private var months: [String: MonthSums] = [:]

    fileprivate init(_ store: Store, _ number: String) throws(Fault) {
        self.store = store
        (invoice, base, rounding) = try store.reading { db in
            let invoice = try db.invoice(number)
            let base = try invoice.credits.map { try db.invoice($0) } ?? invoice
            return (invoice, base, try invoiceRounding(db, base))
        }
    }

    /// Traces a line back to the ledger.
    ///
    /// - Parameter line: the number of the line, from 1.
    /// - Returns: the line with the segment and price books behind it. A line for usage also has
    ///   its accounts and their ledger rows; these are as they were when the invoice was issued.
    /// - Throws: `wrongUse` if there is no such line.
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
            // By the first rules, only the invoice's own usage came before in the tiers.
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

    /// What the line comes from, read at most once for each corrected invoice.
    private mutating func source(_ db: ReadTransaction, of item: LineItem) throws -> Source {
        let key = item.reference ?? ""
        if let known = sources[key] { return known }
        let source = try Source(db, base, correcting: item.reference)
        sources[key] = source
        return source
    }

    /// The line that a line of this credit note takes back; `nil` for a tax.
    private func creditedLine(_ db: ReadTransaction, _ line: Int) throws -> Int? {
        try db.linesCredited(by: invoice.number).first { $0.line == line }?.credited
    }

    /// The usage of months on a document, read at most once.
    private mutating func sums(_ db: ReadTransaction, _ holder: String) throws -> MonthSums {
        if let known = months[holder] { return known }
        let sums = try MonthSums(db, holder)
        months[holder] = sums
        return sums
    }
}

extension Store {
    /// Prepares to explain the lines of an invoice.
    ///
    /// - Throws: if there is no such invoice.
    public func explainer(of number: String) throws(Fault) -> Explainer {
        try Explainer(self, number)
    }
}

/// The segment and meter of usage, and the container's path where it matters.
private struct UsagePlace: Hashable {
    var segment: Int
    var meter: String
    var path: ExactText?

    init(_ segment: Int, _ meter: String, _ path: ExactText? = nil) {
        (self.segment, self.meter, self.path) = (segment, meter, path)
    }
}

/// The segments by which a document corrected another invoice.
///
/// - Returns: `nil` if the line corrects no invoice, or the document was made by the first rules.
private func correctedSegments(
    _ db: ReadTransaction, _ invoice: Invoice, _ corrected: String?
) throws -> [Segment]? {
    let place = try db.sealPlace(of: invoice.number)
    guard let corrected, try place >= db.firstSharedSeal() else { return nil }
    let past = try IssuedInvoices(db, tenant: invoice.draft.tenant, before: place)
    return try Recomputing(db, invoice, past, UsageSweep(db, withOpen: nil)).groups()
        .first { group in group.stretches.contains { $0.number == corrected } }?.segments
}

/// What the lines of a document come from that correct one other invoice, or none.
private struct Source {
    var segments: [Segment]
    /// The ledger's newest entry when the document was computed.
    var entry: Int64?
    /// The ledger's newest entry when the corrected invoice was computed.
    var corrected: Int64?
    /// The number of the document that pins the usage.
    var holder: String
    /// Whether invoices of the same month were rated together with it.
    var isShared: Bool
    /// The usage by segment, meter and path.
    var usage: [UsagePlace: [AccountUsage]] = [:]
    /// The billable quantity by segment and meter.
    var sums: [UsagePlace: Int128] = [:]

    /// Reads the usage that is pinned for one invoice.
    ///
    /// - Parameter reference: the invoice that the lines correct; `nil` for the document's own
    ///   time.
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

    /// The books in force during a time, in order; neighbours that are the same count once.
    func books(of period: Period) -> [PriceBook] {
        segments.filter { $0.period.meets(period) }.map(\.book).reduce(into: []) { books, book in
            if books.last != book { books.append(book) }
        }
    }

    /// The billable quantity of a meter in the month before a segment, on this document alone.
    func sum(_ meter: String, before place: Int) -> Int128 {
        (0..<place).filter { segments[$0].month == segments[place].month }
            .reduce(0) { $0 + (sums[UsagePlace($1, meter)] ?? 0) }
    }
}

/// Billable quantities that a document was computed from, by meter and start of the segment.
///
/// They include the usage of all invoices that the document was rated with.
private struct MonthSums {
    private var sums: [String: [Int64: Int128]] = [:]

    init(_ db: ReadTransaction, _ number: String) throws {
        for part in try db.pinnedSums(number, [""] + db.pinnedKeys(of: number)) {
            sums[part.meter, default: [:]][part.start.seconds, default: 0] += part.billable
        }
    }

    /// The billable quantity of a meter from the start of a month to a time.
    func sum(_ meter: String, _ month: Period, _ end: Instant) -> Int128 {
        (sums[meter] ?? [:]).reduce(0) { sum, part in
            month.start.seconds <= part.key && part.key < end.seconds ? sum + part.value : sum
        }
    }
}

/// An account of a line, with the ledger's rows behind its quantity.
///
/// - Parameters:
///   - entry: the newest entry of the ledger that counts.
///   - old: the newest entry when the corrected invoice was issued; `nil` for other lines.
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
