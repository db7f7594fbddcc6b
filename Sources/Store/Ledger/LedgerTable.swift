import Sealing
import GRDB
import Metering
import Units

/// A table of the ledger: which of its fields are hashed, and in which order.
struct LedgerTable {
    let name: String
    /// SQL: the hashed fields of a row, as expressions over `r` and the joined tables.
    let fields: String
    let joins: String
    let order: String
    /// SQL: which open rows the end of an hour closes, and which an import; `nil` means none.
    ///
    /// Terms are closed separately (`closeTerms`).
    let hourCloses: String?
    let importCloses: String?
    /// The table of open rows, if they are not in the table itself.
    var openTable: String?

    /// SQL: the rows that an entry of a kind closes now; `nil` if it closes none.
    func openRows(_ kind: LedgerEntry.Kind) -> String? {
        let closes: String? =
            switch kind {
            case .hour: hourCloses
            case .import: importCloses
            case .terms: nil
            }
        return closes.map {
            "SELECT 0, \(fields) FROM \(openTable ?? name) r \(joins) WHERE \($0) ORDER BY \(order)"
        }
    }

    /// SQL: rows that are not in the table yet, but in `source`.
    func rows(from source: String) -> String {
        "SELECT 0, \(fields) FROM \(source) r \(joins) ORDER BY \(order)"
    }

    /// SQL: all closed rows, each with its entry before its fields.
    ///
    /// Open usage is in another table, so Octroi did not write a row of `usage` without an entry.
    var closedRows: String {
        let isClosed = openTable == nil ? "r.entry <> 0" : "TRUE"
        return
            "SELECT r.entry, \(fields) FROM \(name) r \(joins) WHERE \(isClosed) ORDER BY \(order)"
    }

    /// In the order in which an entry's rows are hashed.
    static let all = [
        LedgerTable(
            name: "usage",
            fields: "\(owner), r.hour_s AS hour_s, \(meter), a.name AS assurance, "
                + "r.quantity AS quantity",
            joins: "\(toContainer) CROSS JOIN meter m ON m.id = r.meter "
                + "CROSS JOIN assurance a ON a.id = r.assurance",
            order: "r.container, r.hour_s, r.meter, r.assurance",
            hourCloses: "r.hour_s < :hour",
            importCloses: "r.assurance = \(Assurance.imported.code)",
            openTable: "usage_open"),
        LedgerTable(
            name: "control_total",
            fields: "\(owner), r.hour_s AS hour_s, \(meter), r.quantity AS quantity",
            joins: "\(toContainer) CROSS JOIN meter m ON m.id = r.meter",
            order: "r.container, r.hour_s, r.meter",
            hourCloses: "r.entry = 0 AND r.hour_s < :hour", importCloses: nil),
        LedgerTable(
            name: "capacity",
            fields:
                "b.boot_id AS boot, r.hour_s AS hour_s, m.name AS meter, r.quantity AS quantity",
            joins: "CROSS JOIN boot b ON b.id = r.boot CROSS JOIN meter m ON m.id = r.meter",
            order: "r.hour_s, r.boot, r.meter",
            hourCloses: "r.entry = 0 AND r.hour_s < :hour", importCloses: nil),
        LedgerTable(
            name: "completeness",
            fields:
                "b.boot_id AS boot, u.root AS root, r.hour_s AS hour_s, r.run AS run, ticks, seen, read, vanished, failed, births, ends, "
                + "last_readings, skipped, widest_bracket_us, longest_tick_us, first_epoch, last_epoch",
            joins: "CROSS JOIN run u ON u.id = r.run CROSS JOIN boot b ON b.id = u.boot",
            order: "r.hour_s, r.run", hourCloses: "r.entry = :entry", importCloses: nil),
        LedgerTable(
            name: "gap",
            fields: "r.since_ms AS since_ms, r.until_ms AS until_ms, r.reason AS reason", joins: "",
            order: "r.id", hourCloses: "r.entry = 0", importCloses: nil),
        LedgerTable(
            name: "unmetered",
            fields: "\(owner), r.since_ms AS since_ms, r.until_ms AS until_ms, "
                + "r.reason AS reason, r.cpu_us AS cpu_us",
            joins: toContainer, order: "r.container, r.until_ms", hourCloses: "r.entry = 0",
            importCloses: nil),
        LedgerTable(
            name: "anomaly", fields: "\(owner), r.at_ms AS at_ms, r.found AS found",
            joins: toContainer, order: "r.id", hourCloses: "r.entry = 0", importCloses: nil),
        LedgerTable(
            name: "usage_import",
            fields: "\(owner), \(meter), r.start_ms AS start_ms, r.end_ms AS end_ms, "
                + "r.quantity_high AS quantity_high, r.quantity_low AS quantity_low, "
                + "r.imported_ms AS imported_ms",
            joins: "\(toContainer) CROSS JOIN meter m ON m.id = r.meter",
            order: "r.container, r.meter, r.start_ms, r.end_ms",
            hourCloses: "r.entry = 0", importCloses: "r.entry = 0"),
        LedgerTable(
            name: "assignment",
            fields: "\(owner), r.since_s AS since_s, r.until_s AS until_s, r.tenant AS given_to",
            joins: toContainer, order: "r.id", hourCloses: "r.entry = 0",
            importCloses: "r.entry = 0"),
        LedgerTable(
            name: "reattribution",
            fields: "r.id AS number, r.tenant AS tenant, r.since_s AS since_s", joins: "",
            order: "r.id", hourCloses: "r.entry = 0", importCloses: "r.entry = 0"),
        term,
    ]

    static let term = LedgerTable(
        name: "term",
        fields: "r.id AS number, r.uid AS uid, r.kind AS kind, r.key AS key, r.said AS said",
        joins: "", order: "r.id", hourCloses: nil, importCloses: nil)

    /// SQL: the account of a row, by fields that do not depend on this store's ids.
    private static let owner =
        "b.boot_id AS boot, c.cgroup_id AS cgroup_id, c.path AS container, c.import_tenant AS tenant"
    /// SQL: a meter, with its name on reports and its memory formula.
    private static let meter =
        "m.name AS meter, m.shown_as AS shown_as, m.memory_formula AS formula"
    private static let toContainer =
        "CROSS JOIN container c ON c.id = r.container LEFT JOIN boot b ON b.id = c.boot"
}

extension LedgerTable {
    /// Reads the rows of one of the queries above.
    ///
    /// - Parameter body: gets the row's entry, its bytes, and a closure that describes it in words.
    func read(
        _ db: Database, _ sql: String, _ arguments: [Int64],
        _ body: (_ entry: Int64, _ row: CanonicalRow, _ words: () -> String) throws -> Void
    ) throws {
        var statement = try FastStatement(db, sql)
        let names = statement.columnNames
        for argument in arguments { statement.bind(argument) }
        var row = CanonicalRow()
        while try statement.step() {
            row.begin(name)
            for column in 1..<statement.columnCount {
                if statement.isText(column) {
                    statement.withBytes(column) { row.add($0) }
                } else {
                    row.add(statement.integer(column))
                }
            }
            row.end()
            try body(statement.integer(0) ?? 0, row) { words(statement, names) }
        }
    }

    private func words(_ statement: FastStatement, _ names: [String]) -> String {
        let fields = (1..<statement.columnCount).compactMap { column -> String? in
            let field = names[Int(column)]
            if statement.isText(column) {
                return "\(field)=\(String(decoding: statement.bytes(column), as: UTF8.self))"
            }
            guard let number = statement.integer(column) else { return nil }
            if field == "hour_s" { return "hour=\(time(number))" }
            if field.hasSuffix("_ms") { return "\(field.dropLast(3))=\(time(number / 1000))" }
            return "\(field)=\(number)"
        }
        return "\(name) " + fields.joined(separator: " ")
    }
}

/// Seconds since 1970 as a time; as a number if a damaged row holds a time beyond year 9999.
func time(_ seconds: Int64) -> String {
    let years = Int64(9999 - 1970) * 31_556_952
    return abs(seconds / 2) < years / 2 ? "\(Instant(seconds: seconds))" : "\(seconds) s"
}
