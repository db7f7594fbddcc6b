import GRDB
import GRDBSQLite

/// A prepared statement that reads and binds integers without boxing, for the many rows of a tick.
///
/// Each value has a cursor of its own. GRDB's cached statements are shared by everyone who uses the
/// same SQL text, so a second reader would move the first one's cursor.
///
/// Example of writing a row: `statement.bind(1, 2)`, then `try statement.run()`. Example of
/// reading: `statement.bind(1)`, then `while try statement.step() { statement.int64(0) }`.
struct FastStatement {
    /// The statement, which owns `handle`.
    private let statement: Statement
    private let handle: SQLiteStatement
    private let database: Database
    /// The number of parameters that are bound.
    private var index: Int32 = 0

    /// Prepares an SQL text.
    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
        handle = statement.sqliteStatement
        database = db
    }

    /// Binds the next parameters, in order.
    mutating func bind<each Value: OptionalInteger>(_ values: repeat each Value) {
        for value in repeat each values { bind(value.integer) }
    }

    /// Binds the next parameter; `nil` binds NULL.
    mutating func bind(_ value: Int64?) {
        index += 1
        if let value {
            sqlite3_bind_int64(handle, index, value)
        } else {
            sqlite3_bind_null(handle, index)
        }
    }

    /// Binds the next parameter to a text of ASCII.
    mutating func bind(text: [UInt8]) {
        index += 1
        // An empty array may have no address, and SQLite would take that for NULL.
        let bytes = text.isEmpty ? [0] : text
        bytes.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // SQLite copies the text (SQLITE_TRANSIENT is -1).
                let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
                _ = sqlite3_bind_text(
                    handle, index, characters.baseAddress, Int32(text.count), copies)
            }
        }
    }

    /// Executes the statement and makes it ready to be bound again.
    mutating func run() throws {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        index = 0
        guard code == SQLITE_DONE else { throw error(code) }
    }

    /// The database's error for a result code.
    private func error(_ code: Int32) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(database.sqliteConnection)))
    }
}

// Reading rows: bind, then call `step` until it returns false.
extension FastStatement {
    /// Moves to the next row.
    ///
    /// - Returns: false after the last row; the statement is then ready to be bound again.
    mutating func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        sqlite3_reset(handle)
        index = 0
        guard code == SQLITE_DONE else { throw error(code) }
        return false
    }

    /// The integer in a column of the row; `nil` for NULL.
    ///
    /// Columns count from 0.
    func integer(_ column: Int32) -> Int64? {
        guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
        return sqlite3_column_int64(handle, column)
    }

    /// The integer in a column that is never NULL.
    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Skips the remaining rows.
    mutating func reset() {
        sqlite3_reset(handle)
        index = 0
    }

    /// The number of columns of a row.
    var columnCount: Int32 { sqlite3_column_count(handle) }
    /// The names of the columns.
    var columnNames: [String] { statement.columnNames }

    /// Passes the bytes of a text or blob to `body`; they are valid only during the call.
    func withBytes<Value>(
        _ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        let start = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// A copy of the bytes of a text or blob.
    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

    /// Whether a column of the row holds text.
    func isText(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_TEXT
    }
}

/// An integer or `nil`, so that `bind` accepts both.
protocol OptionalInteger {
    var integer: Int64? { get }
}

extension Int64: OptionalInteger {
    var integer: Int64? { self }
}

extension Int64?: OptionalInteger {
    var integer: Int64? { self }
}
