import Daemon
import GRDB
import Metering
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// A made-up host with two tenants that a collector meters for some hours, a tick every ten minutes.
final class HoursRig {
    let folder: TemporaryFolder
    let store: Store
    var kernel: FakeKernel { rehearsal.kernel }
    private let rehearsal = Rehearsal()
    private var ticks: Int64 = 0

    /// The hour in which metering begins.
    var start: Instant { kernel.at(0).wall }
    var day: Period {
        get throws {
            try #require(Period(start: start, end: start.advanced(bySeconds: 86_400)))
        }
    }

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        try store.adoptTenants(Rehearsal.tenants, at: kernel.now().wall)
    }

    /// So many ticks of a new collector, each after what is to be done before it.
    func run(ticks count: Int, before: () -> Void = {}) throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 600_000, in: .utc)
        for _ in 0..<count {
            rehearsal.set(tick: ticks)
            before()
            _ = try collector.tick()
            ticks += 1
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
