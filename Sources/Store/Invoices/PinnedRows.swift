import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// Stores the usage that a document was computed from.
///
/// A document is rated together with other invoices of the same months. The usage of those invoices
/// is stored with it only if it differs from what was stored last; otherwise `invoice_pin` refers
/// to that.
func insert(_ db: Database, _ pinned: PinnedUsage, of number: String) throws {
    guard pinned.isOfAnother else { return try insertRows(db, pinned, of: number) }
    // Compare with what was stored last for that invoice.
    let holder = try lastHolder(db, of: pinned.corrects)
    let segments = pinned.segments
    let before = try rows(db, holder, pinned.corrects).compactMap { row in
        try accountUsage(row, segments, number)
    }
    let isNew = Set(before.map(Pin.init)) != Set(pinned.usage.map { Pin($0, segments) })
    if isNew { try insertRows(db, pinned, of: number) }
    try db.run(
        "INSERT INTO invoice_pin VALUES (?, ?, ?)",
        [number, pinned.corrects, isNew ? number : holder])
}

/// Stores all rows of pinned usage with a document.
private func insertRows(_ db: Database, _ pinned: PinnedUsage, of number: String) throws {
    let meters = try MeterTable(db).ids
    for use in pinned.usage {
        let segment = pinned.segments[use.segment].period
        let (quantity, billable) = (use.quantity.halves, use.billable.halves)
        let pin = Pin(use, pinned.segments)
        try db.run(
            "INSERT INTO invoice_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number, pinned.corrects, segment.start.seconds, use.span.container, pin.key.since,
                pin.until, meters[use.meter], use.isUnreserved, quantity.high, quantity.low,
                billable.high, billable.low, pin.life,
            ])
    }
}

/// One row of pinned usage, for comparing rows.
private struct Pin: Hashable {
    let key: UsageKey
    /// The end of the time it covers, in seconds since 1970, exclusive.
    let until: Int64
    let quantity: Int128
    let billable: Int128
    /// The account's life in seconds, if a minimum duration raised its quantity.
    let life: Int64?

    init(_ use: AccountUsage) {
        key = UsageKey(use)
        (until, quantity, billable) = (use.span.until, use.quantity, use.billable)
        // Only a life that mattered for the amount is stored.
        life = use.billable == use.quantity ? nil : use.span.life
    }

    /// The row for usage, cut to its segment.
    ///
    /// - Parameter segments: the segments that `segment` of the usage is an index of.
    init(_ use: AccountUsage, _ segments: [Segment]) {
        var use = use
        let period = segments[use.segment].period
        use.span.since = max(use.span.since, period.start.seconds)
        use.span.until = min(use.span.until, period.end.seconds)
        self.init(use)
    }
}

/// The newest document that stores usage of an invoice; the invoice itself if no other does.
private func lastHolder(_ db: Database, of number: String) throws -> String {
    try db.value(
        String.self,
        """
        SELECT p.pinned_on FROM invoice_pin p JOIN invoice_seal s ON s.invoice = p.invoice
        WHERE p.corrects = ? ORDER BY s.id DESC LIMIT 1
        """, [number]) ?? number
}

/// The sum of a meter in one segment, as it is pinned to an invoice.
package struct PinnedSum {
    /// The start of the segment.
    package var start: Instant
    /// The meter's name in the ledger.
    package var meter: String
    /// The quantity in base units, after minimum durations.
    package var billable: Int128
}

extension ReadTransaction {
    /// The pinned usage that an invoice was computed from, in a fixed order.
    ///
    /// - Parameters:
    ///   - number: the invoice.
    ///   - segments: the segments that `segment` of the usage is an index of.
    ///   - keys: the invoices whose time the usage belongs to; empty text for the invoice itself.
    package func pinnedUsage(
        _ number: String, _ segments: [Segment], _ keys: [String]
    ) throws -> [AccountUsage] {
        try pinnedRows(number, keys).map { row in
            guard let use = try accountUsage(row, segments, number) else { throw damaged(number) }
            return use
        }.sorted {
            ($0.segment, $0.span.container, $0.span.since, $0.meter)
                < ($1.segment, $1.span.container, $1.span.since, $1.meter)
        }
    }

    /// The pinned usage as sums by segment and meter, without accounts.
    package func pinnedSums(_ number: String, _ keys: [String]) throws -> [PinnedSum] {
        try pinnedRows(number, keys).map { row in
            PinnedSum(
                start: Instant(seconds: row["segment_s"]), meter: row["name"],
                billable: Int128(high: row["billable_high"], low: row["billable_low"]))
        }
    }

    /// The invoices that a document was rated together with.
    package func pinnedKeys(of number: String) throws -> [String] {
        try db.values(
            String.self, "SELECT corrects FROM invoice_pin WHERE invoice = ?", [number])
    }

    /// The rows of pinned usage, from whichever documents store them.
    private func pinnedRows(_ number: String, _ keys: [String]) throws -> [Row] {
        try keys.flatMap { key in
            let holder = try db.value(
                String.self,
                "SELECT pinned_on FROM invoice_pin WHERE invoice = ? AND corrects = ?",
                [number, key])
            return try rows(db, holder ?? number, key)
        }
    }
}

/// The usage of an invoice that a document stores: the invoice itself or a later one.
///
/// - Parameter key: the number of the invoice to which the usage belongs.
private func rows(_ db: Database, _ holder: String, _ key: String) throws -> [Row] {
    // An invoice stores its own usage with an empty key.
    let isOwn = holder == key
    return try db.rows(
        """
        SELECT u.*, c.path, m.name FROM invoice_usage u JOIN container c ON c.id = u.container
        JOIN meter m ON m.id = u.meter
        WHERE u.invoice = ?1 AND u.corrects = ?2 AND (NOT ?3 OR EXISTS (
            SELECT 1 FROM invoice_segment s
            WHERE s.invoice = ?1 AND s.start_s = u.segment_s AND s.is_charged = 1))
        ORDER BY u.segment_s, u.container, u.since_s, u.meter
        """, [holder, isOwn ? "" : key, isOwn])
}

/// Builds usage from a row; `nil` if no segment begins where the row's segment did.
private func accountUsage(
    _ row: Row, _ segments: [Segment], _ number: String
) throws -> AccountUsage? {
    let start: Int64 = row["segment_s"]
    guard let segment = segments.firstIndex(where: { $0.period.start.seconds == start }) else {
        return nil
    }
    return AccountUsage(
        segment: segment,
        span: OwnedSpan(
            container: row["container"], path: ExactText(row["path"]), since: row["since_s"],
            until: row["until_s"], life: row["life_s"]),
        meter: row["name"], isUnreserved: row["is_unreserved"],
        quantity: Int128(high: row["quantity_high"], low: row["quantity_low"]),
        billable: Int128(high: row["billable_high"], low: row["billable_low"]))
}
