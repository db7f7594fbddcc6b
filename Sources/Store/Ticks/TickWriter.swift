import CgroupFormat
import GRDB
import Metering
import Units

/// Writes the rows of one tick.
struct TickWriter {
    private let db: Database
    private let tick: Int64
    private let wall: Instant
    private let meters: [String: Int64]
    private var sample: FastStatement
    private var sampleIO: FastStatement
    /// By `Assurance.code`.
    private var usage: [FastStatement]
    /// The rows of meters that were written: a search among ten is faster than hashing a name.
    private var meterCache: [(meter: LedgerMeter, row: Int64)] = []
    private var positions: PositionWriter

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

    mutating func write(_ entry: TickEntry, _ row: Int64) throws {
        // Of an end that was not read there is at most a part, or what was deduced.
        if let sample = entry.sample, !entry.hasEnded || entry.lastReading == .whole {
            try write(sample, entry.limits, row)
        }
        try write(entry.parts, row)
        for control in entry.controls { try write(control, row) }
        if entry.hasEnded {
            try close(row)
        } else if let position = entry.position {
            try positions.write(position, row)
            for device in entry.endedDevices { try positions.end(device, row) }
        }
        if let unmetered = entry.unmetered { try write(unmetered, entry.moment, row) }
        for found in entry.anomalies { try write(found, row) }
        for (file, change) in entry.absenceChanges { try write(change, of: file, row) }
    }

    private func write(_ change: AbsenceChange, of file: String, _ row: Int64) throws {
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

    private func write(_ unmetered: Unmetered, _ moment: Moment, _ row: Int64) throws {
        let sql = "INSERT OR IGNORE INTO unmetered VALUES (?, ?, ?, ?, ?, 0)"
        let until = moment.wall.milliseconds
        switch unmetered {
        case .beforeFirstReading(let cpu):
            try db.execute(sql: sql, arguments: [row, nil, until, "before_first_reading", cpu])
        case .rootVanished(let since):
            let milliseconds = (moment.bootMicroseconds - since) / 1000
            try db.execute(
                sql: sql, arguments: [row, until - milliseconds, until, "root_vanished", nil])
        }
    }

    /// Lets an account count no more.
    func close(_ row: Int64) throws {
        try db.cachedStatement(sql: "UPDATE container SET last_seen_ms = ? WHERE id = ?")
            .execute(arguments: [wall.milliseconds, row])
        for table in ["position", "position_io", "position_net"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE container = ?")
                .execute(arguments: [row])
        }
    }

    /// Adds parts to the ledger.
    private mutating func write(_ parts: [Advance.Part], _ row: Int64) throws {
        for part in parts {
            let (meter, code) = (meterRow(part.meter), Int(part.assurance.code))
            // An advance holds no part that passes 64 bits.
            usage[code].bind(part.hour.seconds, row, meter, Int64(part.quantity))
            try usage[code].run()
        }
    }

    private mutating func meterRow(_ meter: LedgerMeter) -> Int64 {
        for known in meterCache where known.meter == meter { return known.row }
        guard let row = meters[meter.name] else {
            preconditionFailure("no row in table meter for \(meter.name)")
        }
        meterCache.append((meter, row))
        return row
    }

    /// Writes an anomaly down.
    func write(_ found: String, _ row: Int64) throws {
        try db.run(
            "INSERT INTO anomaly (at_ms, container, found) VALUES (?, ?, ?)",
            [wall.milliseconds, row, found])
    }

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
        for part in control.parts where part.quantity > 0 {
            try db.cachedStatement(
                sql: """
                    INSERT INTO control_total VALUES (?, ?, ?, 0, ?)
                    ON CONFLICT DO UPDATE SET \(addQuantity)
                    """
            ).execute(arguments: [row, part.hour.seconds, meter, Int64(part.quantity)])
        }
    }

    /// Adds to what the host could have given.
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
        // Counters of another hand may come to more than a row holds: that is no reading.
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

/// The statement that adds a quantity to an open row of the ledger; binds hour, container, meter,
/// quantity.
func addUsageSQL(_ assurance: Assurance) -> String {
    """
    INSERT INTO usage_open (hour_s, container, meter, assurance, quantity)
    VALUES (?, ?, ?, \(assurance.code), ?)
    ON CONFLICT DO UPDATE SET quantity = \(assurance == .imported
        ? "quantity + excluded.quantity" : addPart)
    """
}

/// SQL: adds a part, of which none passes 2^56, to a row unless that holds 2^62 already.
///
/// Made-up counters must not end the metering, and 146,000 years of a core in one hour are none.
private let addPart =
    "CASE WHEN quantity < 4611686018427387904 THEN quantity + excluded.quantity ELSE quantity END"

/// SQL: the same for what may be larger.
private let addQuantity = """
    quantity = quantity + CASE WHEN quantity < 4611686018427387904
        THEN min(excluded.quantity, 4611686018427387903) ELSE 0 END
    """

/// The rows of table meter, by name.
func meterRows(_ db: Database) throws -> [String: Int64] {
    try db.rows("SELECT name, id FROM meter")
        .reduce(into: [:]) { $0[$1["name"] as String] = $1["id"] as Int64 }
}
