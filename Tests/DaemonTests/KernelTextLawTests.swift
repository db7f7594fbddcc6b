import CgroupFormat
import Metering
import CgroupFS
import Daemon
import GRDB
import Glibc
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// Whatever the kernel prints, the collector never stops: what is readable is metered exactly, and the
/// rest is absent with its reason.
@Suite struct KernelTextLawTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
    }

    @Test(arguments: OddHost.Age.allCases, 0..<6 as Range<UInt64>)
    func whatIsReadableIsMeteredAndTheRestIsAbsent(age: OddHost.Age, seed: UInt64) throws {
        let host = OddHost(age, seed: seed)
        var collector = try Collector(
            source: host.kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        for tick in 0..<60 {
            host.pass(isCalm: tick >= 58)
            _ = try collector.tick()
            // Now and then it begins anew: what the store holds is all it needs.
            if tick % 13 == 12 {
                collector = try Collector(
                    source: host.kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
            }
            for container in try store.containers(all: true) {
                #expect(
                    Set(container.absent) == host.absent[container.path],
                    "\(age) \(seed), tick \(tick), \(container.path)")
            }
        }
        #expect(try metered() == host.metered, "\(age) \(seed)")
        #expect(try count("anomaly") == 0, "nothing went back")
    }

    private func metered() throws -> [String: Int128] {
        try DatabaseQueue(path: store.path).read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT c.path || ' ' || m.name AS name, sum(u.quantity) AS quantity
                    FROM usage_open u JOIN container c ON c.id = u.container
                    JOIN meter m ON m.id = u.meter GROUP BY 1
                    """)
            return rows.reduce(into: [:]) {
                $0[$1["name"] as String] = Int128($1["quantity"] as Int64)
            }
        }
    }

    private func count(_ table: String) throws -> Int? {
        try DatabaseQueue(path: store.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)")
        }
    }

    // MARK: Events

    /// A counter that went back is one event however long it lasts, also over a restart.
    @Test func aCounterThatWentBackIsWrittenDownOnce() throws {
        let kernel = FakeKernel()
        kernel.cgroups = [FakeKernel.Cgroup("/a", id: 2)]
        /// How much was said in ticks of a new collector.
        func run(_ usages: [String]) throws -> Int {
            var collector = try Collector(
                source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
            var told = 0
            for usage in usages {
                kernel.seconds += 10
                kernel.cgroups[0].texts[.cpuStat] = "usage_usec \(usage)\n"
                told += try collector.tick().anomalies.count
            }
            return told
        }
        #expect(try run(["1000", "1100", "400", "410", "420"]) == 1)
        #expect(try run(["430", "440"]) == 0)
        #expect(try count("anomaly") == 1)
        #expect(try absent() == ["cpu.stat: malformed"])
        // Above where it stood nothing is billed twice.
        #expect(try run(["1150"]) == 0)
        #expect(try metered() == ["/a cpu": 150] && absent() == [])
        // The next time is another event; so is a number that no host can reach.
        let more = ["5", "6", "1160", "9223372036854775807", "9223372036854775806", "1170"]
        #expect(try run(more) == 2)
        #expect(try count("anomaly") == 3)
        #expect(try metered() == ["/a cpu": 170])
    }

    /// What is odd in another way at each tick is one absence.
    @Test func oddTextIsWrittenDownOnce() throws {
        let kernel = FakeKernel()
        kernel.cgroups = [FakeKernel.Cgroup("/a", id: 2)]
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        var told = 0
        for tick in 0..<8 {
            kernel.seconds += 10
            kernel.cgroups[0].texts[.cpuStat] =
                "x \(tick)\nusage_usec 1844674407370955161\(tick)x\n"
            kernel.cgroups[0].texts[.ioStat] = "8:0 rbytes=-\(tick) wbytes=\(tick) rios=0 wios=0\n"
            kernel.cgroups[0].texts[.memoryCurrent] = "-\(tick)\n"
            told += try collector.tick().anomalies.count
        }
        let files = ["cpu.stat", "io.stat", "memory.current"]
        let list = files.map { "'\($0)'" }.joined(separator: ", ")
        #expect(try count("absence WHERE file IN (\(list))") == files.count)
        #expect(told == files.count)
        #expect(try metered() == ["/a io_write_bytes": 7])
    }

    private func absent() throws -> [String] {
        try store.containers(all: true).flatMap(\.absent).filter { !$0.contains("controller_off") }
    }

    // MARK: Limits

    /// A limit that is not known is not "no limit": what is granted is not measured, and that is said.
    @Test(arguments: [
        "x 100000", "50000", "", "9223372036854775807 1", "18446744073709551615 100000",
    ])
    func aMalformedQuotaIsNotMeasured(text: String) throws {
        let kernel = FakeKernel()
        kernel.cgroups = [
            FakeKernel.Cgroup("/t", id: 2, role: .tenantRoot),
            FakeKernel.Cgroup("/t/a", id: 3, root: 2), FakeKernel.Cgroup("/t/b", id: 4, root: 2),
            FakeKernel.Cgroup("/c", id: 5),
        ]
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        for index in kernel.cgroups.indices {
            kernel.cgroups[index].texts[.cpuStat] = "usage_usec 0\n"
            kernel.cgroups[index].texts[.cpuMax] = "50000 100000\n"
        }
        kernel.cgroups[0].texts[.cpuMax] = "100000 100000\n"
        for _ in 0..<2 {
            _ = try collector.tick()
            kernel.seconds += 10
        }
        let before = try metered()
        #expect(before["/c cpu_reserved"] == 5_000_000)
        // Up to here the limit of the last tick held; from here on it is not known.
        kernel.cgroups[3].texts[.cpuMax] = text + "\n"
        for _ in 0..<3 {
            _ = try collector.tick()
            kernel.seconds += 10
        }
        #expect(try metered()["/c cpu_reserved"] == 10_000_000)
        #expect(try absent() == ["cpu.max: malformed"])
        // A limit of the tenant's root that is not known leaves those below it unmeasured.
        kernel.cgroups[3].texts[.cpuMax] = "50000 100000\n"
        kernel.cgroups[0].texts[.cpuMax] = text + "\n"
        _ = try collector.tick()
        let then = try metered()
        kernel.seconds += 10
        _ = try collector.tick()
        let now = try metered()
        #expect(try absent() == Array(repeating: "cpu.max: malformed", count: 3))
        #expect(now["/t/a cpu_reserved"] == then["/t/a cpu_reserved"])
        #expect(now["/c cpu_reserved"] == (then["/c cpu_reserved"] ?? 0) + 5_000_000)
    }

    // MARK: Places

    /// One folder found at two places below the root is one account, and that is said once.
    @Test func aFolderAtTwoPlacesIsMeteredOnce() throws {
        let kernel = FakeKernel()
        kernel.cgroups = [FakeKernel.Cgroup("/a", id: 2), FakeKernel.Cgroup("/b/a", id: 2)]
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
        var told: [String] = []
        for tick in 0..<4 {
            kernel.seconds += 10
            for index in kernel.cgroups.indices {
                kernel.cgroups[index].texts[.cpuStat] = "usage_usec \(1000 + tick * 50)\n"
            }
            told += try collector.tick().anomalies
        }
        #expect(try metered() == ["/a cpu": 150])
        #expect(told.count == 1 && told.first?.hasPrefix("/b/a: it is the same folder") == true)
    }

    /// What stands in a file's place is never waited for, and is named.
    @Test func whatIsNoFileIsNamed() throws {
        let rig = try Rig()
        try rig.set("a", cpu: 100)
        let path = "\(rig.folder.path)/tree/a"
        #expect(mkdir("\(path)/memory.stat", 0o700) == 0)
        var collector = try rig.collector()
        _ = try collector.tick()
        #expect(mkfifo("\(path)/memory.current", 0o600) == 0)
        #expect(symlink("cpu.stat", "\(path)/io.stat") == 0)
        #expect(mkfifo("\(path)/cpu.max", 0o600) == 0)
        #expect(mkfifo("\(path)/cpu.pressure", 0o600) == 0)
        try rig.folder.write("1\n", to: "tree/a/pids.current")
        #expect(chmod("\(path)/pids.current", 0) == 0)
        try rig.set("a", cpu: 150)
        _ = try collector.tick()
        let fifo = "failed (it is a FIFO, not a file)"
        var wanted: Set<String> = [
            "memory.current: \(fifo)", "cpu.max: \(fifo)", "cpu.pressure: \(fifo)",
            "memory.stat: failed (it is a folder, not a file)",
            "io.stat: failed (it is a symbolic link, which is not followed)",
        ]
        // Nothing is forbidden to root.
        if geteuid() != 0 { wanted.insert("pids.current: not_permitted") }
        let found = try rig.store.containers(all: true).first { $0.path == "/a" }
        #expect(Set(found?.absent ?? []) == wanted)
        #expect(try rig.metered() == ["/a": 50])
    }
}
