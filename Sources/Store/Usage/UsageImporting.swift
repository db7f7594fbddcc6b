import GRDB
import Metering
import Units

/// What an import came to.
public struct ImportOutcome: Sendable {
    /// Rows that were new.
    public var added = 0
    /// Rows that were imported before, the same.
    public var thereAlready = 0
    /// What may be a slip, a line each.
    public var warnings: [String] = []
}

extension Store {
    /// Adds usage of another source: all rows or none.
    ///
    /// Rows that are there already stay as they are, so a file can be imported twice.
    ///
    /// - Throws: at the first row that cannot be: of an unknown tenant, of a time to come, of what
    ///   Octroi meters itself, or with another quantity than before.
    @discardableResult
    public func importUsage(
        _ rows: [ImportedUsage], in zone: BillingZone = .utc, at now: Instant
    ) throws(Fault) -> ImportOutcome {
        var rows = rows.makeIterator()
        return try importUsage(in: zone, at: now) { () throws(Fault) in rows.next() }
    }

    /// The same, row by row: however many there are, no more than one is held.
    ///
    /// Rows are checked and hashed in temporary tables, which keep nobody from the store. It is
    /// locked to write down what accounts there are, and while the rows are copied into the ledger.
    ///
    /// - Parameters:
    ///   - zone: by whose hours it is split.
    ///   - next: gives the rows, and `nil` behind the last.
    public func importUsage(
        in zone: BillingZone, at now: Instant, _ next: () throws(Fault) -> ImportedUsage?
    ) throws(Fault) -> ImportOutcome {
        try storeErrors(path) {
            try database.writeWithoutTransaction { db in
                try ImportStage.prepare(db)
                var stage: ImportStage?
                try db.inTransaction(.deferred) {
                    var filling = try ImportStage(db, in: zone, at: now)
                    while let usage = try next() { try filling.add(usage) }
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
    /// Brings what is new into the ledger, as one entry.
    ///
    /// - Throws: for rows that cannot be, before anything of them is written.
    mutating func publish() throws -> ImportOutcome {
        // Another import that comes between may have brought the same rows.
        for _ in 0..<100 {
            var outcome = ImportOutcome()
            var before: Int64?
            try db.inTransaction(.deferred) {
                before = try lastImport()
                outcome = try sortOut()
                return .commit
            }
            guard outcome.added > 0 else { return outcome }
            try db.inTransaction(.immediate) {
                try writeAccounts()
                return .commit
            }
            let content = try hashed()
            var isDone = false
            try db.inTransaction(.immediate) {
                isDone = try lastImport() == before
                if isDone { try write(content) }
                return isDone ? .commit : .rollback
            }
            if isDone { return outcome }
        }
        throw Fault(
            .failed, at: "usage import", found: "other imports came between all the time",
            cure: "Run it again when they are done")
    }

    private func lastImport() throws -> Int64? {
        try db.value(
            Int64.self, "SELECT id FROM ledger_entry WHERE kind = 'import' ORDER BY id DESC LIMIT 1"
        )
    }

    /// Writes down meters and accounts that are not known yet.
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

    /// The hash of the rows as the ledger will hold them.
    private func hashed() throws -> EntryContent {
        var content = EntryContent()
        for table in LedgerTable.all {
            guard let source = self.source(of: table.name) else { continue }
            try table.read(db, table.rows(from: source), []) { _, row, _ in content.add(row) }
        }
        return content
    }

    private func write(_ content: EntryContent) throws {
        let ends = try db.row("SELECT min(hour_s), max(hour_s) FROM import_usage")
        var hours: (first: Int64, last: Int64)?
        if let first = ends?[0] as Int64?, let last = ends?[1] as Int64? { hours = (first, last) }
        try closeImport(db, at: now, content, hours) { entry in
            for name in ["usage", "usage_import"] {
                guard let source = self.source(of: name) else { continue }
                let columns =
                    name == "usage"
                    ? "container, hour_s, meter, assurance, \(entry), quantity" : "*, 0"
                try db.execute(
                    sql: "INSERT INTO \(name) SELECT \(columns) FROM \(source) ORDER BY 1, 2, 3, 4")
            }
            try db.run(
                "UPDATE usage_import SET entry = ? WHERE entry = 0", [entry])
        }
    }

    /// SQL: what comes into a table of the ledger; `nil` where an import brings nothing.
    private func source(of table: String) -> String? {
        let joins = """
            CROSS JOIN import_account a ON a.id = i.account CROSS JOIN import_meter m ON m.id = i.meter
            """
        switch table {
        case "usage":
            return """
                (SELECT a.container, i.hour_s, m.meter, \(Assurance.imported.code) AS assurance,
                    i.quantity FROM import_usage i \(joins))
                """
        case "usage_import":
            return """
                (SELECT a.container, m.meter, i.start_ms, i.end_ms, i.quantity_high, i.quantity_low,
                    \(now.milliseconds) AS imported_ms FROM import_row i \(joins))
                """
        default: return nil
        }
    }
}
