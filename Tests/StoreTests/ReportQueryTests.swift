import Store
import TestSupport
import Testing
import Units

/// Queries that operators write themselves: they may read, and are told what is wrong.
@Suite struct ReportQueryTests {
    private let rig: StoreRig
    private let period: Period

    init() throws {
        rig = try StoreRig()
        period = try #require(
            Period(start: StoreRig.start, end: StoreRig.start.advanced(bySeconds: 3600)))
    }

    private func words(_ value: ReportValue) -> String {
        switch value {
        case .none: "-"
        case .integer(let number): "\(number)"
        case .text(let text): "'\(text)'"
        }
    }

    private func run(
        _ sql: String, tenant: String? = nil, limit: Int64? = nil
    ) throws -> (columns: [String], rows: [String]) {
        var result: (columns: [String], rows: [String]) = ([], [])
        try rig.store.report(
            sql, ReportParameters(period: period, tenant: tenant, limit: limit), place: "x.sql",
            seconds: 60, begin: { result.columns = $0 },
            row: { result.rows.append($0.map(words).joined(separator: " ")) })
        return result
    }

    @Test func parametersAreThoseOfTheCommand() throws {
        let (from, to) = (period.start.seconds, period.end.seconds)
        #expect(
            try run("SELECT :from AS a, :to AS b, :tenant AS c, :limit AS d").rows
                == ["\(from) \(to) - -"])
        let all = try run(
            "SELECT :tenant, :limit + 1, :tenant || '!' AS x", tenant: "a'b", limit: 4)
        #expect(all.rows == ["'a'b' 5 'a'b!'"] && all.columns.last == "x")
        // Any of SQLite's marks for a parameter will do.
        #expect(try run("SELECT @from, $to").rows == ["\(from) \(to)"])
    }

    @Test func valuesComeAsTheyAreStored() throws {
        let found = try run(
            """
            SELECT 9223372036854775807 AS big, NULL AS none, 1.5 AS half, 'é' AS text, '' AS empty
            """)
        #expect(found.columns == ["big", "none", "half", "text", "empty"])
        #expect(found.rows == ["9223372036854775807 - '1.5' 'é' ''"])
        let none = try run("SELECT 1 AS a WHERE FALSE")
        #expect(none.columns == ["a"] && none.rows.isEmpty, "the heading comes all the same")
    }

    @Test func rowsComeInTheirOrder() throws {
        let found = try run("SELECT value FROM json_each('[3,1,2]')")
        #expect(found.rows == ["3", "1", "2"])
    }

    @Test(arguments: [
        ("SELECT :month", "the unknown parameter :month"), ("SELECT ?", "without a name"),
        ("SELECT ?2", "without a name"), ("SELECT x FROM nothing", "nothing"),
        ("SELEC 1", "SELEC"), ("", ""), ("SELECT 1; SELECT 2", ""), ("SELECT sha256(1, 2)", ""),
        ("DELETE FROM tenant", "only read"), ("INSERT INTO boot VALUES (9, 'x', 0)", "only read"),
        ("DROP TABLE tenant", "only read"), ("UPDATE run SET root = '/'", "only read"),
        ("WITH a AS (SELECT 1) DELETE FROM boot", "only read"),
    ])
    func anythingElseIsRefusedWithItsReason(sql: String, said: String) throws {
        try rig.execute("INSERT INTO boot VALUES (1, 'b', 0)")
        let fault = try #require(throws: Fault.self) { try run(sql) }
        #expect(fault.kind == .badData && fault.location == "x.sql")
        #expect(said.isEmpty || fault.problem.contains(said), "\(fault)")
        #expect(fault.suggestion.contains("SELECT"))
        #expect(try rig.rows("SELECT id FROM boot") == ["1"])
        // The connection is as it was: the next command writes.
        _ = try rig.begin()
    }

    /// What goes wrong with the output is not blamed on the SQL.
    @Test func aFaultOfTheReaderGoesThrough() throws {
        let own = Fault(.failed, at: "output", problem: "full", suggestion: "Wait")
        let fault = try #require(throws: Fault.self) {
            try rig.store.report(
                "SELECT 1", ReportParameters(period: period), place: "x.sql", seconds: 60,
                begin: { _ in }, row: { _ in throw own })
        }
        #expect(fault == own)
    }

    @Test(arguments: [
        ("SELECT :tenant", "tenant", true), ("SELECT 1", "tenant", false),
        ("SELECT :limit", "tenant", false), ("SELECT :limit", "limit", true),
        ("WITH period_usage, a AS (SELECT 1) SELECT 1", "tenant", true),
        ("with\n  Period_Usage\n, a AS (SELECT 1) SELECT 1", "tenant", true),
        ("WITH period_usage, a AS (SELECT 1) SELECT 1", "limit", false),
        ("SELECT * FROM period_usage", "tenant", false),
    ])
    func aQueryTellsWhatItAsksFor(sql: String, parameter: String, isAsked: Bool) {
        #expect(asks(sql, for: parameter) == isAsked)
    }
}
