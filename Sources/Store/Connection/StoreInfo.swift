import GRDB
import Units

/// Sizes and ages of what a store contains.
public struct StoreInfo: Sendable {
    /// One table with its indexes.
    public struct Table: Sendable {
        /// The table's name.
        public var name: String
        /// The number of rows.
        public var rows: Int64
        /// The size of the pages of the table and its indexes, in bytes.
        public var bytes: Int64
        /// The number of container samples, for tables of samples.
        public var samples: Int64?
        /// The time of the oldest row, for tables whose rows have a time.
        public var oldest: Instant?
        /// The time of the newest row, for tables whose rows have a time.
        public var newest: Instant?
    }

    /// The name of the newest migration, such as `0011_imports`.
    public var schema: String
    /// The size of the file in bytes, without SQLite's log.
    public var bytes: Int64
    /// The size of free pages in bytes; they will be used again.
    public var free: Int64
    /// The tables, largest first.
    public var tables: [Table]
}

extension Store {
    /// Measures the store; this reads every page.
    public func info() throws(Fault) -> StoreInfo {
        try read { db in
            func number(_ sql: String) throws -> Int64 { try Int64.fetchOne(db, sql: sql) ?? 0 }
            // SQLite counts pages, so sizes are multiples of the page size.
            let page = try number("PRAGMA page_size")
            // `dbstat` has the pages of each table and index. Those of indexes are added to their
            // table.
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes
                    FROM sqlite_schema s JOIN dbstat d ON d.name = s.name AND d.aggregate = TRUE
                    WHERE s.type IN ('table', 'index') AND s.tbl_name NOT LIKE 'sqlite_%'
                    GROUP BY s.tbl_name ORDER BY bytes DESC, s.tbl_name
                    """)
            return StoreInfo(
                schema: try db.value(
                    String.self, "SELECT max(identifier) FROM grdb_migrations") ?? "",
                bytes: page * (try number("PRAGMA page_count")),
                free: page * (try number("PRAGMA freelist_count")),
                tables: try rows.map { try table(db, $0["name"], bytes: $0["bytes"]) })
        }
    }

    /// Measures one table.
    private func table(_ db: Database, _ name: String, bytes: Int64) throws -> StoreInfo.Table {
        let rows = try Int64.fetchOne(db, sql: "SELECT count(*) FROM \"\(name)\"") ?? 0
        var table = StoreInfo.Table(name: name, rows: rows, bytes: bytes)
        // SQL expressions for the oldest and newest time in ms.
        let times: [String: String] = [
            "sample": "(SELECT wall_ms FROM tick WHERE id = (SELECT min(tick) FROM sample)), "
                + "(SELECT wall_ms FROM tick WHERE id = (SELECT max(tick) FROM sample))",
            "tick": "min(wall_ms), max(wall_ms)",
            "sample_block": "min(hour_s) * 1000, max(hour_s) * 1000",
            "sample_io_block": "min(hour_s) * 1000, max(hour_s) * 1000",
            "usage": "min(hour_s) * 1000, max(hour_s) * 1000",
            "usage_open": "min(hour_s) * 1000, max(hour_s) * 1000",
        ]
        if let expressions = times[name] {
            let row = try Row.fetchOne(db, sql: "SELECT \(expressions) FROM \(name) LIMIT 1")
            table.oldest = (row?[0] as Int64?).map(Instant.init(milliseconds:))
            table.newest = (row?[1] as Int64?).map(Instant.init(milliseconds:))
        }
        // A row that is not sealed is one sample. A sealed row is a block of many.
        if name == "sample" { table.samples = rows }
        if name == "sample_block" {
            table.samples = try Int64.fetchOne(db, sql: "SELECT sum(samples) FROM \(name)") ?? 0
        }
        return table
    }

    /// Runs SQLite's own checks of pages, indexes and references.
    ///
    /// - Returns: what is wrong, as sentences; empty if nothing is.
    public func integrity() throws(Fault) -> [String] {
        try read { db in
            let pages = try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
            let references = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
                "a row of table \(row["table"] as String) points to a row of \(row["parent"] as String) "
                    + "that is not there"
            }
            return pages + references
        }
    }
}
