import Host
import Foundation
import Invoicing
import Metering
import Settings
import Billing
import Store
import TestSupport
import Testing
import Units

/// Days are civil days of the billing zone, wherever they are shown.
@Suite struct DayTests {
    private let billing: Billing
    private let paris: BillingZone
    private let october: Period

    init() throws {
        billing = try Billing()
        let zone = try billingZone("Europe/Paris")
        let month = try #require(zone.month("2026-10"))
        (paris, october) = (zone, month)
        // One vCPU-hour in each hour of the month, of which one comes twice.
        let row = ImportedUsage(
            period: month, tenant: "acme", container: "a", meter: .cpu,
            quantity: 745 * 3_600_000_000, row: 2)
        try billing.store.importUsage([row], at: now)
    }

    @Test func usageByDay() throws {
        let days = try billing.store.usage(over: october, by: .day, in: paris)
        #expect(days.count == 31 && days.first?.period.start == october.start)
        #expect(days.last?.period.end == october.end)
        for (day, next) in zip(days, days.dropFirst()) {
            #expect(day.period.end == next.period.start)
        }
        for day in days {
            #expect(day.quantity == Int128(day.period.seconds) * 1_000_000)
            #expect(
                day.period.seconds == (day.period.start == days[24].period.start ? 25 : 24) * 3600)
            #expect(paris.day(of: day.period.start).period == day.period)
        }
        let utc = try billing.store.usage(over: october, by: .day)
        #expect(utc.count == 32 && utc.first?.quantity == 2 * 3_600_000_000)
        // The period cuts days, and a day is found by what a tenant owns, too.
        let part = try #require(
            Period(
                start: october.start.advanced(bySeconds: 12 * 3600),
                end: october.start.advanced(bySeconds: 36 * 3600)))
        let cut = try billing.store.usage(over: part, by: .day, tenant: "acme", in: paris)
        #expect(cut.map(\.period.seconds) == [12 * 3600, 12 * 3600])
    }

    /// Each hour is in the day that the calendar says, in any zone.
    @Test(arguments: [
        "UTC", "Europe/Paris", "America/New_York", "America/Havana", "Pacific/Auckland",
        "Asia/Beirut", "America/Santiago", "Asia/Kolkata", "America/St_Johns",
    ])
    func everyHourIsInItsDay(name: String) throws {
        let zone = try billingZone(name)
        var sums: [Period: Int128] = [:]
        for hour in try billing.store.usage(over: october, by: .hour) {
            sums[
                zone.day(of: hour.period.start).period.intersection(october) ?? october, default: 0] +=
                hour.quantity
        }
        let days = try billing.store.usage(over: october, by: .day, in: zone)
        #expect(Dictionary(uniqueKeysWithValues: days.map { ($0.period, $0.quantity) }) == sums)
    }

    @Test func reportsKnowTheDaysOfTheZone() throws {
        var rows: [[String]] = []
        try billing.store.report(
            """
            SELECT day_start(1792879200), day_end(1792879200), day_date(1792879200),
                day_date(NULL) IS NULL
            """, ReportParameters(period: october, zone: paris), place: "x", seconds: 60,
            begin: { _ in }, row: { rows.append($0.map { "\($0)" }) })
        // 2026-10-25 in Paris: from 22:00 UTC on the day before, for 25 hours.
        #expect(
            rows == [
                [
                    "integer(1792879200)", "integer(1792969200)", "text(\"2026-10-25\")",
                    "integer(1)",
                ]
            ])
    }

    /// The days of an invoice add up to it, and none of them is of another month.
    @Test func dailyCostsAreOfTheMonth() throws {
        let sql = try String(
            contentsOfFile: "\(repository)/reports/daily-cost.sql", encoding: .utf8)
        let invoice = try #require(
            try billing.store.issue(
                over: october, tenant: "acme", at: now, IssueOptions(series: "OCT", zone: paris)
            ).invoices.first)
        var costs: [String: Int64] = [:]
        try billing.store.report(
            sql, ReportParameters(period: october, zone: paris), place: "daily-cost", seconds: 60,
            begin: { _ in },
            row: { row in
                guard case .text(let day) = row[0], case .integer(let amount) = row[9] else {
                    Issue.record("a row of another shape")
                    return
                }
                costs[day, default: 0] += amount
            })
        #expect(costs.count == 31 && costs.keys.allSatisfy { $0.hasPrefix("2026-10-") })
        #expect("\(costs.values.reduce(0, +))" == "\(invoice.draft.total)")
    }

    @Test(arguments: ["idle", "completeness"])
    func otherReportsRun(name: String) throws {
        let sql = try String(contentsOfFile: "\(repository)/reports/\(name).sql", encoding: .utf8)
        let result = try billing.store.report(sql, over: october, place: name)
        #expect(result.columns.first == "day" && result.rows.isEmpty)
    }
}
