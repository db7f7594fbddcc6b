import GRDB
import Metering
import Store
import TestSupport
import Units

/// A store that a test fills tick by tick, without a collector.
struct StoreRig {
    let folder: TemporaryFolder
    let store: Store
    /// 2026-11-23T15:00:00Z, the start of an hour.
    static let start = Instant(seconds: 1_795_446_000)

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
    }

    /// A moment so many seconds after the start and after boot.
    static func moment(_ seconds: Int64) -> Moment {
        Moment(wall: start.advanced(bySeconds: seconds), bootMicroseconds: seconds * 1_000_000)
    }

    func begin(boot: String = "b", root: String = "/", at seconds: Int64 = 0) throws -> Run {
        try store.beginRun(
            bootID: boot, root: root, intervalMilliseconds: 1000, at: Self.moment(seconds).wall)
    }

    /// The entry of a container with a position and an empty sample.
    static func entry(
        _ path: String, _ id: Int64, row: Int64? = nil, runtime: String = "cgroup",
        at seconds: Int64 = 0
    ) -> TickEntry {
        TickEntry(
            row: row, path: path, cgroupID: id, isTenantRoot: false, root: nil, runtime: runtime,
            sample: Sample(), position: Position(), isWhole: false, at: moment(seconds))
    }

    /// Commits a tick and returns the rows of its accounts.
    @discardableResult
    func tick(
        _ entries: [TickEntry], of run: Run, at seconds: Int64 = 0,
        _ change: (inout TickRecord) -> Void = { _ in }
    ) throws -> [Int64] {
        var record = TickRecord(
            moment: Self.moment(seconds), longestHold: .max, entries: entries)
        change(&record)
        return try store.commit(record, of: run)
    }

    /// Adds tenants with rules.
    func adopt(_ tenants: [String: [Rule]], at seconds: Int64 = 0) throws {
        let tenants = tenants.sorted { $0.key < $1.key }.map {
            Tenant(
                id: $0.key, name: $0.key, priceBook: nil, invoiceTo: InvoiceAddress(),
                match: $0.value)
        }
        try store.adoptTenants(tenants, at: Self.moment(seconds).wall)
    }

    /// Runs SQL on a connection of its own.
    func execute(_ sql: String) throws {
        try DatabaseQueue(path: store.path).write { try $0.execute(sql: sql) }
    }

    /// Rows of a query as text, with `|` between the columns.
    func rows(_ sql: String) throws -> [String] {
        try DatabaseQueue(path: store.path).read { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.map { String.fromDatabaseValue($1) ?? "\($1)" }.joined(separator: "|")
            }
        }
    }
}
