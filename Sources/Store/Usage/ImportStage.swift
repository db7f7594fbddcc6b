import GRDB
import Metering
import Pricing
import Units

/// Imported rows before they are in the ledger, in temporary tables of this connection.
///
/// So rows are checked without locking the store.
struct ImportStage {
    let db: Database
    let zone: BillingZone
    let now: Instant
    let tenants: [String: Tenant]
    /// The start of the first version of each price book.
    let firstPrices: [String: Instant]
    /// The start of the first version of any price book; `nil` without a price book.
    let firstPrice: Instant?
    private var accounts: [Account: Int64] = [:]
    private(set) var meters: [Meter: Int64] = [:]
    private var addRow: FastStatement
    /// Rows that are not in the table yet: inserting sorted rows takes half the time.
    private var pending: [StagedRow] = []
    private var thereAlready = 0

    private struct Account: Hashable {
        var tenant: String
        var path: ExactText
    }

    /// The number of rows that are sorted at once; they take 14 MB.
    private static let batch = 262_144

    /// Makes the tables, or empties them.
    static func prepare(_ db: Database) throws {
        let isThere =
            try db.row("SELECT 1 FROM sqlite_temp_schema WHERE name = 'import_row'") != nil
        // A change of the schema, even one to nothing, has every statement of the connection prepared anew.
        if !isThere { try db.execute(sql: tables) }
        try db.run("DELETE FROM import_account")
        try db.run("DELETE FROM import_meter")
        try db.run("DELETE FROM import_row")
    }

    private static let tables = """
        CREATE TEMP TABLE import_account (
            id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, path TEXT NOT NULL,
            container INTEGER, UNIQUE (tenant, path)) STRICT;
        CREATE TEMP TABLE import_meter (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, meter INTEGER) STRICT;
        CREATE TEMP TABLE import_row (
            account INTEGER NOT NULL, meter INTEGER NOT NULL, start_ms INTEGER NOT NULL,
            end_ms INTEGER NOT NULL, quantity_high INTEGER NOT NULL,
            quantity_low INTEGER NOT NULL, line INTEGER NOT NULL,
            PRIMARY KEY (account, meter, start_ms, end_ms)) STRICT, WITHOUT ROWID;
        """

    init(_ db: Database, in zone: BillingZone, at now: Instant) throws {
        (self.db, self.zone, self.now) = (db, zone, now)
        tenants = try loadTenants(db).reduce(into: [:]) { $0[$1.id] = $1 }
        firstPrices = try loadBooks(db).reduce(into: [:]) { firsts, version in
            let (id, start) = (version.book.id, version.book.effective)
            firsts[id] = min(firsts[id] ?? start, start)
        }
        firstPrice = firstPrices.values.min()
        addRow = try FastStatement(db, "INSERT INTO import_row VALUES (?, ?, ?, ?, ?, ?, ?)")
    }

    /// Adds a row.
    ///
    /// - Throws: `badData` if the row is not acceptable, or is in the file twice.
    mutating func add(_ usage: ImportedUsage) throws {
        try require(usage)
        let account = try self.account(of: usage)
        let meter = try self.row(of: usage.meter)
        pending.append(
            StagedRow(
                account: account, meter: meter, start: usage.period.start.milliseconds,
                end: usage.period.end.milliseconds, quantity: usage.quantity,
                line: Int64(usage.row)))
        if pending.count >= Self.batch { try flush() }
    }

    /// Writes the pending rows into the table.
    ///
    /// - Throws: `badData` for a row that is in the file twice.
    mutating func flush() throws {
        pending.sort()
        defer { pending.removeAll(keepingCapacity: true) }
        for row in pending {
            let quantity = row.quantity.halves
            addRow.bind(
                row.account, row.meter, row.start, row.end, quantity.high, quantity.low, row.line)
            do {
                try addRow.run()
            } catch let error as DatabaseError
                where error.resultCode.primaryResultCode == .SQLITE_CONSTRAINT
            {
                throw try twice(row)
            }
        }
    }

    private func twice(_ row: StagedRow) throws -> Fault {
        let earlier = try db.value(
            Int64.self,
            """
            SELECT line FROM import_row
            WHERE account = ? AND meter = ? AND start_ms = ? AND end_ms = ?
            """, [row.account, row.meter, row.start, row.end])
        return Fault(
            .badData, at: "line \(row.line)",
            problem: "the same start, end, tenant, container and meter as line \(earlier ?? 0)",
            suggestion: "Add the two quantities up into one row")
    }

    private mutating func account(of usage: ImportedUsage) throws -> Int64 {
        let key = Account(tenant: usage.tenant, path: ExactText(usage.container))
        if let known = accounts[key] { return known }
        // Those that are forgotten are found again in the table.
        if accounts.count >= 50_000 { accounts.removeAll(keepingCapacity: true) }
        try db.run(
            "INSERT INTO import_account (tenant, path) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [usage.tenant, usage.container])
        let id = try db.value(
            Int64.self, "SELECT id FROM import_account WHERE tenant = ? AND path = ?",
            [usage.tenant, usage.container])
        guard let id else { throw DatabaseError(message: "an account that was not kept") }
        accounts[key] = id
        return id
    }

    private mutating func row(of meter: Meter) throws -> Int64 {
        if let known = meters[meter] { return known }
        try db.run("INSERT INTO import_meter (name) VALUES (?)", [meter.name])
        let id = db.lastInsertedRowID
        meters[meter] = id
        return id
    }

    /// Looks up the accounts and meters that the store knows.
    func findAccounts() throws {
        try db.run(
            """
            UPDATE import_account SET container = (SELECT c.id FROM container c
                WHERE c.import_tenant = import_account.tenant AND c.path = import_account.path)
            WHERE container IS NULL
            """)
        try db.run(
            """
            UPDATE import_meter SET meter = (SELECT m.id FROM meter m
                WHERE m.name = import_meter.name)
            WHERE meter IS NULL
            """)
    }

    /// Deletes the rows that were imported before, and checks the others.
    ///
    /// - Returns: the numbers of rows and the warnings, and facts about the new rows.
    /// - Throws: `badData` for a row that cannot be imported.
    mutating func sortOut() throws -> (outcome: ImportOutcome, survey: ImportSurvey) {
        try findAccounts()
        try refuseMetered()
        try refuseOtherQuantities()
        try db.run(
            """
            DELETE FROM import_row
            WHERE account IN (SELECT id FROM import_account WHERE container IS NOT NULL) AND EXISTS (
                SELECT 1 FROM import_account a CROSS JOIN import_meter m
                CROSS JOIN usage_import u ON u.container = a.container AND u.meter = m.meter
                    AND u.start_ms = import_row.start_ms AND u.end_ms = import_row.end_ms
                WHERE a.id = import_row.account AND m.id = import_row.meter)
            """)
        thereAlready += db.changesCount
        let survey = try ImportSurvey(self)
        var outcome = ImportOutcome()
        outcome.thereAlready = thereAlready
        outcome.added = survey.count
        if outcome.added > 0 { outcome.warnings = try warnings(survey) }
        return (outcome, survey)
    }
}

/// A row that is not in the table yet.
private struct StagedRow: Comparable {
    var account: Int64
    var meter: Int64
    var start: Int64
    var end: Int64
    var quantity: Int128
    var line: Int64

    static func < (a: StagedRow, b: StagedRow) -> Bool {
        (a.account, a.meter, a.start, a.end, a.line) < (b.account, b.meter, b.start, b.end, b.line)
    }
}

/// The error for a quantity of one hour that exceeds 64 bits.
func tooMuch(_ quantity: Int128, line: Int64) -> Fault {
    Fault(
        .badData, at: "line \(line), quantity",
        problem: "\(quantity) is more than \(Int64.max) in one hour",
        suggestion: "Check the unit: quantities are in base units of the meter")
}
