import CgroupFormat
import GRDB
import Metering
import Units

/// An account of the store: one life of one cgroup.
public struct Account: Hashable, Sendable {
    public let row: Int64
    public let cgroupID: Int64
    public var isTenantRoot: Bool
    /// `nil` for a tenant root, and for a cgroup that has become an inner one.
    public var position: Position?
    /// It held processes of its own: one container, whatever has grown below it since.
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
}

/// What one tick found of one cgroup.
public struct TickEntry: Sendable {
    /// `nil` for an account that is new.
    public var row: Int64?
    public var path: String
    public var cgroupID: Int64
    public var isTenantRoot: Bool
    public var runtime: String
    public var sample: Sample
    public var position: Position?
    public var parts: [Advance.Part]
    public var anomalies: [String]
    /// Devices whose account is closed.
    public var endedDevices: [DeviceNumber]
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
    /// Files whose absence began, changed or (`nil`) ended.
    public var absenceChanges: [String: Absence?]

    public init(
        row: Int64?, path: String, cgroupID: Int64, isTenantRoot: Bool, runtime: String,
        sample: Sample, position: Position?, parts: [Advance.Part], anomalies: [String],
        endedDevices: [DeviceNumber], isWhole: Bool, absences: [String: Absence],
        absenceChanges: [String: Absence?]
    ) {
        (self.row, self.path, self.cgroupID) = (row, path, cgroupID)
        (self.isTenantRoot, self.runtime) = (isTenantRoot, runtime)
        (self.sample, self.position, self.parts) = (sample, position, parts)
        (self.anomalies, self.absences) = (anomalies, absences)
        (self.endedDevices, self.isWhole) = (endedDevices, isWhole)
        self.absenceChanges = absenceChanges
    }

    /// The account as it stands once this entry is committed.
    public func account(_ row: Int64) -> Account {
        Account(
            row: row, cgroupID: cgroupID, isTenantRoot: isTenantRoot, position: position,
            isWhole: isWhole, absences: absences)
    }
}

/// All that one tick writes, in one transaction.
public struct TickRecord: Sendable {
    public var moment: Moment
    public var seen: Int
    public var vanished: Int
    public var failed: Int
    /// The highest cgroup id of the scan; 0 where ids do not count up.
    public var highestID: Int64
    public var durationMicroseconds: Int64
    /// A silence longer than this, in µs, is written down as a gap.
    public var longestHold: Int64
    public var entries: [TickEntry]
    /// Accounts that have become inner cgroups: what they count from now on is their children's.
    public var becameInner: [Int64]

    public init(
        moment: Moment, seen: Int, vanished: Int, failed: Int, highestID: Int64,
        durationMicroseconds: Int64, longestHold: Int64, entries: [TickEntry],
        becameInner: [Int64]
    ) {
        (self.moment, self.seen, self.vanished) = (moment, seen, vanished)
        (self.failed, self.highestID) = (failed, highestID)
        self.durationMicroseconds = durationMicroseconds
        (self.longestHold, self.entries) = (longestHold, entries)
        self.becameInner = becameInner
    }
}

/// A life of the collector, as the store knows it.
public struct Run: Sendable {
    public let row: Int64
    public let boot: Int64
    /// The accounts of this boot under this root, by cgroup id.
    public let accounts: [Int64: Account]
    /// The last tick of this boot under this root.
    public let lastTick: LastTick?

    /// A tick of an earlier run.
    public struct LastTick: Sendable {
        public let moment: Moment
        public let highestID: Int64
        /// Whether every cgroup could be read then.
        public let isComplete: Bool
    }
}

extension Store {
    /// Starts a run and hands back where every account of this boot stands.
    public func beginRun(
        bootID: String, root: String, intervalMilliseconds: Int64, at now: Instant
    ) throws(Fault) -> Run {
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO boot (boot_id, first_seen_ms) VALUES (?, ?)
                    ON CONFLICT DO NOTHING
                    """, arguments: [bootID, now.milliseconds])
            let boot = try Int64.fetchOne(
                db, sql: "SELECT id FROM boot WHERE boot_id = ?", arguments: [bootID])
            guard let boot else { preconditionFailure("a boot that was just written") }
            let last = try Row.fetchOne(
                db,
                sql: """
                    SELECT wall_ms, boottime_us, highest_id, failed FROM tick JOIN run ON run.id = tick.run
                    WHERE boot = ? AND root = ? ORDER BY tick.id DESC LIMIT 1
                    """, arguments: [boot, root])
            try db.execute(
                sql: "INSERT INTO run (boot, root, interval_ms, started_ms) VALUES (?, ?, ?, ?)",
                arguments: [boot, root, intervalMilliseconds, now.milliseconds])
            return Run(
                row: db.lastInsertedRowID, boot: boot, accounts: try accounts(db, boot),
                lastTick: last.map { row in
                    let wall = Instant(milliseconds: row["wall_ms"])
                    return Run.LastTick(
                        moment: Moment(wall: wall, bootMicroseconds: row["boottime_us"]),
                        highestID: row["highest_id"], isComplete: row["failed"] == 0)
                })
        }
    }

    /// Commits a tick: samples, positions, usage and completeness, or nothing of them.
    ///
    /// - Returns: the account row of each entry, in order.
    /// - Throws: also if the store's file was taken away, or another collector has started.
    public func commit(_ tick: TickRecord, of run: Run) throws(Fault) -> [Int64] {
        try requireFile()
        return try write { db in
            try requireNewest(db, run)
            try noteGap(db, before: tick, of: run)
            try db.execute(
                sql: """
                    INSERT INTO tick (run, wall_ms, boottime_us, seen, read, vanished, failed,
                        highest_id, duration_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    run.row, tick.moment.wall.milliseconds, tick.moment.bootMicroseconds,
                    tick.seen, tick.entries.count, tick.vanished, tick.failed, tick.highestID,
                    tick.durationMicroseconds,
                ])
            let tickRow = db.lastInsertedRowID
            let rows = try enrol(db, tick, run)
            var writer = try TickWriter(db, tick: tickRow, wall: tick.moment.wall)
            for (entry, row) in zip(tick.entries, rows) { try writer.write(entry, row) }
            for row in tick.becameInner {
                for table in ["position", "position_io"] {
                    try db.execute(
                        sql: "DELETE FROM \(table) WHERE container = ?", arguments: [row])
                }
            }
            return rows
        }
    }

    /// Two collectors on one store would count everything twice.
    private func requireNewest(_ db: Database, _ run: Run) throws {
        guard try Int64.fetchOne(db, sql: "SELECT max(id) FROM run") != run.row else { return }
        throw Fault(
            .failed, at: path, found: "another collector has begun to write into this store",
            cure: "Stop one of the two, or give it another store with --db")
    }

    private func noteGap(_ db: Database, before tick: TickRecord, of run: Run) throws {
        let last = try Row.fetchOne(
            db,
            sql: """
                SELECT wall_ms, boottime_us, boot FROM tick JOIN run ON run.id = tick.run
                ORDER BY tick.id DESC LIMIT 1
                """)
        guard let last else { return }
        let sameBoot = last["boot"] == run.boot
        let silence = tick.moment.bootMicroseconds - (last["boottime_us"] as Int64)
        guard !sameBoot || silence > tick.longestHold else { return }
        try db.execute(
            sql: "INSERT INTO gap (since_ms, until_ms, reason) VALUES (?, ?, ?)",
            arguments: [
                last["wall_ms"] as Int64, tick.moment.wall.milliseconds,
                sameBoot ? "not_running" : "rebooted",
            ])
    }

    /// The account rows of a tick's entries; new accounts are made and attributed.
    private func enrol(_ db: Database, _ tick: TickRecord, _ run: Run) throws -> [Int64] {
        let wall = tick.moment.wall.milliseconds
        var touch = try FastStatement(
            db,
            """
            UPDATE container SET last_seen_ms = ?, whole = max(whole, ?),
                kind = CASE ? WHEN 1 THEN 'tenant_root' ELSE 'container' END
            WHERE id = ?
            """)
        lazy var tenants = Result { try loadTenants(db) }
        return try tick.entries.map { entry in
            if let row = entry.row {
                touch.bind(wall)
                touch.bind(entry.isWhole ? 1 : 0)
                touch.bind(entry.isTenantRoot ? 1 : 0)
                touch.bind(row)
                try touch.run()
                return row
            }
            try db.execute(
                sql: """
                    INSERT INTO container (kind, boot, cgroup_id, path, runtime, whole, first_seen_ms,
                        last_seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    entry.isTenantRoot ? "tenant_root" : "container", run.boot, entry.cgroupID,
                    entry.path, entry.runtime, entry.isWhole ? 1 : 0, wall, wall,
                ])
            let row = db.lastInsertedRowID
            let facts = ContainerFacts(path: entry.path)
            if let tenant = attribute(facts, among: try tenants.get()) {
                // Its usage may reach back to the last tick, however long ago that was.
                try setTenant(db, of: row, to: tenant, since: beginningOfTime)
            }
            return row
        }
    }
}

/// Writes the rows of one tick.
private struct TickWriter {
    private let db: Database
    private let tick: Int64
    private let wall: Instant
    private let meters: [String: Int64]
    private var sample: FastStatement
    private var sampleIO: FastStatement
    private var usage: FastStatement
    private var positions: PositionWriter

    init(_ db: Database, tick: Int64, wall: Instant) throws {
        (self.db, self.tick, self.wall) = (db, tick, wall)
        meters = try meterRows(db)
        let marks = Array(repeating: "?", count: 14).joined(separator: ", ")
        sample = try FastStatement(db, "INSERT INTO sample VALUES (\(marks))")
        sampleIO = try FastStatement(db, "INSERT INTO sample_io VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        usage = try FastStatement(db, addUsageSQL(.sampled))
        positions = try PositionWriter(db)
    }

    mutating func write(_ entry: TickEntry, _ row: Int64) throws {
        try write(entry.sample, row)
        if let position = entry.position { try positions.write(position, row) }
        for part in entry.parts {
            guard let meter = meters[part.meter.name] else {
                preconditionFailure("no row in table meter for \(part.meter.name)")
            }
            // An advance holds no part that passes 64 bits.
            let quantity = Int64(part.quantity)
            for value in [part.hour.seconds, row, meter, quantity] { usage.bind(value) }
            try usage.run()
        }
        for device in entry.endedDevices {
            try db.execute(
                sql: "DELETE FROM position_io WHERE container = ? AND major = ? AND minor = ?",
                arguments: [row, device.major, device.minor])
        }
        for found in entry.anomalies {
            try db.execute(
                sql: "INSERT INTO anomaly (tick, container, found) VALUES (?, ?, ?)",
                arguments: [tick, row, found])
        }
        for (file, absence) in entry.absenceChanges {
            try db.execute(
                sql: """
                    UPDATE absence SET until_ms = ?
                    WHERE container = ? AND file = ? AND until_ms IS NULL
                    """, arguments: [wall.milliseconds, row, file])
            guard let absence else { continue }
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO absence (container, file, since_ms, reason, detail)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    row, file, wall.milliseconds, absence.reason.rawValue, absence.detail,
                ])
        }
    }

    private mutating func write(_ values: Sample, _ row: Int64) throws {
        let (cpu, memory) = (values.cpu, values.memory)
        let columns: [Int64?] = [
            tick, row, cpu?.usageMicroseconds, cpu?.userMicroseconds, cpu?.systemMicroseconds,
            cpu?.throttledMicroseconds, values.memoryCurrent, memory?.anon, memory?.file,
            memory?.kernel, memory?.sock, memory?.shmem, memory?.inactiveFile, values.pids,
        ]
        for value in columns { sample.bind(value) }
        try sample.run()
        for (device, io) in values.io ?? [:] {
            let columns: [Int64?] = [
                tick, row, device.major, device.minor, io.readBytes, io.writeBytes, io.readOps,
                io.writeOps,
            ]
            for value in columns { sampleIO.bind(value) }
            try sampleIO.run()
        }
    }
}

/// The statement that adds a quantity to a ledger row; binds hour, container, meter, quantity.
func addUsageSQL(_ assurance: Assurance) -> String {
    """
    INSERT INTO usage (hour_s, container, meter, assurance, quantity)
    VALUES (?, ?, ?, '\(assurance.rawValue)', ?)
    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity
    """
}

/// The rows of table meter, by name.
func meterRows(_ db: Database) throws -> [String: Int64] {
    try Row.fetchAll(db, sql: "SELECT name, id FROM meter")
        .reduce(into: [:]) { $0[$1["name"] as String] = $1["id"] as Int64 }
}
