import CgroupFormat
import GRDB
import Metering
import Units

/// Writes where accounts stand.
struct PositionWriter {
    private var position: FastStatement
    private var device: FastStatement

    init(_ db: Database) throws {
        position = try FastStatement(
            db,
            """
            INSERT OR REPLACE INTO position (container, cpu_usage_us, cpu_boottime_us,
                cpu_ahead_us, io_boottime_us, memory_boottime_us, current_bytes, current_carry,
                working_set_bytes, working_set_carry, unreclaimable_bytes, unreclaimable_carry)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        device = try FastStatement(
            db, "INSERT OR REPLACE INTO position_io VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    }

    mutating func write(_ values: Position, _ row: Int64) throws {
        for value in [
            row, values.cpu?.value, values.cpu?.bootMicroseconds, values.cpuAhead, values.ioSince,
            values.memory.values.first?.bootMicroseconds,
        ] { position.bind(value) }
        for formula in MemoryFormula.allCases {
            position.bind(values.memory[formula]?.bytes)
            position.bind(values.memory[formula]?.carry ?? 0)
        }
        try position.run()
        for (number, mark) in values.io {
            let columns: [Int64?] = [
                row, number.major, number.minor, mark.bootMicroseconds, mark.value.readBytes,
                mark.value.writeBytes, mark.value.readOps, mark.value.writeOps,
            ]
            for value in columns { device.bind(value) }
            try device.run()
        }
    }
}

extension Store {
    /// The accounts of a boot, by cgroup id.
    func accounts(_ db: Database, _ boot: Int64) throws -> [Int64: Account] {
        var accounts: [Int64: Account] = [:]
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT container.id AS id, container.path AS path, container.kind AS kind,
                    container.whole AS whole, container.cgroup_id AS cgroup_id,
                    root.cgroup_id AS root_id, position.*
                FROM container LEFT JOIN position ON position.container = container.id
                LEFT JOIN container root ON root.id = container.root
                WHERE container.boot = ? ORDER BY container.id
                """, arguments: [boot])
        while let row = try rows.next() {
            let hasPosition = row["container"] as Int64? != nil
            accounts[row["cgroup_id"]] = Account(
                row: row["id"], cgroupID: row["cgroup_id"], path: row["path"],
                isTenantRoot: row["kind"] as String == "tenant_root", root: row["root_id"],
                position: hasPosition ? position(row) : nil, isWhole: row["whole"] == 1,
                absences: [:])
        }
        try addDevices(db, boot, to: &accounts)
        try addAbsences(db, boot, to: &accounts)
        return accounts
    }

    private func position(_ row: Row) -> Position {
        var position = Position()
        if let usage = row["cpu_usage_us"] as Int64?, let at = row["cpu_boottime_us"] as Int64? {
            position.cpu = Position.Mark(usage, at: at)
        }
        position.cpuAhead = row["cpu_ahead_us"]
        position.ioSince = row["io_boottime_us"]
        if let at = row["memory_boottime_us"] as Int64? {
            for formula in MemoryFormula.allCases {
                position.memory[formula] = Position.Held(
                    bytes: row["\(formula.rawValue)_bytes"], at: at,
                    carry: row["\(formula.rawValue)_carry"])
            }
        }
        return position
    }

    private func addDevices(
        _ db: Database, _ boot: Int64, to accounts: inout [Int64: Account]
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT cgroup_id, position_io.* FROM position_io
                JOIN container ON container.id = position_io.container WHERE boot = ?
                """, arguments: [boot])
        while let row = try rows.next() {
            let device = DeviceNumber(major: row["major"], minor: row["minor"])
            let counters = IOCounters(
                readBytes: row["read_bytes"], writeBytes: row["write_bytes"],
                readOps: row["read_ops"], writeOps: row["write_ops"])
            accounts[row["cgroup_id"]]?.position?.io[device] = Position.Mark(
                counters, at: row["boottime_us"])
        }
    }

    private func addAbsences(
        _ db: Database, _ boot: Int64, to accounts: inout [Int64: Account]
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT cgroup_id, file, reason, detail FROM absence
                JOIN container ON container.id = absence.container
                WHERE boot = ? AND until_ms IS NULL
                """, arguments: [boot])
        while let row = try rows.next() {
            guard let reason = Absence.Reason(rawValue: row["reason"]) else { continue }
            accounts[row["cgroup_id"]]?.absences[row["file"]] = Absence(
                reason, detail: row["detail"])
        }
    }
}
