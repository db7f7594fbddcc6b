import GRDB
import Metering
import Units

extension Store {
    /// Adds usage of another source: all rows or none.
    ///
    /// Rows that are there already stay as they are, so a file can be imported twice.
    ///
    /// - Returns: how many rows were new.
    public func importUsage(_ rows: [ImportedUsage], at now: Instant) throws(Fault) -> Int {
        try write { db in
            let tenants = Set(try loadTenants(db).map(\.id))
            var add = try FastStatement(db, addUsageSQL(.imported))
            var added = 0
            for usage in rows {
                guard tenants.contains(usage.tenant) else { throw unknownTenant(usage) }
                let meter = try meterRow(db, usage.meter)
                let container = try importedContainer(db, usage, now)
                guard try remember(db, usage, container, meter, now) else { continue }
                added += 1
                for part in usage.period.splitByHour(usage.quantity) where part.quantity > 0 {
                    guard let quantity = Int64(exactly: part.quantity) else { throw tooMuch(usage) }
                    for value in [part.hour.seconds, container, meter, quantity] { add.bind(value) }
                    do {
                        try add.run()
                    } catch let error as DatabaseError
                        where error.resultCode.primaryResultCode == .SQLITE_CONSTRAINT
                    {
                        throw tooMuch(usage)
                    }
                }
            }
            if added > 0 { try closeImport(db, at: now) }
            return added
        }
    }

    private func meterRow(_ db: Database, _ meter: Meter) throws -> Int64 {
        let find = "SELECT id FROM meter WHERE name = ?"
        if let row = try Int64.fetchOne(db, sql: find, arguments: [meter.name]) { return row }
        try db.execute(
            sql: "INSERT INTO meter (name, shown_as) VALUES (?, ?)",
            arguments: [meter.name, meter.name])
        return db.lastInsertedRowID
    }

    private func importedContainer(
        _ db: Database, _ usage: ImportedUsage, _ now: Instant
    ) throws -> Int64 {
        let find = "SELECT id FROM container WHERE import_tenant = ? AND path = ?"
        let key: StatementArguments = [usage.tenant, usage.container]
        if let row = try Int64.fetchOne(db, sql: find, arguments: key) { return row }
        try db.execute(
            sql: """
                INSERT INTO container (kind, path, runtime, import_tenant, first_seen_ms,
                    last_seen_ms) VALUES ('imported', ?, 'import', ?, ?, ?)
                """,
            arguments: [usage.container, usage.tenant, now.milliseconds, now.milliseconds])
        let row = db.lastInsertedRowID
        // An imported account is its tenant's for all time.
        try setTenant(db, of: row, to: usage.tenant, since: beginningOfTime)
        return row
    }

    /// Writes the row down; false if it is there already.
    private func remember(
        _ db: Database, _ usage: ImportedUsage, _ container: Int64, _ meter: Int64, _ now: Instant
    ) throws -> Bool {
        let key: [Int64] = [
            container, meter, usage.period.start.milliseconds, usage.period.end.milliseconds,
        ]
        let known = try Row.fetchOne(
            db,
            sql: """
                SELECT quantity_high, quantity_low FROM usage_import
                WHERE container = ? AND meter = ? AND start_ms = ? AND end_ms = ?
                """, arguments: StatementArguments(key))
        if let known {
            let quantity = Int128(high: known["quantity_high"], low: known["quantity_low"])
            guard quantity == usage.quantity else {
                throw Fault(
                    .badData, at: "line \(usage.row), quantity",
                    found: "\(usage.quantity), but \(quantity) was imported for the same start, "
                        + "end, tenant, container and meter",
                    cure: "Import what is to be added under another container name; imported "
                        + "usage is never overwritten")
            }
            return false
        }
        let halves = usage.quantity.halves
        try db.execute(
            sql: "INSERT INTO usage_import VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            arguments: StatementArguments(key + [halves.high, halves.low, now.milliseconds]))
        return true
    }
}

private func unknownTenant(_ usage: ImportedUsage) -> Fault {
    Fault(
        .badData, at: "line \(usage.row), tenant", found: "no tenant \"\(usage.tenant)\"",
        cure: "Add it to tenants.yaml and run octroi apply, or correct the name")
}

private func tooMuch(_ usage: ImportedUsage) -> Fault {
    Fault(
        .badData, at: "line \(usage.row), quantity",
        found: "\(usage.quantity) is more than 2^63 in one hour",
        cure: "Check the unit: quantities are in base units of the meter")
}
