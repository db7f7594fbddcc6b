import Billing
import Foundation
import GRDB
import Host
import Metering
import Store
import TestSupport
import Testing
import Units

/// Sums of days answer exactly as the hours behind them would.
@Suite struct DaySumsTests {
    private static let zones = [
        "UTC", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago",
    ]

    /// Everything that questions over a period answer.
    private func answers(
        _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws -> [String] {
        let usage = try UsageGrouping.allCases.flatMap { grouping in
            try ["acme", nil].flatMap { tenant in
                try store.usage(over: period, by: grouping, tenant: tenant, in: zone).map {
                    "\(grouping) \(tenant ?? "all"): \($0)"
                }
            }
        }
        let sql = try String(
            contentsOfFile: "\(repository)/reports/usage-by-tenant.sql", encoding: .utf8)
        return usage
            + (try store.report(sql, over: period, place: "usage-by-tenant").rows.map { "\($0)" })
    }

    /// A period of whole hours of the ledger, two months at most.
    private func period(_ zone: BillingZone, _ random: inout SeededRandom) throws -> Period {
        let month = try #require(zone.month("2026-10"))
        // Both changes of the clock of the autumn lie in here, and days before and after.
        let start = month.start.advanced(bySeconds: .random(in: -5...40, using: &random) * 86_400)
        let length = Int64.random(in: 1...1200, using: &random) * 3600
        let ends = [start, start.advanced(bySeconds: length)].map {
            zone.ledgerHour(of: $0).start
        }
        let whole = try #require(Period(start: zone.day(of: start).period.start, end: ends[1]))
        return Bool.random(using: &random)
            ? whole : try #require(Period(start: ends[0], end: ends[1]))
    }

    private func fill(
        _ billing: Billing, _ zone: BillingZone, _ random: inout SeededRandom
    ) throws {
        for round in 0..<3 {
            var taken: Set<String> = []
            let rows = try (0..<12).compactMap { line -> ImportedUsage? in
                let meters = [Meter.cpu, try #require(Meter("tokens"))]
                let row = ImportedUsage(
                    period: try period(zone, &random),
                    tenant: try #require(["acme", "lab"].randomElement(using: &random)),
                    container: "c\(Int.random(in: 0..<4, using: &random))",
                    meter: try #require(meters.randomElement(using: &random)),
                    quantity: .random(in: 1...(1 << 66), using: &random), row: line + 2)
                // The same row twice is refused.
                let key = "\(row.period) \(row.tenant) \(row.container) \(row.meter)"
                return taken.insert(key).inserted ? row : nil
            }
            _ = try? billing.store.importUsage(
                rows, in: zone, at: Instant(seconds: 1_800_000_000))
            if round == 1 {
                _ = try? billing.assign("c1", to: "lab", over: period(zone, &random))
            }
        }
    }

    @Test(arguments: zones, 0..<4)
    func sumsOfDaysAnswerAsHoursDo(name: String, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let (billing, zone) = (try Billing(), try billingZone(name))
        _ = try billing.store.rebuildDaySums(in: zone)
        #expect(try billing.store.keepDaySums(in: zone) == .kept)
        try fill(billing, zone, &random)
        #expect(try billing.count("usage_day") ?? 0 > 0)
        #expect(try billing.store.verify().damage == [])
        let periods = try (0..<12).map { _ in try period(zone, &random) }
        let fast = try periods.map { try answers(billing.store, $0, zone) }
        try billing.tamper("DELETE FROM usage_day; DELETE FROM day_zone")
        for (period, fast) in zip(periods, fast) {
            let slow = try answers(billing.store, period, zone)
            #expect(fast == slow, "\(period)")
            #expect(!slow.isEmpty)
        }
        // What is made anew is what was kept.
        _ = try billing.store.rebuildDaySums(in: zone)
        #expect(try answers(billing.store, periods[0], zone) == fast[0])
        #expect(try billing.store.verify().damage == [])
    }

    /// A question about other days than those summed reads the hours.
    @Test func daysOfAnotherZoneAreReadFromTheHours() throws {
        var random = SeededRandom(seed: 7)
        let (billing, paris) = (try Billing(), try billingZone("Europe/Paris"))
        #expect(try billing.store.keepDaySums(in: .utc) == .kept)
        try fill(billing, .utc, &random)
        #expect(try billing.store.keepDaySums(in: paris) == .otherZone("UTC"))
        let month = try #require(paris.month("2026-10"))
        let fast = try answers(billing.store, month, paris)
        try billing.tamper("DELETE FROM usage_day; DELETE FROM day_zone")
        #expect(try answers(billing.store, month, paris) == fast)
        #expect(try billing.store.keepDaySums(in: paris) == .missing)
    }

    /// Sums that another hand changed, removed or added are found, and made anew.
    @Test(arguments: [
        "UPDATE usage_day SET low = low + 1 WHERE day = 20730",
        "UPDATE usage_day SET hours = 1 WHERE day = 20730",
        "DELETE FROM usage_day WHERE day = 20730",
        "INSERT INTO usage_day VALUES (1, 5, 1, 1, 1, 0, 1)",
        "INSERT INTO usage_day VALUES (1, 30000, 1, 1, 1, 0, 1)",
    ])
    func changedSumsAreFound(deed: String) throws {
        let billing = try Billing()
        _ = try billing.store.keepDaySums(in: .utc)
        try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 744 * 3_600_000_000)], at: now)
        #expect(try billing.store.verify().damage == [])
        try billing.tamper(deed)
        let damage = try billing.store.verify().damage
        #expect(damage.count == 1 && damage[0].hasPrefix("1 sums of days are not those"))
        #expect(try billing.store.rebuildDaySums(in: .utc) == 31)
        #expect(try billing.store.verify().damage == [])
    }
}
