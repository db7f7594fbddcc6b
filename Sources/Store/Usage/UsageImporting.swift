import GRDB
import Metering
import Units

/// The result of an import.
public struct ImportOutcome: Sendable {
    /// The number of new rows.
    public var added = 0
    /// The number of rows that were imported before with the same quantity.
    public var thereAlready = 0
    /// Possible mistakes in the new rows, one sentence each.
    public var warnings: [String] = []
}

extension Store {
    /// Adds usage of another source: all rows or none.
    ///
    /// Rows that were imported before stay as they are, so a file can be imported twice.
    ///
    /// - Parameters:
    ///   - zone: the billing zone, at whose hours rows are split.
    ///   - now: the present time.
    /// - Throws: `badData` for the first row that is refused: the tenant is unknown, the time is
    ///   more than 31 days ahead or before all prices, Octroi meters this usage itself, or the row
    ///   was imported before with another quantity.
    @discardableResult
    public func importUsage(
        _ rows: [ImportedUsage], in zone: BillingZone = .utc, at now: Instant
    ) throws(Fault) -> ImportOutcome {
        var rows = rows.makeIterator()
        return try importUsage(in: zone, at: now) { () throws(Fault) in rows.next() }
    }

    /// Adds usage of another source, row by row: a file may be larger than memory.
    ///
    /// Rows are checked and hashed in temporary tables, so others can use the store meanwhile. The
    /// store is locked only while new accounts are written, and while the rows are copied into the
    /// ledger.
    ///
    /// - Parameters:
    ///   - zone: the billing zone, at whose hours rows are split.
    ///   - now: the present time.
    ///   - next: gives the next row, and `nil` after the last.
    /// - Throws: as for all rows at once; an error of `next` is passed on.
    public func importUsage(
        in zone: BillingZone, at now: Instant, _ next: () throws(Fault) -> ImportedUsage?
    ) throws(Fault) -> ImportOutcome {
        try storeErrors(path) {
            try database.writeWithoutTransaction { db in
                try ImportStage.prepare(db)
                var stage: ImportStage?
                try db.inTransaction(.deferred) {
                    var filling = try ImportStage(db, in: zone, at: now)
                    do {
                        while let usage = try next() { try filling.add(usage) }
                    } catch {
                        // A row before it may be there twice.
                        try filling.flush()
                        throw error
                    }
                    try filling.flush()
                    stage = filling
                    return .commit
                }
                guard var stage else { preconditionFailure("a transaction that gave no value") }
                let outcome = try stage.publish()
                try ImportStage.prepare(db)
                return outcome
            }
        }
    }
}

extension ImportStage {
    /// Writes the new rows into the ledger, as one entry.
    ///
    /// - Throws: `badData` if a row is refused; nothing is written then. `failed` if other imports
    ///   kept changing the ledger.
    mutating func publish() throws -> ImportOutcome {
        // Another import that comes between may have brought the same rows.
        for _ in 0..<100 {
            var found: (outcome: ImportOutcome, survey: ImportSurvey)?
            var before: Int64?
            try db.inTransaction(.deferred) {
                before = try lastImport()
                found = try sortOut()
                return .commit
            }
            guard let found, found.outcome.added > 0 else {
                return found?.outcome ?? ImportOutcome()
            }
            try db.inTransaction(.immediate) {
                try writeAccounts()
                return .commit
            }
            let writing = try ImportWriting(self)
            let content = try writing.hashed()
            var isDone = false
            try db.inTransaction(.immediate) {
                isDone = try lastImport() == before
                if isDone { try writing.write(content, found.survey.hours) }
                return isDone ? .commit : .rollback
            }
            if isDone { return found.outcome }
        }
        throw Fault(
            .failed, at: "usage import", problem: "other imports kept changing the ledger",
            suggestion: "Run it again when they are done")
    }

    private func lastImport() throws -> Int64? {
        try db.value(
            Int64.self, "SELECT id FROM ledger_entry WHERE kind = 'import' ORDER BY id DESC LIMIT 1"
        )
    }

    /// Stores meters and accounts that the store does not know yet.
    private func writeAccounts() throws {
        try db.run(
            """
            INSERT INTO meter (name, shown_as)
            SELECT name, name FROM import_meter WHERE meter IS NULL ON CONFLICT DO NOTHING
            """)
        try db.run(
            """
            INSERT INTO container (kind, path, runtime, import_tenant, first_seen_ms, last_seen_ms)
            SELECT 'imported', path, 'import', tenant, ?1, ?1 FROM import_account
            WHERE container IS NULL ORDER BY id ON CONFLICT DO NOTHING
            """, [now.milliseconds])
        // An imported account is its tenant's for all time, but for hours that a person gives away.
        let new = """
            SELECT c.id, ?, c.import_tenant
            FROM import_account a CROSS JOIN container c
                ON c.import_tenant = a.tenant AND c.path = a.path
            WHERE a.container IS NULL
                AND NOT EXISTS (SELECT 1 FROM attribution t WHERE t.container = c.id)
            """
        for table in ["assignment", "attribution"] {
            try db.execute(
                sql: "INSERT INTO \(table) (container, since_s, tenant) \(new)",
                arguments: [Instant.earliest.seconds])
        }
        try findAccounts()
    }
}
