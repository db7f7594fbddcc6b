import GRDB
import GRDBSQLite

/// A prepared statement that takes whole numbers without boxing them: for the rows of a tick.
///
/// Each has a cursor of its own. One that GRDB keeps for an SQL text is shared by all who use that text:
/// a second reader would move the first one on.
struct FastStatement {
    private let statement: Statement
    private let handle: SQLiteStatement
    private let database: Database
    private var index: Int32 = 0

    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
        handle = statement.sqliteStatement
        database = db
    }

    /// Binds the next parameters.
    mutating func bind<each Value: OptionalInteger>(_ values: repeat each Value) {
        for value in repeat each values { bind(value.integer) }
    }

    /// Binds the next parameter.
    mutating func bind(_ value: Int64?) {
        index += 1
        if let value {
            sqlite3_bind_int64(handle, index, value)
        } else {
            sqlite3_bind_null(handle, index)
        }
    }

    /// Runs the statement with what was bound, and makes it ready for the next row.
    mutating func run() throws {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        index = 0
        guard code == SQLITE_DONE else { throw error(code) }
    }

    private func error(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(database.sqliteConnection)))
    }
}

// Reading: bind, then `step` until it says false.
extension FastStatement {
    /// Goes to the next row; false behind the last, where the statement is ready to be bound again.
    mutating func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        sqlite3_reset(handle)
        index = 0
        guard code == SQLITE_DONE else { throw error(code) }
        return false
    }

    /// A column of the row as a whole number; `nil` if it is NULL.
    func integer(_ column: Int32) -> Int64? {
        guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
        return sqlite3_column_int64(handle, column)
    }

    /// A column of the row that is never NULL.
    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Leaves the rows that are left.
    mutating func reset() {
        sqlite3_reset(handle)
        index = 0
    }

    var columnCount: Int32 { sqlite3_column_count(handle) }
    var columnNames: [String] { statement.columnNames }

    /// Hands a text or blob of the row to `body`.
    func withBytes<Value>(
        _ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        let start = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

    func isText(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_TEXT
    }
}

/// A whole number, or none: what a parameter takes.
protocol OptionalInteger {
    var integer: Int64? { get }
}

extension Int64: OptionalInteger {
    var integer: Int64? { self }
}

extension Int64?: OptionalInteger {
    var integer: Int64? { self }
}
