import CgroupFormat
import GRDB
import Metering
import Units

/// Writes the rows of one tick, with statements that are prepared once.
struct TickWriter {
    private let db: Database
    /// The row of the tick.
    private let tick: Int64
    private let wall: Instant
    /// Rows of table `meter` by name.
    private let meters: [String: Int64]
    private var sample: FastStatement
    private var sampleIO: FastStatement
    /// Statements that add usage, indexed by `Assurance.code`.
    private var usage: [FastStatement]
    /// Meters that were looked up already; searching ten entries beats hashing a name.
    private var meterCache: [(meter: LedgerMeter, row: Int64)] = []
    private var positions: PositionWriter

    /// Prepares the statements.
    init(_ db: Database, tick: Int64, wall: Instant) throws {
        (self.db, self.tick, self.wall) = (db, tick, wall)
        meters = try meterRows(db)
        let marks = Array(repeating: "?", count: 30).joined(separator: ", ")
        sample = try FastStatement(db, "INSERT INTO sample VALUES (\(marks))")
        sampleIO = try FastStatement(db, "INSERT INTO sample_io VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        usage = try Assurance.allCases.sorted { $0.code < $1.code }
            .map { try FastStatement(db, addUsageSQL($0)) }
        positions = try PositionWriter(db)
    }

    /// Writes everything that a tick says about one account.
    ///
    /// - Parameter row: the account's row in table `container`.
    mutating func write(_ entry: TickEntry, _ row: Int64) throws {
        // A cgroup that ended unread has no complete sample, only what was deduced.
        if let sample = entry.sample, !entry.hasEnded || entry.lastReading == .whole {
            try write(sample, entry.limits, row)
        }
        try write(entry.parts, row)
        // Only tenant roots have control totals.
        for control in entry.controls { try write(control, row) }
        // The position of an account that has ended is deleted, otherwise it is replaced.
        if entry.hasEnded {
            try close(row)
        } else if let position = entry.position {
            try positions.write(position, row)
            for device in entry.endedDevices { try positions.end(device, row) }
        }
        if let unmetered = entry.unmetered { try write(unmetered, entry.moment, row) }
        if let storage = entry.storage { try write(storage, entry.moment, row) }
        for found in entry.anomalies { try write(found, row) }
        for (file, change) in entry.absenceChanges { try write(change, of: file, row) }
    }

    /// Ends the absence of a file, and begins a new one if the change says so.
    private func write(_ change: AbsenceChange, of file: String, _ row: Int64) throws {
        // End the absence that is open for this file, whatever the change is.
        try db.run(
            """
            UPDATE absence SET until_ms = ?
            WHERE container = ? AND file = ? AND until_ms IS NULL
            """, [wall.milliseconds, row, file])
        guard case .began(let absence, let since) = change else { return }
        try db.run(
            """
            INSERT OR REPLACE INTO absence (container, file, since_ms, reason, detail)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                row, file, (since ?? wall).milliseconds, absence.reason.rawValue, absence.detail,
            ])
    }

    /// Records what a folder held; the same measurement is recorded once.
    private func write(_ storage: StorageReading, _ moment: Moment, _ row: Int64) throws {
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO storage_reading VALUES (?, ?, ?, ?)")
            .execute(arguments: [
                row, moment.wall(at: storage.bootMicroseconds).milliseconds, storage.bytes,
                storage.method.rawValue,
            ])
    }

    /// Records usage that is billed to nobody.
    private func write(_ unmetered: Unmetered, _ moment: Moment, _ row: Int64) throws {
        let sql = "INSERT OR IGNORE INTO unmetered VALUES (?, ?, ?, ?, ?, 0)"
        let until = moment.wall.milliseconds
        switch unmetered {
        // What the counter had reached before the first reading, in µs, was never billed.
        case .beforeFirstReading(let cpu):
            try db.execute(sql: sql, arguments: [row, nil, until, "before_first_reading", cpu])
        // The wall time of the start is counted back from now, by the clock since boot.
        case .rootVanished(let since):
            let milliseconds = (moment.bootMicroseconds - since) / 1000
            try db.execute(
                sql: sql, arguments: [row, until - milliseconds, until, "root_vanished", nil])
        }
    }

    /// Closes an account: it has no position any more.
    func close(_ row: Int64) throws {
        try db.cachedStatement(sql: "UPDATE container SET last_seen_ms = ? WHERE id = ?")
            .execute(arguments: [wall.milliseconds, row])
        for table in ["position", "position_io", "position_net"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE container = ?")
                .execute(arguments: [row])
        }
    }

    /// Adds usage to the open rows of the ledger.
    private mutating func write(_ parts: [Advance.Part], _ row: Int64) throws {
        for part in parts {
            let (meter, code) = (meterRow(part.meter), Int(part.assurance.code))
            // `Advance` guarantees that a part fits into 64 bits.
            usage[code].bind(part.hour.seconds, row, meter, Int64(part.quantity))
            try usage[code].run()
        }
    }

    /// The row of a meter.
    private mutating func meterRow(_ meter: LedgerMeter) -> Int64 {
        for known in meterCache where known.meter == meter { return known.row }
        guard let row = meters[meter.name] else {
            preconditionFailure("no row in table meter for \(meter.name)")
        }
        meterCache.append((meter, row))
        return row
    }

    /// Records an anomaly of the kernel's values.
    func write(_ found: String, _ row: Int64) throws {
        try db.run(
            "INSERT INTO anomaly (at_ms, container, found) VALUES (?, ?, ?)",
            [wall.milliseconds, row, found])
    }

    /// Updates the control totals of a tenant root, with which `octroi audit` compares the ledger.
    ///
    /// The numbers 2^62 and 2^62 - 1 bound the sums, so that counters that are not the kernel's
    /// cannot overflow them.
    private func write(_ control: Control, _ row: Int64) throws {
        let meter = meters[control.counter.meter.name]
        let (major, minor) = (
            control.counter.device?.major ?? 0, control.counter.device?.minor ?? 0
        )
        let key: [(any DatabaseValueConvertible)?] = [row, meter, major, minor]
        try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO control VALUES (?, ?, ?, ?, ?5, ?5, 0, 0)"
        ).execute(arguments: StatementArguments(key + [control.baseline]))
        let same = "WHERE container = ? AND meter = ? AND major = ? AND minor = ?"
        // The counter started again from 0, for example because the slice was removed and created
        // anew. What it had counted is added to `closed`.
        if control.restarts {
            try db.cachedStatement(
                sql: """
                    UPDATE control SET closed = CASE WHEN closed < 4611686018427387904
                            THEN closed + min(last - baseline, 4611686018427387903)
                            ELSE closed END,
                        baseline = ?, last = max(last, ?) \(same)
                    """
            ).execute(
                arguments: StatementArguments([control.baseline, control.baseline] + key))
        }
        try db.cachedStatement(sql: "UPDATE control SET last = ?, pending = ? \(same)")
            .execute(arguments: StatementArguments([control.last, control.pending] + key))
        // The part of each hour, for audits of a period.
        for part in control.parts where part.quantity > 0 {
            try db.cachedStatement(
                sql: """
                    INSERT INTO control_total VALUES (?, ?, ?, 0, ?)
                    ON CONFLICT DO UPDATE SET \(addQuantity)
                    """
            ).execute(arguments: [row, part.hour.seconds, meter, Int64(part.quantity)])
        }
    }

    /// Adds to the capacity of the host: what it could have provided.
    func write(_ capacity: [Advance.Part], boot: Int64) throws {
        for part in capacity {
            try db.cachedStatement(
                sql: """
                    INSERT INTO capacity VALUES (?, ?, ?, 0, ?)
                    ON CONFLICT DO UPDATE SET \(addQuantity)
                    """
            ).execute(arguments: [
                part.hour.seconds, boot, meters[part.meter.name], Int64(part.quantity),
            ])
        }
    }

    /// Writes the sample of one account, and one row for each of its devices.
    private mutating func write(
        _ values: Sample, _ limits: Reservation, _ row: Int64
    ) throws {
        let (cpu, memory, events) = (values.cpu, values.memory, values.memoryEvents)
        sample.bind(
            tick, row, cpu?.usageMicroseconds, cpu?.userMicroseconds, cpu?.systemMicroseconds,
            cpu?.throttledMicroseconds, values.memoryCurrent, memory?.anon, memory?.file,
            memory?.kernel, memory?.sock, memory?.shmem, memory?.inactiveFile, values.pids)
        sample.bind(
            values.memorySwap, values.memoryPeak, events?.high, events?.max, events?.oomKill,
            cpu?.throttledPeriods, values.cpuPressure?.some, values.memoryPressure?.some,
            values.memoryPressure?.full, values.ioPressure?.some, values.ioPressure?.full,
            values.frozenMicroseconds, limits.cpu, limits.memory)
        // Counters that are not the kernel's may exceed 64 bits in sum; store NULL then.
        let interfaces = values.network?.counters.interfaces.values
        let received = interfaces?.reduce(0 as Int128) { $0 + Int128($1.receivedBytes) }
        let sent = interfaces?.reduce(0 as Int128) { $0 + Int128($1.sentBytes) }
        sample.bind(
            received.flatMap { Int64(exactly: $0) }, sent.flatMap { Int64(exactly: $0) })
        try sample.run()
        for (device, io) in values.io ?? [:] {
            sampleIO.bind(
                tick, row, device.major, device.minor, io.readBytes, io.writeBytes, io.readOps,
                io.writeOps)
            try sampleIO.run()
        }
    }
}

/// SQL that adds a quantity to an open row of the ledger.
///
/// Its parameters are hour, container, meter and quantity.
func addUsageSQL(_ assurance: Assurance) -> String {
    """
    INSERT INTO usage_open (hour_s, container, meter, assurance, quantity)
    VALUES (?, ?, ?, \(assurance.code), ?)
    ON CONFLICT DO UPDATE SET quantity = \(assurance == .imported
        ? "quantity + excluded.quantity" : addPart)
    """
}

/// SQL that adds a part of at most 2^56 to a quantity, unless that has reached 2^62.
///
/// Forged counters must not stop metering. A real quantity never gets there: 2^62 µs would be
/// 146,000 years of one core within an hour.
private let addPart =
    "CASE WHEN quantity < 4611686018427387904 THEN quantity + excluded.quantity ELSE quantity END"

/// SQL that adds a quantity of any size, limiting it to 2^62 - 1.
private let addQuantity = """
    quantity = quantity + CASE WHEN quantity < 4611686018427387904
        THEN min(excluded.quantity, 4611686018427387903) ELSE 0 END
    """

/// The rows of table `meter`, by name.
func meterRows(_ db: Database) throws -> [String: Int64] {
    try db.rows("SELECT name, id FROM meter")
        .reduce(into: [:]) { $0[$1["name"] as String] = $1["id"] as Int64 }
}
