import CgroupFormat
import GRDB
import Metering
import Units

/// Writes the positions of accounts: the readings up to which usage is billed.
struct PositionWriter {
    /// One row per account in table `position`.
    private var position: FastStatement
    /// One row per account and block device in table `position_io`.
    private var device: FastStatement
    /// One row per account and network interface in table `position_net`.
    private let network: Statement
    private let db: Database

    /// Prepares the statements.
    init(_ db: Database) throws {
        self.db = db
        position = try FastStatement(
            db,
            """
            INSERT OR REPLACE INTO position (container, cpu_usage_us, cpu_boottime_us,
                cpu_ahead_us, io_boottime_us, net_boottime_us, net_namespace, gauges)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        device = try FastStatement(
            db, "INSERT OR REPLACE INTO position_io VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        network = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO position_net VALUES (?, ?, ?, ?, ?, ?)")
    }

    /// Writes the position of an account.
    ///
    /// - Parameter row: the account's row in table `container`.
    mutating func write(_ at: Position, _ row: Int64) throws {
        // The parameters follow the order of the columns in the statement.
        position.bind(
            row, at.cpu?.value, at.cpu?.bootMicroseconds, at.cpu?.ahead ?? 0, at.ioSince,
            at.networkSince, at.network?.sample.namespace)
        position.bind(text: at.gauges.stored)
        try position.run()
        // Interfaces that the last reading did not have keep their old row. `addNetworks` skips it
        // by its time.
        if let mark = at.network {
            for (interface, counters) in mark.sample.counters.interfaces {
                try network.execute(arguments: [
                    row, mark.sample.namespace, interface, mark.bootMicroseconds,
                    counters.receivedBytes, counters.sentBytes,
                ])
            }
            // Without its row, such an interface would look new after a restart, and its past would
            // be billed.
            for interface in mark.sample.counters.unread {
                try network.execute(arguments: [
                    row, mark.sample.namespace, interface, mark.bootMicroseconds, nil, nil,
                ])
            }
        }
        // `ahead` is what was billed above the counter, or below it if negative, on account of the
        // tenant root.
        for (number, mark) in at.io {
            device.bind(
                row, number.major, number.minor, mark.bootMicroseconds, mark.counters.readBytes,
                mark.counters.writeBytes, mark.counters.readOps, mark.counters.writeOps,
                mark.ahead[0], mark.ahead[1], mark.ahead[2], mark.ahead[3])
            try device.run()
        }
    }

    /// Removes the position of a device that disappeared.
    func end(_ device: DeviceNumber, _ row: Int64) throws {
        try db.run(
            "DELETE FROM position_io WHERE container = ? AND major = ? AND minor = ?",
            [row, device.major, device.minor])
    }
}

extension Store {
    /// Loads the open accounts of a boot with their positions, by cgroup id.
    func accounts(_ db: Database, _ boot: Int64) throws -> [Int64: Account] {
        var accounts: [Int64: Account] = [:]
        // A closed account has no row in `position`, so the join leaves out what has ended.
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT container.id AS id, container.path AS path, container.kind AS kind,
                    container.whole AS whole, container.cgroup_id AS cgroup_id,
                    root.cgroup_id AS root_id, position.*
                FROM position JOIN container ON container.id = position.container
                LEFT JOIN container root ON root.id = container.root
                WHERE container.boot = ? ORDER BY container.id
                """, arguments: [boot])
        while let row = try rows.next() {
            accounts[row["cgroup_id"]] = Account(
                row: row["id"], cgroupID: row["cgroup_id"], path: row["path"],
                isTenantRoot: row["kind"] as String == "tenant_root", root: row["root_id"],
                position: try position(row), isWhole: row["whole"] == 1,
                absences: [:])
        }
        // These tables have several rows per account, so they are not part of the join above.
        try addDevices(db, boot, to: &accounts)
        try addNetworks(db, boot, to: &accounts)
        try addAbsences(db, boot, to: &accounts)
        return accounts
    }

    /// The position in a row of table `position`, without devices and the interfaces of its network.
    private func position(_ row: Row) throws -> Position {
        var position = Position()
        // Columns are NULL for what was never read; such a meter begins at its first reading.
        if let usage = row["cpu_usage_us"] as Int64?, let at = row["cpu_boottime_us"] as Int64? {
            position.cpu = Position.Mark(usage, ahead: row["cpu_ahead_us"], at: at)
        }
        // When devices were last read, so that a new device is told from one that was not read.
        position.ioSince = row["io_boottime_us"]
        position.networkSince = row["net_boottime_us"]
        if let namespace = row["net_namespace"] as Int64?, let at = position.networkSince {
            position.network = Position.NetworkMark(
                NetworkSample(namespace: namespace, counters: NetDev(interfaces: [:])), at: at)
        }
        guard let gauges = GaugeStates(stored: row["gauges"] as String) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "position of container \(row["container"] as Int64): gauges")
        }
        position.gauges = gauges
        return position
    }

    /// Adds the counters of block devices to the positions.
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
            let ahead = SIMD4<Int64>(
                row["read_bytes_ahead"], row["write_bytes_ahead"], row["read_ops_ahead"],
                row["write_ops_ahead"])
            // `ahead` has the four counters in the order read bytes, write bytes, reads, writes.
            accounts[row["cgroup_id"]]?.position?.io[device] = Position.DeviceMark(
                counters, ahead: ahead, at: row["boottime_us"])
        }
    }

    /// Adds the counters of network interfaces; rows of an earlier reading are skipped.
    private func addNetworks(
        _ db: Database, _ boot: Int64, to accounts: inout [Int64: Account]
    ) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT cgroup_id, n.* FROM position_net n JOIN container c ON c.id = n.container
                JOIN position p ON p.container = c.id
                WHERE boot = ? AND n.boottime_us = p.net_boottime_us
                """, arguments: [boot])
        while let row = try rows.next() {
            let (id, interface): (Int64, String) = (row["cgroup_id"], row["interface"])
            guard let received = row["rx_bytes"] as Int64?, let sent = row["tx_bytes"] as Int64?
            else {
                accounts[id]?.position?.network?.sample.counters.unread.insert(interface)
                continue
            }
            accounts[id]?.position?.network?.sample.counters.interfaces[interface] =
                NetDev.Counters(receivedBytes: received, sentBytes: sent)
        }
    }

    /// Adds what could not be read at the last tick, by file.
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
            // A reason of a newer version is unknown here; the absence then begins anew.
            guard let reason = Absence.Reason(rawValue: row["reason"]) else { continue }
            accounts[row["cgroup_id"]]?.absences[row["file"]] = Absence(
                reason, detail: row["detail"])
        }
    }
}
