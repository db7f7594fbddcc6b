import GRDB

/// Statements that are prepared once per connection, as preparing costs more than running them.
///
/// Use these for fixed SQL texts only, because each text stays cached as long as the connection.
/// For a query that contains a number or a name, use GRDB's `fetchAll(_:sql:arguments:)`.
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

    /// The first row of a query; `nil` if there is none.
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

    /// The first column of the first row; `nil` if there is no row, or if it is NULL.
    func value<Value: DatabaseValueConvertible>(
        _ type: Value.Type, _ sql: String, _ arguments: StatementArguments = StatementArguments()
    ) throws -> Value? {
        try Value.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }
}
