import App
import Foundation
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Reports that come with Octroi, those of the operator, and the comparison of prices.
@Suite struct RunningReportsTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 3 * coreHour, over: hours(0, 2))
        try firm.use("lab", "job", coreHour, over: hours(5, 1))
        _ = firm.notices.take()
    }

    private func report(
        _ name: String, tenant: String? = nil, limit: Int64? = nil
    ) throws -> Sheet {
        try firm.app.report(ReportQuery(name, over: month(1), tenant: tenant, limit: limit))
    }

    private func own(_ name: String, _ sql: String) throws {
        try firm.folder.write(sql, to: "config/reports/\(name).sql")
    }

    @Test func aReportForPeopleShowsUnits() throws {
        let sheet = try report("usage-by-tenant")
        #expect(
            sheet.columns == ["tenant", "meter", "containers", "hours", "quantity", "unit"])
        #expect(
            sheet.title
                == "Usage by tenant, 2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z")
        #expect(
            sheet.rows == [
                [
                    .text("acme"), .text("cpu"), .integer(1), .integer(2),
                    .integer(3 * coreHour, display: "3.000 vCPU-h"), .text("us"),
                ],
                [
                    .text("lab"), .text("cpu"), .integer(1), .integer(1),
                    .integer(coreHour, display: "1.000 vCPU-h"), .text("us"),
                ],
            ])
        #expect(try report("usage-by-tenant", tenant: "lab").rows.count == 1)
    }

    @Test func aReportForProgramsHasRawNumbers() throws {
        func stream(_ format: Format) throws -> String {
            var text = ""
            try firm.app.streamReport(
                ReportQuery("usage-by-tenant", over: month(1)), as: format
            ) { text += $0 }
            return text
        }
        #expect(
            try stream(.csv) == "tenant,meter,containers,hours,quantity,unit\n"
                + "acme,cpu,1,2,10800000000,us\nlab,cpu,1,1,3600000000,us\n")
        let json = try JSONSerialization.jsonObject(with: Data(stream(.json).utf8))
        let objects = try #require(json as? [[String: Any]])
        #expect(objects.map { $0["tenant"] as? String } == ["acme", "lab"])
        #expect(objects.map { $0["hours"] as? Int } == [2, 1])
    }

    /// A share is in thousandths, and is shown as a percentage.
    @Test func sharesAreShownAsPercentages() throws {
        let sheet = try report("top-containers", limit: 1)
        #expect(sheet.rows.count == 1)
        let share = try #require(sheet.columns.firstIndex(of: "permille"))
        #expect(sheet.rows[0][share] == .integer(750, display: "75.0 %"))
        #expect(sheet.headings["permille"] == "share")
        #expect(try report("top-containers").rows.count == 2)
    }

    /// The reports that come with Octroi, by the names of their files.
    private func shipped() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(repository)/reports")
            .filter { $0.hasSuffix(".sql") }.map { String($0.dropLast(4)) }.sorted()
    }

    /// Every report that comes with Octroi runs, with usage and without any.
    @Test func everyReportRuns() throws {
        for name in try shipped() {
            for period in [try month(1), try month(6)] {
                let sheet = try firm.app.report(ReportQuery(name, over: period))
                #expect(!sheet.columns.isEmpty)
                #expect(sheet.rows.allSatisfy { $0.count == sheet.columns.count }, "\(name)")
                var csv = ""
                try firm.app.streamReport(ReportQuery(name, over: period), as: .csv) { csv += $0 }
                #expect(csv.hasPrefix(sheet.columns.joined(separator: ",") + "\n"), "\(name)")
            }
        }
    }

    @Test func theListNamesEveryReport() throws {
        try own("hosts", "-- title: Roots\n-- about: What was read.\nSELECT 1 AS runs")
        try own("idle", "-- title: Our own idle\nSELECT 2 AS two")
        let sheet = try firm.app.reports()
        #expect(sheet.columns == ["report", "title", "about", "from", "parameters"])
        let names = sheet.rows.compactMap { row -> String? in
            if case .text(let name) = row[0] { name } else { nil }
        }
        #expect(Set(names).count == names.count)
        #expect(try Set(names) == Set(shipped()).union(["hosts", App.comparisonName]))
        let hosts = try #require(sheet.rows.first { $0[0] == .text("hosts") })
        #expect(
            hosts[1...] == [
                .text("Roots"), .text("What was read."),
                .text("\(firm.config)/reports/hosts.sql"), .none,
            ])
        // The operator's report takes the place of one that comes with Octroi.
        let idle = try #require(sheet.rows.first { $0[0] == .text("idle") })
        #expect(idle[1] == .text("Our own idle"))
        #expect(try report("idle").rows == [[.integer(2)]])
        let usage = try #require(sheet.rows.first { $0[0] == .text("usage-by-tenant") })
        #expect(usage[3] == .text("octroi") && usage[4] == .text("from to tenant"))
    }

    @Test func onesOwnReportMayUseTheParameters() throws {
        try own(
            "own", "SELECT :from AS a, :to AS b, coalesce(:tenant, 'all') AS c, :limit AS d")
        let january = try month(1)
        #expect(
            try report("own", tenant: "acme", limit: 7).rows == [
                [
                    .integer(Int128(january.start.seconds)), .integer(Int128(january.end.seconds)),
                    .text("acme"), .integer(7),
                ]
            ])
        #expect(try report("own").rows[0][2...] == [.text("all"), .none])
        #expect(
            try report("own").title == "own, 2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z")
        #expect(
            try report("own", tenant: Tenant.unattributed).rows[0][2] == .text("unattributed"))
    }

    @Test func whatAReportDoesNotKnowIsRefused() throws {
        try own("bare", "SELECT 1 AS one")
        try refusal(.wrongUse, at: "report \"nothing\"") { try report("nothing") }
        try refusal(.wrongUse, at: "--tenant") { try report("bare", tenant: "acme") }
        try refusal(.wrongUse, at: "--limit") { try report("bare", limit: 5) }
        try refusal(.wrongUse, at: "--limit") { try report("usage-by-tenant", limit: 5) }
        try refusal(.badData, at: "tenant \"nobody\"") {
            try report("usage-by-tenant", tenant: "nobody")
        }
    }

    /// A report only reads: whatever else its SQL does is a mistake in the file.
    @Test(arguments: [
        "DELETE FROM usage", "SELECT * FROM nowhere", "SELECT :who", "SELECT ?1", "no SQL",
        "UPDATE tenant SET name = 'x'",
    ])
    func faultySQLIsSaidWithItsFile(sql: String) throws {
        try own("bad", sql)
        try refusal(.badData, at: "\(firm.config)/reports/bad.sql") { try report("bad") }
        #expect(try firm.app.usage(over: month(1), by: .tenant).usage.count == 2)
    }

    /// A sheet is held in memory, so it has an end; a stream has none.
    @Test func aLongReportCanOnlyBeStreamed() throws {
        try own(
            "long",
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :limit)
            SELECT i FROM n
            """)
        #expect(try report("long", limit: 20_000).rows.count == 20_000)
        try refusal(.failed, at: "report long") { try report("long", limit: 20_001) }
        var lines = 0
        try firm.app.streamReport(
            ReportQuery("long", over: month(1), limit: 20_001), as: .csv
        ) { lines += $0.count { $0 == "\n" } }
        #expect(lines == 20_002)
    }

    @Test func pricesAreComparedAsAReport() throws {
        try own("price-compare", "SELECT 1 AS own_one")
        #expect(try report("price-compare").columns == ["own_one"], "the operator's comes first")
        try firm.folder.remove("config/reports/price-compare.sql")
        let sheet = try report("price-compare", tenant: "acme")
        #expect(sheet.title == "What the same usage would cost")
        #expect(sheet.rows.count == 1 && sheet.rows[0][3] == .exact("1.08"))
        var csv = ""
        try firm.app.streamReport(
            ReportQuery("price-compare", over: month(1)), as: .csv
        ) { csv += $0 }
        #expect(csv.split(separator: "\n").count == 3)
        #expect(csv.contains("acme,standard,true,1.08,EUR,1.08,"))
    }
}
