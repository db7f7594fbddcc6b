import Sealing
import Foundation
import GRDB
import Metering
import Units

/// One entry of the ledger's chain: rows that were closed together.
///
/// Its hash covers the hash of the entry before it.
struct LedgerEntry {
    /// What was closed: an hour, an import, or changes of terms.
    enum Kind: String {
        case hour
        case `import`
        /// Changes of price books, tenants and other terms: everything besides usage that decides
        /// amounts.
        case terms
    }

    var id: Int64
    var kind: String
    var hour: Int64
    var closed: Int64
    var lastTick: Int64
    var rowCount: Int64
    var content: [UInt8]
    var hash: [UInt8]
    var sums: [UInt8]

    init(_ row: Row) {
        (id, kind, hour) = (row["id"], row["kind"], row["hour_s"])
        (closed, lastTick, rowCount) = (row["closed_ms"], row["last_tick"], row["row_count"])
        (content, hash) = (Array(row["content"] as Data), Array(row["hash"] as Data))
        sums = Array(row["row_sums"] as Data)
    }

    fileprivate init(
        after last: LedgerEntry, _ kind: Kind, hour: Instant, lastTick: Int64, at now: Instant,
        _ content: EntryContent
    ) {
        (id, self.kind, self.hour) = (last.id + 1, kind.rawValue, hour.seconds)
        (closed, self.lastTick) = (now.milliseconds, lastTick)
        (rowCount, sums) = (Int64(content.rowCount), content.sums)
        self.content = content.finish()
        hash = []
        hash = hash(after: last.hash)
    }

    /// The hash of all fields of this entry and of the hash of the entry before it.
    func hash(after previous: [UInt8]) -> [UInt8] {
        var row = CanonicalRow()
        row.begin("octroi ledger entry")
        row.add(id)
        row.add(kind.utf8)
        for number in [hour, closed, lastTick, rowCount] { row.add(number) }
        for bytes in [content, sums, previous] { row.add(bytes) }
        row.end()
        let digest = Digest()
        digest.add(row.bytes)
        return digest.finish()
    }

    /// The newest entry.
    ///
    /// - Throws: `badData` if the chain has no beginning.
    static func last(_ db: Database) throws -> LedgerEntry {
        let row = try db.row("SELECT * FROM ledger_entry ORDER BY id DESC LIMIT 1")
        guard let row else {
            throw Fault(
                .badData, at: "table ledger_entry", problem: "no beginning of the chain",
                suggestion: "Something other than Octroi changed the store: restore a backup of it")
        }
        return LedgerEntry(row)
    }

    /// Creates an empty entry; rows may be added to it until `finish`.
    fileprivate static func begin(_ db: Database, _ id: Int64) throws {
        try db.run(
            """
            INSERT INTO ledger_entry (id, kind, hour_s, closed_ms, last_tick, row_count, content,
                hash, row_sums) VALUES (?, 'hour', 0, 0, 0, -1, zeroblob(32), zeroblob(32), x'')
            """, [id])
    }

    /// Writes the hash of the rows; afterwards no row can be added.
    fileprivate func finish(_ db: Database) throws {
        try db.run(
            """
            UPDATE ledger_entry SET kind = ?, hour_s = ?, closed_ms = ?, last_tick = ?,
                row_count = ?, content = ?, hash = ?, row_sums = ? WHERE id = ?
            """,
            [
                kind, hour, closed, lastTick, rowCount, Data(content), Data(hash), Data(sums), id,
            ])
    }
}

/// Closes the ledger rows of the hours before `hour`, and rows without an hour, such as gaps.
///
/// - Parameter lastTick: the last tick whose completeness is closed with them.
func closeHours(
    _ db: Database, before hour: Instant, lastTick: Int64, at now: Instant
) throws {
    let last = try LedgerEntry.last(db)
    let entry = last.id + 1
    try LedgerEntry.begin(db, entry)
    try db.run(
        """
        INSERT INTO completeness SELECT wall_ms / 3600000 * 3600, run, ?, count(*), sum(seen),
            sum(read), sum(vanished), sum(failed), sum(births), sum(ends), sum(last_readings),
            sum(skipped), max(bracket_us), max(duration_us), min(epoch), max(epoch)
        FROM tick WHERE id > ? AND id <= ? GROUP BY wall_ms / 3600000, run
        """, [entry, last.lastTick, lastTick])
    let content = try content(db, .hour, hour: hour, entry: entry)
    try moveUsage(db, "hour_s < \(hour.seconds)", to: entry)
    for table in ["control_total", "capacity"] {
        try db.execute(
            sql: "UPDATE \(table) SET entry = ? WHERE entry = 0 AND hour_s < ?",
            arguments: [entry, hour.seconds])
    }
    for table in ["gap", "unmetered", "anomaly", "usage_import", "assignment", "reattribution"] {
        try db.execute(
            sql: "UPDATE \(table) SET entry = ? WHERE entry = 0", arguments: [entry])
    }
    let nominal = hour.advanced(bySeconds: -3600)
    try LedgerEntry(after: last, .hour, hour: nominal, lastTick: lastTick, at: now, content)
        .finish(db)
    try sayLate(db, entry, at: now)
}

/// Closes the rows of an import, which were hashed before.
///
/// - Parameters:
///   - hours: the first and the last hour with usage, in seconds since 1970; `nil` without usage.
///   - write: writes the rows with the number of the entry.
func closeImport(
    _ db: Database, at now: Instant, _ content: EntryContent,
    _ hours: (first: Int64, last: Int64)?, _ write: (_ entry: Int64) throws -> Void
) throws {
    let last = try LedgerEntry.last(db)
    let entry = last.id + 1
    try LedgerEntry.begin(db, entry)
    if let hours { try noteLate(db, hours.first, hours.last, entry) }
    try write(entry)
    // The last tables of an entry: the tenants of the new accounts.
    var content = content
    let owners = ["assignment", "reattribution"]
    for table in LedgerTable.all where owners.contains(table.name) {
        guard let sql = table.openRows(.import) else { continue }
        try table.read(db, sql, []) { _, row, _ in content.add(row) }
    }
    for table in owners {
        try db.execute(
            sql: "UPDATE \(table) SET entry = ? WHERE entry = 0", arguments: [entry])
    }
    try LedgerEntry(
        after: last, .import, hour: now.startOfHour, lastTick: last.lastTick, at: now, content
    ).finish(db)
    try sayLate(db, entry, at: now)
}

/// Closes the rows of table `term` after the row `last`, in an entry of their own.
///
/// The entry holds nothing else, so that a check of all terms need not read the rest of the ledger.
func closeTerms(_ db: Database, after last: Int64, at now: Instant) throws {
    var content = EntryContent()
    let rows = LedgerTable.term.rows(from: "(SELECT * FROM term WHERE id > \(last))")
    try LedgerTable.term.read(db, rows, []) { _, row, _ in content.add(row) }
    guard content.rowCount > 0 else { return }
    let before = try LedgerEntry.last(db)
    try LedgerEntry.begin(db, before.id + 1)
    try db.run("UPDATE term SET entry = ? WHERE id > ?", [before.id + 1, last])
    try LedgerEntry(
        after: before, .terms, hour: now.startOfHour, lastTick: before.lastTick, at: now, content
    ).finish(db)
}

/// The number and the hash of the rows that an entry closes.
private func content(
    _ db: Database, _ kind: LedgerEntry.Kind, hour: Instant, entry: Int64
) throws -> EntryContent {
    var content = EntryContent()
    for table in LedgerTable.all {
        guard let sql = table.openRows(kind) else { continue }
        let arguments =
            sql.contains(":hour") ? [hour.seconds] : sql.contains(":entry") ? [entry] : []
        try table.read(db, sql, arguments) { _, row, _ in content.add(row) }
    }
    return content
}

/// Moves usage from table `usage_open` to `usage`, and adds it to the sums of days.
private func moveUsage(_ db: Database, _ which: String, to entry: Int64) throws {
    let hours = try Row.fetchOne(
        db, sql: "SELECT min(hour_s), max(hour_s) FROM usage_open WHERE \(which)")
    if let first = hours?[0] as Int64?, let last = hours?[1] as Int64? {
        try noteLate(db, first, last, entry)
    }
    try db.execute(
        sql: """
            INSERT INTO usage (container, hour_s, meter, assurance, entry, quantity)
            SELECT container, hour_s, meter, assurance, ?, quantity FROM usage_open WHERE \(which)
            ORDER BY container, hour_s, meter, assurance
            """, arguments: [entry])
    var days = try DaySummer.adding(to: db)
    try days?.add(
        rows: """
            SELECT container, hour_s, meter, assurance, quantity FROM usage_open WHERE \(which)
            ORDER BY container, hour_s
            """, of: db)
    try db.execute(sql: "DELETE FROM usage_open WHERE \(which)")
}

/// Records that an entry has usage in hours that were invoiced, so that invoices are corrected.
private func noteLate(
    _ db: Database, _ first: Int64, _ last: Int64, _ entry: Int64
) throws {
    try db.run(
        """
        INSERT INTO late_entry SELECT ?1, ?2, ?3
        WHERE ?2 < (SELECT max(period_end_s) FROM invoice)
        """, [entry, first, last])
}

/// Adds the row of `late_entry` for an entry, if there is one, to the chain.
private func sayLate(_ db: Database, _ entry: Int64, at now: Instant) throws {
    try Store.closingTerms(db, at: now) { try say(db, .lateEntry, where: "r.entry = ?", [entry]) }
}
