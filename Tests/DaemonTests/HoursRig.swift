import CgroupFS
import CgroupFormat
import Daemon
import GRDB
import Metering
import Store
import TestSupport
import Testing
import Units

/// A made-up host with two tenants that a collector meters for some hours, a tick every ten minutes.
final class HoursRig {
    let folder: TemporaryFolder
    let store: Store
    let kernel = FakeKernel()
    private var random = SeededRandom(seed: 4)
    private var counters: [String: Int64] = [:]

    /// The hour in which metering begins.
    var start: Instant { kernel.at(0).wall }
    var day: Period {
        get throws {
            try #require(Period(start: start, end: start.advanced(bySeconds: 86_400)))
        }
    }

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        try store.adoptTenants(
            [
                Tenant(
                    id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: [.root("/t")]),
                Tenant(
                    id: "lab", name: "lab", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: [.cgroup("/web*")]),
            ], at: kernel.now().wall)
        kernel.host = HostCapacity(cpus: 2, memory: 1 << 30)
        kernel.cgroups = [
            FakeKernel.Cgroup("/t", id: 2, role: .tenantRoot),
            FakeKernel.Cgroup("/t/a", id: 3, root: 2), FakeKernel.Cgroup("/t/b", id: 4, root: 2),
            FakeKernel.Cgroup("/web", id: 5), FakeKernel.Cgroup("/idle", id: 6),
        ]
    }

    /// Lets every cgroup use something, then ticks; a collector that was killed begins anew.
    func run(ticks: Int, seconds: Int64 = 600) throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: seconds * 1000)
        for _ in 0..<ticks {
            use()
            _ = try collector.tick()
            kernel.seconds += seconds
        }
    }

    private func use() {
        let used = Dictionary(
            uniqueKeysWithValues: ["/t/a", "/t/b", "/web"].map {
                ($0, Int64.random(in: 0...90_000_000, using: &random))
            })
        counters["/t", default: 0] += (used["/t/a"] ?? 0) + (used["/t/b"] ?? 0)
        for (path, cpu) in used { counters[path, default: 0] += cpu }
        for index in kernel.cgroups.indices {
            let path = kernel.cgroups[index].found.path
            let (cpu, memory) = (counters[path] ?? 7, 4096 * Int64.random(in: 1...999, using: &random))
            kernel.cgroups[index].texts = [
                .cpuStat: "usage_usec \(cpu)\nuser_usec \(cpu / 3)\nsystem_usec \(cpu - cpu / 3)\n",
                .memoryCurrent: "\(memory)\n",
                .memoryStat:
                    "anon \(memory / 2)\nfile 0\nkernel 0\nsock 0\nshmem 0\ninactive_file 0\n",
                .ioStat: "8:0 rbytes=\(cpu) wbytes=\(cpu / 2) rios=3 wios=\(cpu / 4096)\n",
            ]
        }
    }

    /// Rows of a query as text.
    func rows(_ sql: String) throws -> [String] {
        try DatabaseQueue(path: store.path).read { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.map { String.fromDatabaseValue($1) ?? "\($1)" }.joined(separator: "|")
            }
        }
    }

    /// Does what nobody but a forger does: writes past the triggers.
    func forge(_ sql: String) throws {
        try DatabaseQueue(path: store.path).writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            let triggers = try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for trigger in triggers { try db.execute(sql: "DROP TRIGGER \(trigger)") }
            try db.execute(sql: sql)
        }
    }

    /// All samples of a container by path.
    func samples(_ path: String, byDevice: Bool = false) throws -> [SampleRow] {
        var rows: [SampleRow] = []
        for container in try store.containers(all: true) where container.path == path {
            try store.samples(SampleQuery(container: container.row, byDevice: byDevice)) {
                rows.append($0)
            }
        }
        return rows
    }
}
