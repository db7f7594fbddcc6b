import GRDB

/// Statements, each prepared once for a connection: preparing a small one costs more than running it.
///
/// Their text has one form, or a few: each is kept as long as the connection. A query with a number or a
/// name written into it is made with GRDB's own `fetchAll(_:sql:arguments:)`.
extension Database {
    /// Runs a statement that changes rows.
    func run(
        _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// All rows of a query.
    func rows(
        _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first row of a query, `nil` if it has none.
    func row(
        _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first column of all rows of a query.
    func values<Value: DatabaseValueConvertible>(
        _ type: Value.Type, _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> [Value] {
        try Value.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first column of the first row of a query, `nil` if it has no row, or NULL in it.
    func value<Value: DatabaseValueConvertible>(
        _ type: Value.Type, _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> Value? {
        try Value.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }
}
