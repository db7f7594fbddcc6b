import Daemon
import Foundation
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// A wall clock that leaps by years, and what is filed meanwhile.
@Suite struct LeapingClockTests {
    private static let year: Int64 = 365 * 86_400

    private let queries = [
        "SELECT * FROM usage ORDER BY 1, 2, 3, 4, 5",
        "SELECT * FROM usage_open ORDER BY 1, 2, 3, 4",
        "SELECT * FROM control_total ORDER BY 1, 2, 3, 4", "SELECT * FROM gap",
        "SELECT kind, hour_s FROM ledger_entry", "SELECT id, wall_ms FROM tick",
    ]

    /// With nobody who vouches for it, nothing is filed in a year that was never.
    @Test func aLeapThatNothingVouchesForFilesNothingElsewhere() throws {
        let (calm, rig) = (try HoursRig(), try HoursRig())
        try calm.run(ticks: 26)
        for (years, ticks) in [(0, 8), (-41, 1), (14, 7), (0, 2), (-56, 1), (0, 7)]
            as [(Int64, Int)]
        {
            rig.kernel.wallOffset = years * Self.year
            try rig.run(ticks: ticks)
        }
        for query in queries { #expect(try rig.rows(query) == calm.rows(query), "\(query)") }
        #expect(try rig.store.verify().damage == [])
        // Each leap is counted; where the clock comes back under another run, it is where it must be.
        #expect(try rig.rows("SELECT max(epoch) FROM tick") == ["3"])
    }

    /// A clock that is set while a tick is at work moves nothing of that tick, and nothing at all if it is set back.
    @Test(arguments: [14 * year, -41 * year, 5400, -5400])
    func aLeapWithinATickFilesNothingElsewhere(_ seconds: Int64) throws {
        let (calm, rig) = (try HoursRig(), try HoursRig())
        try calm.run(ticks: 26)
        try rig.run(ticks: 26) {
            rig.kernel.wallOffset = 0
            rig.kernel.wallOffsetWithin = seconds
        }
        for query in queries { #expect(try rig.rows(query) == calm.rows(query), "\(query)") }
        #expect(try rig.store.verify().damage == [])
    }

    /// A step belongs to a day, also one to a day that was not to come yet, and none is counted twice or taken back.
    @Test func stepsAreCountedOnceOnSomeDay() throws {
        let rig = try HoursRig()
        rig.kernel.isClockKept = true
        for days in [0, 1, 0, -1, 0] as [Int64] {
            rig.kernel.wallOffset = days * 86_400
            try rig.run(ticks: 8)
        }
        let sql = try String(
            contentsOfFile: "\(repository)/reports/completeness.sql", encoding: .utf8)
        let days = try #require(
            Period(
                start: rig.day.start.advanced(bySeconds: -2 * 86_400),
                end: rig.day.start.advanced(bySeconds: 3 * 86_400)))
        let found = try rig.store.report(sql, over: days, place: "completeness")
        let column = try #require(found.columns.firstIndex(of: "clock_steps"))
        let steps: [Int64] = found.rows.compactMap { row in
            if case .integer(let value) = row[column] { value } else { nil }
        }
        #expect(steps.reduce(0, +) == 4)
        #expect(steps.allSatisfy { $0 >= 0 })
    }

    @Test(arguments: ["kept", "trusted"])
    func aClockThatIsVouchedForIsBelieved(_ how: String) throws {
        let rig = try HoursRig()
        try rig.run(ticks: 8)
        rig.kernel.wallOffset = 2 * Self.year
        if how == "kept" {
            rig.kernel.isClockKept = true
            try rig.run(ticks: 2)
        } else {
            var collector = try Collector(
                source: rig.kernel, store: rig.store, intervalMilliseconds: 600_000, in: .utc)
            rig.kernel.seconds += 600
            let doubtful = try collector.tick()
            #expect(doubtful.clockDoubt?.contains("nothing vouches") == true)
            #expect(doubtful.anomalies.contains { $0.contains("--trust-clock") })
            rig.kernel.seconds += 600
            #expect(try collector.tick().anomalies.isEmpty, "said once")
            collector.trustClock()
            rig.kernel.seconds += 600
            let believed = try collector.tick()
            #expect(believed.clockDoubt == nil)
            #expect(believed.anomalies == ["the wall clock is trusted again"])
            rig.kernel.seconds += 600
            #expect(try collector.tick().clockDoubt == nil)
        }
        let newest = try rig.rows("SELECT wall_ms FROM tick ORDER BY id DESC LIMIT 1")
        #expect(newest == ["\(rig.kernel.now().wall.milliseconds)"])
        #expect(try rig.store.verify().damage == [])
    }

    /// Another tick under a clock that ran ahead does not say that a month is metered to its end.
    @Test func aClockThatRanAheadClosesNoDoubt() throws {
        let rig = try HoursRig()
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: .show, taxes: [],
            meters: [
                "cpu": Price(
                    amount: try #require(DecimalPrice("0.36")),
                    per: try #require(UnitQuantity("1 vCPU-hour")))
            ])
        let tenants = Rehearsal.tenants.map { tenant in
            var tenant = tenant
            tenant.priceBook = "standard"
            return tenant
        }
        _ = try rig.store.apply(
            Contract(tenants: tenants, books: [book]), isPlan: false, at: rig.start)
        try rig.run(ticks: 8)
        // Believed, and set right later.
        rig.kernel.isClockKept = true
        rig.kernel.wallOffset = 40 * 86_400
        try rig.run(ticks: 1)
        rig.kernel.wallOffset = 0
        try rig.run(ticks: 1)
        let day = try rig.day
        let now = day.end.advanced(bySeconds: 3600)
        #expect {
            _ = try rig.store.issue(
                over: day, tenant: "acme", at: now,
                IssueOptions(series: "OCT", closing: ClosingPolicy(rules: [.open: .block])))
        } throws: {
            ($0 as? Fault)?.problem.contains("the last reading is of") == true
        }
    }
}
