import GRDB
import Glibc
import Units

/// One value of a report's row.
public enum ReportValue: Sendable {
    case none
    case integer(Int64)
    case text(String)
}

extension Store {
    /// Runs one `SELECT` on a connection that can only read.
    ///
    /// - Parameters:
    ///   - sql: may use `:from` and `:to`, the period in seconds since 1970.
    ///   - place: the file, for errors.
    public func report(
        _ sql: String, over period: Period, place: String
    ) throws(Fault) -> (columns: [String], rows: [[ReportValue]]) {
        do {
            return try database.read { db in
                let statement = try db.makeStatement(sql: sql)
                guard statement.isReadonly else {
                    throw DatabaseError(message: "a report may only read")
                }
                let known: [String: Int64] = [
                    "from": period.start.seconds, "to": period.end.seconds,
                ]
                try statement.setArguments(
                    StatementArguments(known.filter { sql.contains(":\($0.key)") }))
                var rows: [[ReportValue]] = []
                let cursor = try Row.fetchCursor(statement)
                while let row = try cursor.next() {
                    rows.append(row.map { _, value in Self.value(value) })
                }
                return (statement.columnNames, rows)
            }
        } catch {
            throw Fault(
                .badData, at: place, found: (error as? DatabaseError)?.message ?? "\(error)",
                cure: "Correct the SQL of the report; it is one SELECT with :from and :to")
        }
    }

    private static func value(_ value: DatabaseValue) -> ReportValue {
        switch value.storage {
        case .null: .none
        case .int64(let number): .integer(number)
        case .double(let number): .text("\(number)")
        case .string(let text): .text(text)
        case .blob(let data): .text(data.map { String($0, radix: 16) }.joined())
        }
    }
}
