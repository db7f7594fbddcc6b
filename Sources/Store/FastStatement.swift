import GRDB
import GRDBSQLite

/// A prepared statement that takes whole numbers without boxing them: for the rows of a tick.
struct FastStatement {
    private let statement: Statement
    private let handle: SQLiteStatement
    private let database: Database
    private var index: Int32 = 0

    init(_ db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql)
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
        guard code == SQLITE_DONE else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: String(cString: sqlite3_errmsg(database.sqliteConnection)))
        }
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
