import Foundation
import Dispatch
import GRDB
import GRDBSQLite
import Units

/// One value of a report's row.
public enum ReportValue: Sendable {
    case none
    case integer(Int64)
    case text(String)
}

/// The values of a report's parameters `:from`, `:to`, `:tenant` and `:limit`.
public struct ReportParameters: Sendable {
    public var period: Period
    public var tenant: String?
    public var limit: Int64?
    /// The zone of the SQL functions `day_start`, `day_end` and `day_date`.
    public var zone: BillingZone

    /// Creates parameters for a period, by default for all tenants and without a limit of rows.
    public init(
        period: Period, tenant: String? = nil, limit: Int64? = nil, zone: BillingZone = .utc
    ) {
        (self.period, self.tenant, self.limit, self.zone) = (period, tenant, limit, zone)
    }

    fileprivate func value(_ name: String) -> (any DatabaseValueConvertible)?? {
        switch name {
        case "from": .some(period.start.seconds)
        case "to": .some(period.end.seconds)
        case "tenant": .some(tenant)
        case "limit": .some(limit)
        default: nil
        }
    }
}

/// The place in a report's SQL where `period_usage` is named; `nil` if it does not use the table.
///
/// Such a query begins with `WITH period_usage, …`.
private func periodUsageMark(_ sql: String) -> Range<String.Index>? {
    sql.firstRange(of: /WITH\s+period_usage\s*,/.ignoresCase())
}

/// Whether a report's SQL uses a parameter, such as `tenant`.
///
/// A query that reads `period_usage` uses `tenant`, because the table depends on it.
public func asks(_ sql: String, for parameter: String) -> Bool {
    sql.contains(":\(parameter)")
        || parameter == "tenant" && periodUsageMark(sql) != nil
}

extension Store {
    /// Runs one `SELECT` on a connection that can only read, row by row.
    ///
    /// - Parameters:
    ///   - place: the file, for errors.
    ///   - seconds: the time limit.
    ///   - begin: called once with the columns' names, before the first row.
    ///   - body: called for each row.
    /// - Throws: `failed` after the time limit; `badData` for faulty SQL, or SQL that writes.
    public func report(
        _ sql: String, _ parameters: ReportParameters, place: String, seconds: Int,
        begin: ([String]) throws -> Void, row body: ([ReportValue]) throws -> Void
    ) throws {
        let database = database
        let alarm = DispatchWorkItem { database.interrupt() }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: alarm)
        defer { alarm.cancel() }
        do {
            try database.read { db in
                for function in dayFunctions(parameters.zone) { db.add(function: function) }
                let statement = try db.makeStatement(sql: try completed(sql, db, parameters))
                guard statement.isReadonly else {
                    throw DatabaseError(message: "a report may only read")
                }
                try statement.setArguments(arguments(statement, parameters))
                try begin(statement.columnNames)
                let cursor = try Row.fetchCursor(statement)
                while let row = try cursor.next() { try body(row.map { Self.value($1) }) }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
            throw Fault(
                .failed, at: place, problem: "no end after \(seconds) s",
                suggestion:
                    "Ask for a shorter period or one tenant, or give it longer with --timeout")
        } catch let error as DatabaseError {
            throw Fault(
                .badData, at: place, problem: error.message ?? "\(error)",
                suggestion:
                    "Correct the SQL: one SELECT that may use :from, :to, :tenant and :limit")
        }
    }

    /// The SQL, with the definition of table `period_usage` if it uses the table.
    private func completed(
        _ sql: String, _ db: Database, _ parameters: ReportParameters
    ) throws -> String {
        guard let mark = periodUsageMark(sql) else { return sql }
        let usage = try PeriodUsage(
            db, over: parameters.period, of: parameters.tenant, by: .days(nil))
        return sql.replacingCharacters(in: mark, with: "WITH \(usage.sql),")
    }

    /// Runs one `SELECT` for all tenants, and returns all rows at once.
    ///
    /// The time limit is 60 s.
    public func report(
        _ sql: String, over period: Period, place: String
    ) throws -> (columns: [String], rows: [[ReportValue]]) {
        var result: (columns: [String], rows: [[ReportValue]]) = ([], [])
        try report(
            sql, ReportParameters(period: period), place: place, seconds: 60,
            begin: { result.columns = $0 }, row: { result.rows.append($0) })
        return result
    }

    /// Values for the parameters that the statement names.
    private func arguments(
        _ statement: Statement, _ parameters: ReportParameters
    ) throws -> StatementArguments {
        var values: [String: (any DatabaseValueConvertible)?] = [:]
        for index in 0..<sqlite3_bind_parameter_count(statement.sqliteStatement) {
            guard let text = sqlite3_bind_parameter_name(statement.sqliteStatement, index + 1)
            else {
                throw DatabaseError(message: "a parameter without a name")
            }
            let name = String(String(cString: text).dropFirst())
            guard let value = parameters.value(name) else {
                throw DatabaseError(message: "the unknown parameter :\(name)")
            }
            values[name] = value
        }
        return StatementArguments(values)
    }

    private static func value(_ value: DatabaseValue) -> ReportValue {
        switch value.storage {
        case .null: .none
        case .int64(let number): .integer(number)
        case .double(let number): .text("\(number)")
        case .string(let text): .text(text)
        case .blob(let data): .text(hex(Array(data)))
        }
    }
}
