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
    private var usage: [Assurance: FastStatement]
    private var positions: PositionWriter

    init(_ db: Database, tick: Int64, wall: Instant) throws {
        (self.db, self.tick, self.wall) = (db, tick, wall)
        meters = try meterRows(db)
        let marks = Array(repeating: "?", count: 14).joined(separator: ", ")
        sample = try FastStatement(db, "INSERT INTO sample VALUES (\(marks))")
        sampleIO = try FastStatement(db, "INSERT INTO sample_io VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        usage = [:]
        for assurance in Assurance.allCases {
            usage[assurance] = try FastStatement(db, addUsageSQL(assurance))
        }
        positions = try PositionWriter(db)
    }

    mutating func write(_ entry: TickEntry, _ row: Int64) throws {
        try write(entry.sample, row)
        if let position = entry.position { try positions.write(position, row) }
        try write(entry.parts, row)
        if let control = entry.control { try write(control, row) }
        for device in entry.endedDevices {
            try db.execute(
                sql: "DELETE FROM position_io WHERE container = ? AND major = ? AND minor = ?",
                arguments: [row, device.major, device.minor])
        }
        for found in entry.anomalies { try write(found, row) }
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

    /// Writes what an ended account is still billed.
    mutating func write(_ tail: Tail) throws {
        try write(tail.parts, tail.row)
        guard tail.control > 0, let part = tail.parts.first else { return }
        try addControl(HourPart(hour: part.hour, quantity: part.quantity), tail.row)
        try db.execute(
            sql: "UPDATE control SET pending = 0 WHERE container = ? AND meter = ?",
            arguments: [tail.row, meters[Meter.cpu.name]])
    }

    /// Adds parts to the ledger.
    private mutating func write(_ parts: [Advance.Part], _ row: Int64) throws {
        for part in parts {
            guard let meter = meters[part.meter.name] else {
                preconditionFailure("no row in table meter for \(part.meter.name)")
            }
            // An advance holds no part that passes 64 bits.
            let quantity = Int64(part.quantity)
            for value in [part.hour.seconds, row, meter, quantity] {
                usage[part.assurance]?.bind(value)
            }
            try usage[part.assurance]?.run()
        }
    }

    /// Writes an anomaly down.
    func write(_ found: String, _ row: Int64) throws {
        try db.execute(
            sql: "INSERT INTO anomaly (tick, container, found) VALUES (?, ?, ?)",
            arguments: [tick, row, found])
    }

    private func write(_ control: Control, _ row: Int64) throws {
        let meter = meters[Meter.cpu.name]
        if let baseline = control.baseline {
            try db.execute(
                sql: "INSERT OR IGNORE INTO control VALUES (?, ?, ?, ?, 0)",
                arguments: [row, meter, baseline, baseline])
        }
        try db.execute(
            sql: "UPDATE control SET last = ?, pending = ? WHERE container = ? AND meter = ?",
            arguments: [control.last, control.pending, row, meter])
        for part in control.parts where part.quantity > 0 { try addControl(part, row) }
    }

    private func addControl(_ part: HourPart, _ row: Int64) throws {
        try db.execute(
            sql: """
                INSERT INTO control_total VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity
                """,
            arguments: [part.hour.seconds, row, meters[Meter.cpu.name], Int64(part.quantity)])
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
