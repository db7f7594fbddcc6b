import Foundation
import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// Where a line of an invoice comes from, down to the ledger's rows.
public struct Explanation: Sendable {
    /// One account behind the line.
    public struct Account: Sendable {
        /// Its row, as `Store.samples` takes it.
        public var container: Int64
        public var path: String
        public var kind: String
        /// Of a cgroup: the boot and the kernel's id, which with it is the identity.
        public var boot: String?
        public var cgroupID: Int64?
        /// What the invoice holds of it, in the line's segment and meter.
        public var quantity: Int128
        public var billable: Int128
        /// The hours in which it was the tenant's, inside the segment.
        public var period: Period?
        /// The ledger's rows, hour by hour.
        public var hours: [Hour]
        /// How many of these rows were there when the corrected invoice was issued.
        public var billedBefore: Int
    }

    /// A row of the ledger.
    public struct Hour: Hashable, Sendable {
        public var hour: Instant
        /// As the ledger calls it: memory by its formula.
        public var meter: String
        public var quantity: Int64
        public var assurance: String
        /// The entry of the ledger's chain that closed it.
        public var entry: Int64
    }

    public var invoice: Invoice
    /// From 1.
    public var line: Int
    public var item: LineItem
    /// The segment that priced it; `nil` for taxes and what covers several.
    public var segment: Segment?
    public var accounts: [Account]
    /// Of the line's meter in the month: what stood before its segment, and what it holds.
    public var position: (before: Int128, inside: Int128)?
}

extension Store {
    /// Explains a line of an issued invoice.
    public func explain(_ number: String, line: Int) throws(Fault) -> Explanation {
        try read { db in
            let invoice = try loadInvoice(db, number)
            guard invoice.draft.lines.indices.contains(line - 1) else {
                throw Fault(
                    .wrongUse, at: "invoice \(number), line \(line)", found: "no such line",
                    cure: "It has \(invoice.draft.lines.count): octroi invoice show \(number)")
            }
            let item = invoice.draft.lines[line - 1]
            let source = try item.reference.map { try loadInvoice(db, $0) } ?? invoice
            let segments = source.draft.before + source.draft.segments
            let place = segments.firstIndex { $0.period == item.period }
            var result = Explanation(
                invoice: invoice, line: line, item: item, segment: place.map { segments[$0] },
                accounts: [])
            let entry = invoice.proof?.ledger?.entry ?? source.proof?.ledger?.entry
            guard let place, let entry else { return result }
            let holder = invoice.credits == nil && item.reference != nil ? number : source.number
            let key = invoice.credits == nil ? item.reference ?? "" : ""
            let pinned = try pinnedUsage(db, holder, segments, [key])
                .filter { $0.meter == item.meter }
            func sum(_ usage: [AccountUsage]) -> Int128 { usage.reduce(0) { $0 + $1.billable } }
            let isShared = try sealPlace(db, holder) >= firstSharedSeal(db)
            let month = segments[place].month
            let inMonth = pinned.filter {
                $0.segment < place && segments[$0.segment].month == month
            }
            let before =
                isShared
                ? try usedBefore(db, holder, item.meter, month, item.period.start) : sum(inMonth)
            result.position = (before, sum(pinned.filter { $0.segment == place }))
            let own = pinned.filter {
                $0.segment == place && $0.span.path.text == item.container
            }
            result.accounts = try own.map {
                try account(
                    db, $0, segments[place], upTo: entry,
                    after: item.reference == nil ? nil : source.proof?.ledger?.entry)
            }
            return result
        }
    }
}

/// What an invoice was computed from of a meter, from the start of a month up to a segment, whichever
/// invoices bill that time.
private func usedBefore(
    _ db: Database, _ number: String, _ meter: String, _ month: Period, _ start: Instant
) throws -> Int128 {
    let others = try String.fetchAll(
        db, sql: "SELECT corrects FROM invoice_pin WHERE invoice = ?", arguments: [number])
    return try pinnedRows(db, number, [""] + others).filter { row in
        let place: Int64 = row["segment_s"]
        return row["name"] == meter && month.start.seconds <= place && place < start.seconds
    }.reduce(0) { $0 + Int128(high: $1["billable_high"], low: $1["billable_low"]) }
}

private func account(
    _ db: Database, _ use: AccountUsage, _ segment: Segment, upTo entry: Int64, after old: Int64?
) throws -> Explanation.Account {
    let row = try Row.fetchOne(
        db,
        sql: """
            SELECT c.kind, c.cgroup_id, b.boot_id FROM container c
            LEFT JOIN boot b ON b.id = c.boot WHERE c.id = ?
            """, arguments: [use.span.container])
    let basis = segment.book.meters[use.meter]?.basis ?? .used
    let names =
        basis == .used || use.isUnreserved ? [use.meter] : [use.meter, "\(use.meter)_reserved"]
    let rows = try Row.fetchAll(
        db,
        sql: """
            SELECT u.hour_s, m.name, u.quantity, a.name, u.entry FROM usage u
            JOIN meter m ON m.id = u.meter JOIN assurance a ON a.id = u.assurance
            WHERE u.container = ? AND u.hour_s >= ? AND u.hour_s < ? AND u.entry <= ?
                AND m.shown_as IN (?, ?)
                AND (m.memory_formula IS NULL OR m.memory_formula = ?)
            ORDER BY u.hour_s, m.id, u.entry
            """,
        arguments: [
            use.span.container, use.span.since, use.span.until, entry, names[0], names.last,
            segment.book.memory.rawValue,
        ])
    let hours = rows.map {
        Explanation.Hour(
            hour: Instant(seconds: $0[0]), meter: $0[1], quantity: $0[2], assurance: $0[3],
            entry: $0[4])
    }
    return Explanation.Account(
        container: use.span.container, path: use.span.path.text, kind: row?["kind"] ?? "container",
        boot: row?["boot_id"],
        cgroupID: row?["cgroup_id"], quantity: use.quantity, billable: use.billable,
        period: Period(
            start: Instant(seconds: use.span.since), end: Instant(seconds: use.span.until)),
        hours: hours, billedBefore: hours.count { $0.entry <= old ?? 0 })
}
