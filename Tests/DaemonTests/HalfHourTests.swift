import CgroupFormat
import CgroupFS
import Daemon
import GRDB
import Metering
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// A host whose billing zone has its midnight in the middle of a UTC hour.
@Suite struct HalfHourTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let kernel = FakeKernel()
    /// As Kathmandu: a day begins at 18:15 UTC.
    private let zone = BillingZone(
        name: "Test/Kathmandu", offsets: [.init(since: Instant(seconds: 0), seconds: 20_700)])
    private let midnight: Instant

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: zone)
        kernel.cgroups = [FakeKernel.Cgroup("/a", id: 2)]
        kernel.host = HostCapacity(cpus: 2, memory: 0)
        midnight = zone.day(of: kernel.at(86_400).wall).period.start
    }

    /// So many seconds after midnight, having used so much.
    private func tick(
        _ collector: inout Collector<FakeKernel>, _ seconds: Int64, cpu: Int64
    ) throws {
        kernel.seconds = midnight.seconds + seconds - kernel.at(0).wall.seconds
        kernel.cgroups[0].texts[.cpuStat] = "usage_usec \(cpu)\n"
        _ = try collector.tick()
    }

    /// What each row of the ledger says, by the time at which it begins.
    private func rows(_ table: String) throws -> [String] {
        try DatabaseQueue(path: store.path).read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT strftime('%H:%M ', hour_s, 'unixepoch') || sum(quantity)
                    FROM \(table) u JOIN meter m ON m.id = u.meter
                    WHERE m.name = 'cpu' GROUP BY hour_s ORDER BY hour_s
                    """)
        }
    }

    @Test func whatIsUsedOverMidnightIsOfBothDays() throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: zone)
        try tick(&collector, -10, cpu: 1000)
        try tick(&collector, 30, cpu: 5000)
        #expect(try rows("usage_open") == ["18:00 1000", "18:15 3000"])
        // The hour is over, and closed.
        try tick(&collector, 3600, cpu: 5000)
        #expect(try rows("usage") == ["18:00 1000", "18:15 3000"])
        // Two cores for 10 s, and until the end of the UTC hour.
        #expect(try rows("capacity").prefix(2) == ["18:00 20000000", "18:15 5400000000"])
        let day = zone.day(of: midnight).period
        let used = try store.usage(over: day, by: .hour, in: zone).filter { $0.meter == .cpu }
        #expect(used.map(\.quantity) == [3000])
        #expect(used.first?.period == zone.ledgerHour(of: midnight))
        #expect(try store.verify().damage == [])
        // Both days are summed, and their sums are those of their hours.
        #expect(try store.verify().daySums == nil)
        let days = try DatabaseQueue(path: store.path).read {
            try Int.fetchAll($0, sql: "SELECT DISTINCT day FROM usage_day ORDER BY 1")
        }
        #expect(days.count == 2)
    }

    /// Below a tenant root, too.
    @Test func aTenantRootIsSplitAtMidnight() throws {
        kernel.cgroups = [
            FakeKernel.Cgroup("/t/a", id: 2, root: 1),
            FakeKernel.Cgroup("/t", id: 1, role: .tenantRoot),
        ]
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: zone)
        for (seconds, cpu) in [(-20, 0), (-10, 1000), (30, 5000), (50, 5000)] as [(Int64, Int64)] {
            kernel.cgroups[1].texts[.cpuStat] = "usage_usec \(cpu)\n"
            try tick(&collector, seconds, cpu: cpu)
        }
        #expect(try rows("usage_open") == ["18:00 2000", "18:15 3000"])
        #expect(try store.audit(over: zone.day(of: midnight).period).map(\.difference) == [0])
    }

    /// From the tick on at which it is read; what lies in an hour before stays there.
    @Test func theZoneMayChangeWhileItRuns() throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        try tick(&collector, -600, cpu: 10)
        try tick(&collector, -300, cpu: 30)
        collector.zone = zone
        try tick(&collector, 300, cpu: 90)
        collector.zone = .utc
        try tick(&collector, 600, cpu: 100)
        #expect(try rows("usage_open") == ["18:00 60", "18:15 30"])
    }
}
