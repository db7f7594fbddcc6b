import Sealing
import GRDB
import Metering
import Units

/// Writes the rows of an import into the ledger, as one entry.
///
/// The ledger has the order of accounts, so the rows need not be sorted again: they are hashed, and
/// then written, in the order of `forEachAccount`. The hashed bytes of a row are those that
/// `LedgerTable` reads later.
struct ImportWriting {
    /// A meter as rows of the ledger name it.
    private struct Meter {
        /// Its row in the store.
        var row: Int64
        /// Its fields in a row's hash: name, name on reports and memory formula.
        var fields: CanonicalRow
    }

    private let stage: ImportStage
    /// In the order of their rows in the store.
    private let meters: [Meter]
    /// The place of each meter, by its row among those of the import.
    private let places: [Int64: Int]

    /// Prepares to write the rows of a stage.
    ///
    /// - Precondition: all accounts and meters of the stage are in the store.
    init(_ stage: ImportStage) throws {
        self.stage = stage
        let rows = try stage.db.rows(
            """
            SELECT i.id, m.id AS row, m.name, m.shown_as, m.memory_formula
            FROM import_meter i JOIN meter m ON m.id = i.meter ORDER BY m.id
            """)
        meters = rows.map { row in
            var fields = CanonicalRow()
            for name in ["name", "shown_as", "memory_formula"] {
                fields.add(text: row[name] as String?)
            }
            return Meter(row: row["row"], fields: fields)
        }
        places = Dictionary(
            rows.enumerated().map { ($1["id"], $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func place(_ meter: Int64) -> Int { places[meter] ?? 0 }

    /// The hash of the rows in the form in which the ledger will hold them.
    func hashed() throws -> EntryContent {
        var content = EntryContent()
        var row = CanonicalRow()
        var splitter = HourSplitter(stage.zone)
        let assurance = Assurance.imported.rawValue.utf8
        try stage.forEachAccount { account, rows in
            let owner = owner(account)
            for part in try splitter.parts(of: rows, place) {
                row.begin("usage")
                row.append(owner)
                row.add(part.hour)
                row.append(meters[part.meter].fields)
                row.add(assurance)
                row.add(part.quantity)
                row.end()
                content.add(row)
            }
        }
        let imported = stage.now.milliseconds
        try stage.forEachAccount { account, rows in
            let owner = owner(account)
            for item in inOrder(rows) {
                row.begin("usage_import")
                row.append(owner)
                row.append(meters[place(item.meter)].fields)
                let quantity = item.quantity.halves
                for number in [item.start, item.end, quantity.high, quantity.low, imported] {
                    row.add(number)
                }
                row.end()
                content.add(row)
            }
        }
        return content
    }

    /// The fields that identify a row's account: no boot, no cgroup, the path and the tenant.
    private func owner(_ account: ImportAccount) -> CanonicalRow {
        var fields = CanonicalRow()
        fields.add(nil)
        fields.add(nil)
        fields.add(account.path.utf8)
        fields.add(account.tenant.utf8)
        return fields
    }

    /// An account's rows in the order of the store's meters.
    private func inOrder(_ rows: [ImportRow]) -> [ImportRow] {
        let isSorted = zip(rows, rows.dropFirst()).allSatisfy {
            place($0.meter) <= place($1.meter)
        }
        if isSorted { return rows }
        return rows.sorted { a, b in
            (place(a.meter), a.start, a.end) < (place(b.meter), b.start, b.end)
        }
    }

    /// Writes the entry and its rows.
    ///
    /// - Parameter hours: the first and the last hour with usage, in seconds since 1970.
    func write(_ content: EntryContent, _ hours: (first: Int64, last: Int64)?) throws {
        let db = stage.db
        try closeImport(db, at: stage.now, content, hours) { entry in
            var addUsage = try FastStatement(
                db,
                """
                INSERT INTO usage (container, hour_s, meter, assurance, entry, quantity)
                VALUES (?, ?, ?, \(Assurance.imported.code), \(entry), ?)
                """)
            var addRow = try FastStatement(
                db,
                """
                INSERT INTO usage_import (container, meter, start_ms, end_ms, quantity_high,
                    quantity_low, imported_ms, entry)
                VALUES (?, ?, ?, ?, ?, ?, \(stage.now.milliseconds), \(entry))
                """)
            var days = try DaySummer.adding(to: db)
            var splitter = HourSplitter(stage.zone)
            try stage.forEachAccount { account, rows in
                for part in try splitter.parts(of: rows, place) {
                    let meter = meters[part.meter].row
                    if let container = account.container {
                        try days?.add(
                            container, hour: part.hour, meter: meter,
                            assurance: Assurance.imported.code, part.quantity)
                    }
                    addUsage.bind(account.container, part.hour, meter)
                    addUsage.bind(part.quantity)
                    try addUsage.run()
                }
                for item in inOrder(rows) {
                    let quantity = item.quantity.halves
                    addRow.bind(account.container, meters[place(item.meter)].row)
                    addRow.bind(item.start, item.end, quantity.high, quantity.low)
                    try addRow.run()
                }
            }
            try days?.finish()
        }
    }
}
