import App
import Foundation
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Usage that is imported, and asked for.
@Suite struct UsageVerbsTests {
    private let firm: Firm

    init() throws { firm = try Firm() }

    private func importing(_ rows: String..., header: String? = nil) throws -> ImportOutcome {
        let header = header ?? "start,end,tenant,container,meter,quantity"
        return try firm.app.importUsage(
            firm.file("in.csv", ([header] + rows).joined(separator: "\n") + "\n"))
    }

    private let hour = "2025-01-01T00:00:00Z,2025-01-01T01:00:00Z"

    @Test func rowsAreImportedOnce() throws {
        let rows = ["\(hour),acme,web,cpu,5", "\(hour),lab,web,cpu,7"]
        let first = try importing(rows[0], rows[1])
        #expect(first.added == 2 && first.thereAlready == 0)
        #expect(first.sheet.columns == ["added", "there_already"])
        #expect(first.sheet.rows == [[.integer(2), .integer(0)]])
        let again = try importing(rows[1], "\(hour),lab,job,cpu,9")
        #expect(again.sheet.rows == [[.integer(1), .integer(1)]])
        #expect(firm.notices.take() == [])
        let usage = try firm.app.usage(over: month(1), by: .container)
        #expect(usage.usage.map(\.quantity) == [5, 9, 7])
        #expect(usage.usage.map(\.container) == ["web", "job", "web"])
        #expect(usage.usage.allSatisfy { $0.assurance == .imported })
        #expect(try usage.period == month(1))
        #expect(usage.boosts.isEmpty)
    }

    /// The reader knows the line and the store knows the rest; the file is said in any case.
    @Test(arguments: [
        ("\"5", "line 3"), ("x", "line 3, quantity"), ("-1", "line 3, quantity"),
    ])
    func aMistakeIsSaidWithItsFileAndLine(quantity: String, place: String) throws {
        let fault = try refusal(.badData) {
            try importing("\(hour),acme,web,cpu,5", "\(hour),acme,job,cpu,\(quantity)")
        }
        #expect(fault.location.hasPrefix("\(firm.folder.path)/in.csv, \(place)"), "\(fault)")
        #expect(try firm.app.usage(over: month(1), by: .tenant).usage.isEmpty)
    }

    @Test(arguments: [
        ("2025-01-01T00:00:00Z,2025-01-01T01:00:00Z,nobody,web,cpu,5", "line 2, tenant"),
        ("2019-12-31T00:00:00Z,2020-01-01T00:00:00Z,acme,web,cpu,5", "line 2, start"),
        ("2985-01-01T00:00:00Z,2985-01-01T01:00:00Z,acme,web,cpu,5", "line 2, end"),
        ("2025-01-01T01:00:00Z,2025-01-01T01:00:00Z,acme,web,cpu,5", "line 2, end"),
        ("2025-01-01,2025-01-02,acme,web,cpu,5", "line 2, start"),
        ("2025-01-01T00:00:00Z,2025-01-01T01:00:00Z,acme,,cpu,5", "line 2, container"),
        ("2025-01-01T00:00:00Z,2025-01-01T01:00:00Z,acme,web,CPU time,5", "line 2, meter"),
        ("2025-01-01T00:00:00Z,2025-01-01T01:00:00Z,acme,web,cpu", "line 2"),
    ])
    func aRowThatCannotBeIsRefused(row: String, place: String) throws {
        try refusal(.badData, at: "\(firm.folder.path)/in.csv, \(place)") { try importing(row) }
        #expect(try firm.sql("SELECT 'x' FROM usage") == [])
    }

    @Test func anotherHeaderOrNoFileIsRefused() throws {
        try refusal(.badData, at: "\(firm.folder.path)/in.csv, line 1") {
            try importing("\(hour),acme,web,cpu,5", header: "start,end,who,what,meter,quantity")
        }
        try refusal(.badData, at: "\(firm.folder.path)/none.csv, line 1") {
            try firm.app.importUsage(firm.file("none.csv", ""))
        }
        let nowhere = "\(firm.folder.path)/nowhere.csv"
        try refusal(.unavailable, at: nowhere) { try firm.app.importUsage(nowhere) }
        try refusal(.badData, at: firm.folder.path) { try firm.app.importUsage(firm.folder.path) }
    }

    /// Rows that may be mistakes are imported, and said with their file.
    @Test func whatMayBeAMistakeIsSaid() throws {
        #expect(try importing("\(hour),acme,web,gpu,5").added == 1)
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("\(firm.folder.path)/in.csv, "))
        #expect(said[0].contains("gpu of tenant acme has no price"))
    }

    /// Rows in time that was invoiced make a correction, and the operator should know.
    @Test func lateRowsAreSaidToMakeACorrection() throws {
        try firm.use("acme", "web", coreHour, over: month(1))
        _ = try firm.app.issueInvoices(over: month(1))
        _ = firm.notices.take()
        _ = try importing("\(hour),acme,late,cpu,5")
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].contains("OCT-000001 has billed already"), "\(said)")
    }

    /// Sums of days of another zone are of no use; the operator learns how to make new ones.
    @Test func daysOfAnotherZoneAreSaid() throws {
        try firm.use("acme", "web", coreHour, over: month(1))
        _ = firm.notices.take()
        try firm.folder.write("time_zone: Europe/Paris\n", to: "config/octroi.yaml")
        _ = try importing("\(hour),acme,late,cpu,5")
        #expect(firm.notices.take().contains { $0.contains("run octroi store rebuild") })
        #expect(try firm.app.rebuildStore() > 0)
        _ = try importing("\(hour),acme,later,cpu,5")
        #expect(firm.notices.take() == [])
    }

    /// However usage is grouped, it adds up to the same.
    @Test(arguments: UsageGrouping.allCases)
    func everyGroupingAddsUp(grouping: UsageGrouping) throws {
        var random = SeededRandom(seed: 11)
        var sums: [String: Int128] = [:]
        for step in 0..<12 {
            let tenant = ["acme", "lab"].randomElement(using: &random) ?? "acme"
            let quantity = Int128(Int64.random(in: 1...10_000_000_000, using: &random))
            let period = try hours(
                .random(in: 0..<100, using: &random), .random(in: 1...60, using: &random))
            try firm.use(tenant, "c\(step)", quantity, over: period)
            sums[tenant, default: 0] += quantity
        }
        let all = try firm.app.usage(over: month(1), by: grouping).usage
        #expect(all.reduce(0) { $0 + $1.quantity } == sums.values.reduce(0, +))
        for (tenant, sum) in sums {
            let own = try firm.app.usage(over: month(1), by: grouping, tenant: tenant).usage
            #expect(own.reduce(0) { $0 + $1.quantity } == sum)
        }
        #expect(
            try firm.app.usage(over: month(2), by: grouping).usage.isEmpty, "nothing in February")
    }

    @Test func daysAreThoseOfTheZone() throws {
        let firm = try Firm(settings: "time_zone: Asia/Kolkata\n")
        // From 18:00 to 19:00: half of it lies on the next day in India.
        try firm.use("acme", "web", 1000, over: hours(18, 1))
        let days = try firm.app.usage(
            over: firm.app.period(PeriodWords(month: "2025-01")), by: .day
        ).usage
        #expect(days.map(\.quantity) == [500, 500])
        #expect(
            days.map(\.period.start.description)
                == ["2024-12-31T18:30:00Z", "2025-01-01T18:30:00Z"])
    }

    @Test func theSheetNamesThePeriodEvenWithoutUsage() throws {
        let empty = try firm.app.usage(over: month(1), by: .tenant).sheet
        #expect(empty.rows.isEmpty)
        #expect(empty.title == "2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z")
        try firm.use("acme", "web", 5, over: month(1))
        let sheet = try firm.app.usage(over: month(1), by: .tenant).sheet
        #expect(sheet.rows.count == 1 && sheet.columns.first == "period_start")
        let nobody = try firm.app.usage(over: month(1), by: .tenant, tenant: Tenant.unattributed)
        #expect(nobody.usage.isEmpty)
    }

    /// A meter of the operator's own has the unit that its price gives it.
    @Test func aMeterOfOnesOwnHasItsUnit() throws {
        var request = ApplyRequest()
        request.files = [
            try firm.file(
                "gpu.yaml",
                Firm.prices + "      gpu: { price: \"2\", per: 1 GPU-hour, unit: GPU-second }\n")
        ]
        _ = try firm.app.apply(request)
        #expect(try importing("\(hour),acme,web,gpu,3600").added == 1)
        #expect(firm.notices.take() == [])
        let usage = try firm.app.usage(over: month(1), by: .meter)
        #expect(usage.customUnits["gpu"] == "GPU-second")
        let unit = try #require(usage.sheet.columns.firstIndex(of: "unit"))
        #expect(usage.sheet.rows.map { $0[unit] } == [.text("GPU-second")])
    }
}
