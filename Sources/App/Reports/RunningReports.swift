import Reporting
import Settings
import Store
import Units

/// A report to run, and its parameters.
public struct ReportQuery: Sendable {
    /// The name of the report, as `App.reports` lists it.
    public var name: String
    /// The time that the report covers: `:from` and `:to`.
    public var period: Period
    /// Only this tenant, or `unattributed`; for reports that accept `:tenant`.
    public var tenant: String?
    /// Maximum number of rows; for reports that accept `:limit`.
    public var limit: Int64?
    /// The time after which the report is given up, in ms, rounded down to whole seconds.
    public var timeoutMilliseconds: Int64

    /// A report without tenant and limit, which may run for one minute.
    public init(
        _ name: String, over period: Period, tenant: String? = nil, limit: Int64? = nil,
        timeoutMilliseconds: Int64 = 60_000
    ) {
        (self.name, self.period, self.tenant, self.limit) = (name, period, tenant, limit)
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

extension App {
    /// The largest number of rows in a sheet; a report with more rows can only be streamed.
    static let mostReportRows = 20_000

    /// Runs a report for people, with percentages, money and quantities in readable form.
    ///
    /// The SQL runs on a connection that can only read.
    ///
    /// - Throws: `wrongUse` for an unknown report, or an option that it does not accept; `badData`
    ///   for an unknown tenant or faulty SQL; `failed` for more than 20,000 rows, or after the
    ///   timeout.
    public func report(_ query: ReportQuery) throws -> Sheet {
        guard let report = try definition(query) else {
            var sheet = try comparison(query)
            sheet.title = Self.comparisonTitle
            return sheet
        }
        let store = try store(.read)
        var sheet = Sheet(columns: [], rows: [])
        try run(
            report, query, store, begin: { sheet.columns = $0 },
            row: { row in
                guard sheet.rows.count < Self.mostReportRows else {
                    throw Fault(
                        .failed, at: "report \(query.name)",
                        problem: "more than \(Self.mostReportRows) rows",
                        suggestion: "Print it with --format csv, or ask for less")
                }
                sheet.rows.append(row)
            })
        let period = query.period
        sheet.title = (report.title ?? query.name) + ", \(period.start) to \(period.end)"
        return sheet.displayed(report.displays, try store.customUnits())
    }

    /// Runs a report for programs, and writes its raw rows as they come.
    ///
    /// The number of rows is not limited.
    ///
    /// - Parameters:
    ///   - format: csv or json.
    ///   - write: receives the text piece by piece. If the report fails midway, part of it is
    ///     written.
    /// - Throws: as `report` does, except that there may be any number of rows; whatever `write`
    ///   throws.
    public func streamReport(
        _ query: ReportQuery, as format: Format, write: (String) throws -> Void
    ) throws {
        guard let report = try definition(query) else {
            return try write(comparison(query).rendered(as: format))
        }
        var stream: SheetStream?
        try run(
            report, query, store(.read),
            begin: { columns in
                stream = SheetStream(columns: columns, as: format)
                try write(stream?.heading ?? "")
            },
            row: { try write(stream?.text(of: $0) ?? "") })
        try write(stream?.ending ?? "")
    }

    /// All reports that can be run, one row each: those that come with Octroi, and the operator's.
    public func reports() throws(Fault) -> Sheet {
        var rows = try ReportDefinition.all(in: configFolder).map { report -> [Cell] in
            // A line may name several parameters: `from, to: the period`.
            let parameters = report.parameters.flatMap { line in
                line.prefix { $0 != ":" }.split(separator: ",").map { $0.drop { $0 == " " } }
            }
            return [
                .text(report.name), .optional(report.title), .optional(report.about),
                .text(report.place),
                parameters.isEmpty ? .none : .text(parameters.joined(separator: " ")),
            ]
        }
        rows.append([
            .text(Self.comparisonName), .text(Self.comparisonTitle),
            .text("What the usage would cost under each price book of the store."),
            .text("octroi"), .text("from to tenant"),
        ])
        return Sheet(columns: ["report", "title", "about", "from", "parameters"], rows: rows)
    }

    /// The report that a query names; `nil` for the comparison of prices, which is not SQL.
    ///
    /// - Throws: `wrongUse` for an unknown report, or an option that its SQL does not use.
    private func definition(_ query: ReportQuery) throws(Fault) -> ReportDefinition? {
        let known = try ReportDefinition.all(in: configFolder)
        guard let report = known.first(where: { $0.name == query.name }) else {
            if query.name == Self.comparisonName { return nil }
            throw Fault(
                .wrongUse, at: "report \(quoted(query.name))", problem: "no report of that name",
                suggestion: "octroi report list shows them")
        }
        let options = [("tenant", query.tenant != nil), ("limit", query.limit != nil)]
        for (option, isGiven) in options where isGiven && !asks(report.sql, for: option) {
            throw Fault(
                .wrongUse, at: "--\(option)", problem: "report \(query.name) does not know it",
                suggestion: "Leave it out, or use :\(option) in the report's SQL")
        }
        return report
    }

    /// Runs the SQL of a report.
    ///
    /// - Parameters:
    ///   - begin: receives the names of the columns, before the first row.
    ///   - row: receives each row.
    private func run(
        _ report: ReportDefinition, _ query: ReportQuery, _ store: Store,
        begin: ([String]) throws -> Void, row: ([Cell]) throws -> Void
    ) throws {
        try store.requireTenant(query.tenant, orNobody: true)
        let parameters = ReportParameters(
            period: query.period, tenant: query.tenant, limit: query.limit, zone: try zone())
        try store.report(
            report.sql, parameters, place: report.place,
            seconds: Int(max(1, query.timeoutMilliseconds / 1000)), begin: begin,
            row: { try row($0.map(\.cell)) })
    }

    /// Compares prices by all price books of the store.
    private func comparison(_ query: ReportQuery) throws(Fault) -> Sheet {
        try comparePrices(over: query.period, tenant: query.tenant, store(.read).bookVersions())
            .sheet
    }
}

extension ReportValue {
    /// The value as a cell of a sheet.
    fileprivate var cell: Cell {
        switch self {
        case .none: .none
        case .integer(let number): .integer(Int128(number))
        case .text(let text): .text(text)
        }
    }
}
