import Billing
import Foundation
import GRDB
import Host
import Metering
import Pricing
import Store
import TestSupport
import Testing
import Units

/// Sums of days answer exactly as the hours behind them would.
@Suite struct DaySumsTests {
    private static let zones = [
        "UTC", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago",
    ]

    /// What questions over a period answer.
    private struct Answers: Equatable {
        var usage: [Usage] = []
        var report: [String] = []
    }

    /// Everything that is answered from sums of days.
    private func answers(
        _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws -> Answers {
        var answers = Answers()
        for grouping in UsageGrouping.allCases where grouping != .hour {
            for tenant in ["acme", nil] {
                answers.usage += try store.usage(
                    over: period, by: grouping, tenant: tenant, in: zone)
            }
        }
        let sql = try String(
            contentsOfFile: "\(repository)/reports/usage-by-tenant.sql", encoding: .utf8)
        answers.report = try store.report(sql, over: period, place: "usage-by-tenant").rows.map {
            "\($0)"
        }
        return answers
    }

    /// Expects that the answers add up to the rows of the ledger, which another view shows.
    private func expectTotals(_ store: Store, _ period: Period) throws {
        let sql = """
            SELECT meter, exact_sum(quantity) FROM ledger_hour
            WHERE hour_s >= :from AND hour_s < :to GROUP BY 1 ORDER BY 1
            """
        let rows = try store.report(sql, over: period, place: "ledger").rows.map { "\($0)" }
        for grouping in UsageGrouping.allCases {
            var sums: [String: Int128] = [:]
            for usage in try store.usage(over: period, by: grouping) {
                sums[usage.meter.name, default: 0] += usage.quantity
            }
            let answer = sums.sorted { $0.key < $1.key }.map { meter, sum -> String in
                let value = Int64(exactly: sum).map { ReportValue.integer($0) }
                return "\([ReportValue.text(meter), value ?? .text("\(sum)")])"
            }
            #expect(answer == rows, "\(grouping)")
        }
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
                    // A sum may pass 64 bits, one hour may not.
                    quantity: .random(in: 1...(1 << 62), using: &random), row: line + 2)
                // The same row twice is refused.
                let key = "\(row.period) \(row.tenant) \(row.container) \(row.meter)"
                return taken.insert(key).inserted ? row : nil
            }
            _ = try billing.store.importUsage(
                rows, in: zone, at: Instant(seconds: 1_800_000_000))
            guard round == 1 else { continue }
            // A few days in the middle of an account's life change hands.
            let given = try #require(rows.first { $0.tenant == "acme" })
            let middle = given.period.start.advanced(
                bySeconds: given.period.seconds / 7200 * 3600)
            let part = Period(
                start: zone.ledgerHour(of: given.period.start).start,
                end: zone.ledgerHour(of: middle).end)
            let done = try billing.store.assign(
                HandOverRequest(
                    given.container, from: "acme", to: "lab", over: try #require(part)),
                isPlan: false, in: zone, at: now)
            #expect(done.accounts == 1)
        }
    }

    @Test(arguments: zones, 0..<2)
    func sumsOfDaysAnswerAsHoursDo(name: String, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let (billing, zone) = (try Billing(), try billingZone(name))
        _ = try billing.store.rebuildDaySums(in: zone)
        #expect(try billing.store.keepDaySums(in: zone) == .kept)
        try fill(billing, zone, &random)
        #expect(try billing.count("usage_day") ?? 0 > 0)
        #expect(try billing.store.verify().damage == [])
        let periods = try (0..<8).map { _ in try period(zone, &random) }
        let fast = try periods.map { try answers(billing.store, $0, zone) }
        try billing.tamper("DELETE FROM usage_day; DELETE FROM day_zone")
        for (period, fast) in zip(periods, fast) {
            let slow = try answers(billing.store, period, zone)
            #expect(fast == slow, "\(period)")
            #expect(!slow.usage.isEmpty && !slow.report.isEmpty)
        }
        try expectTotals(billing.store, periods[0])
        // What is made anew is what was kept.
        _ = try billing.store.rebuildDaySums(in: zone)
        #expect(try answers(billing.store, periods[0], zone) == fast[0])
        #expect(try billing.store.verify().damage == [])
    }

    /// Parts of days are read from their hours, whole days from their sums.
    @Test(arguments: [
        (10, 14), (10, 24), (0, 14), (0, 24), (10, 34), (10, 48), (0, 34), (10, 58), (23, 49),
    ])
    func partsOfDaysAreCounted(from: Int64, until: Int64) throws {
        let billing = try Billing()
        try billing.store.importUsage([billing.row("acme", "a", .cpu, 744)], at: now)
        // If the sums say more than the hours, what comes from them can be told apart.
        try billing.tamper("UPDATE usage_day SET low = low * 1000")
        let start = billing.october.start
        let period = try #require(
            Period(
                start: start.advanced(bySeconds: from * 3600),
                end: start.advanced(bySeconds: until * 3600)))
        let days = max(0, until / 24 - (from + 23) / 24)
        let usage = try billing.store.usage(over: period, by: .meter)
        #expect(usage.map(\.quantity) == [Int128(days * 24_000 + until - from - days * 24)])
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
        ("UPDATE usage_day SET low = low + 1 WHERE day = 20730", "1 sum of a day differs"),
        ("UPDATE usage_day SET hours = 1 WHERE day = 20730", "1 sum of a day differs"),
        ("DELETE FROM usage_day WHERE day < 20730", "3 sums of days differ"),
        ("INSERT INTO usage_day VALUES (1, 5, 1, 1, 1, 0, 1)", "a on 1970-01-06"),
        ("INSERT INTO usage_day VALUES (1, 30000, 1, 1, 1, 0, 1)", "a on 2052-02-20"),
        (
            "INSERT INTO usage_day VALUES (1, 9000000000000000000, 1, 1, 1, 0, 1)",
            "day 9000000000000000000"
        ),
        ("UPDATE day_zone SET offsets = '[[9000000000000000000, 0]]'", "table day_zone"),
        ("UPDATE day_zone SET offsets = '[[0]]'", "table day_zone"),
        ("UPDATE day_zone SET offsets = '{}'", "table day_zone"),
    ])
    func changedSumsAreFound(deed: String, named: String) throws {
        let billing = try Billing()
        try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 744 * 3_600_000_000)], at: now)
        func found() throws -> String? { try billing.store.verify().daySums }
        #expect(try found() == nil)
        try billing.tamper(deed)
        let words = try #require(try found())
        #expect(words.contains(named), "\(words)")
        // The ledger is as it was, and questions are answered.
        #expect(try billing.store.verify().damage == [])
        #expect(try !billing.store.usage(over: billing.october, by: .meter).isEmpty)
        #expect(try billing.store.rebuildDaySums(in: .utc) == 31)
        #expect(try found() == nil)
    }

    /// Of memory, one of its three rows counts: that of the formula in force.
    @Test func memoryIsSummedByItsFormula() throws {
        let billing = try Billing()
        try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 744 * 3_600_000_000)], at: now)
        // Rows as a collector closes them; half of the month is billed by another formula.
        try billing.tamper(
            """
            INSERT INTO usage SELECT u.container, u.hour_s, m.id, 1, u.entry, m.id
                FROM usage u JOIN meter m ON m.memory_formula IS NOT NULL
            """)
        var book = try #require(try billing.store.bookVersions().first)
        book.effective = billing.october.start.advanced(bySeconds: 15 * 86_400 + 43_200)
        book.memory = .current
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        func answers() throws -> [Int128] {
            try [UsageGrouping.day, .tenant].map { grouping in
                try billing.store.usage(over: billing.october, by: grouping, tenant: "acme")
                    .filter { $0.meter == .memory }.reduce(0) { $0 + $1.quantity }
            }
        }
        try billing.tamper("DELETE FROM usage_day; DELETE FROM day_zone")
        let slow = try answers()
        _ = try billing.store.rebuildDaySums(in: .utc)
        #expect(try answers() == slow)
        let rows = try DatabaseQueue(path: billing.store.path).read { db in
            try Row.fetchAll(db, sql: "SELECT memory_formula, id FROM meter WHERE id IN (3, 4, 5)")
        }
        let id = Dictionary(uniqueKeysWithValues: rows.map { ($0[0] as String, $0[1] as Int64) })
        let unreclaimable = Int128(try #require(id["unreclaimable"]))
        let current = Int128(try #require(id["current"]))
        // 15 days and 12 hours by the first formula, the rest of 31 days by the second.
        let half = Int128(372)
        #expect(slow == Array(repeating: half * unreclaimable + half * current, count: 2))
    }
}
