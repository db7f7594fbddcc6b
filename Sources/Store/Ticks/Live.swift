import GRDB
import Metering
import Units

extension Store {
    /// Memory, limits and rates of every container and tenant root in the last tick.
    ///
    /// Memory and limits are those of the last tick, however old it is. Rates are left out if that
    /// tick is too old to describe the present.
    ///
    /// - Parameters:
    ///   - now: the present time.
    ///   - bootID: the present boot. Within a boot, age is measured by a clock that is never set; a
    ///     tick of another boot always counts as old.
    public func live(at now: Moment, ofBoot bootID: String) throws(Fault) -> LiveReading {
        try read { db in
            // The last two ticks of the newest run: rates are differences between them.
            let ticks = try db.rows(
                """
                SELECT t.id, t.boottime_us, t.wall_ms, r.interval_ms, r.boot
                FROM tick t JOIN run r ON r.id = t.run
                WHERE t.run = (SELECT run FROM tick ORDER BY id DESC LIMIT 1)
                ORDER BY t.id DESC LIMIT 2
                """)
            guard let last = ticks.first else { return LiveReading([]) }
            let read = Instant(milliseconds: last["wall_ms"])
            let age = now.bootMicroseconds - (last["boottime_us"] as Int64)
            let isCurrent =
                try hostBoot(db, last["boot"]).map(String.init) == bootID
                && isRecent(
                    ageMilliseconds: age / 1000, intervalMilliseconds: last["interval_ms"])
            let before = ticks.count > 1 ? ticks[1] : nil
            let elapsed = before.map {
                (last["boottime_us"] as Int64) - ($0["boottime_us"] as Int64)
            }
            let containers = try Row.fetchAll(
                db, sql: liveSQL,
                arguments: ["last": last["id"] as Int64, "before": before?["id"] as Int64?]
            ).map { container($0, elapsed: isCurrent ? elapsed : nil) }
            return LiveReading(containers, silentSince: isCurrent ? nil : read)
        }
    }

    /// Builds one container from a row.
    ///
    /// - Parameter elapsed: µs between the last two ticks; `nil` if there are no current rates.
    private func container(_ row: Row, elapsed: Int64?) -> LiveContainer {
        func rate(_ column: String) -> Int64? {
            // A counter that went back gives no rate.
            guard let elapsed, elapsed > 0, let rise = row[column] as Int64?, rise >= 0 else {
                return nil
            }
            return Int64(clamping: Int128(rise) * 1_000_000 / Int128(elapsed))
        }
        var live = LiveContainer(
            row: row["id"], path: row["path"], tenant: row["tenant"], runtime: row["runtime"],
            kind: row["kind"] as String == "tenant_root" ? .tenantRoot : .container)
        live.root = row["root"]
        live.name = row["name"]
        live.memory = row["memory_bytes"]
        // The store has nanocores. Rates and limits are shown in millionths of a core.
        live.cpuLimit = (row["cpu_limit_nanocores"] as Int64?).map { $0 / 1000 }
        live.memoryLimit = row["memory_limit_bytes"]
        (live.cpuRate, live.throttledRate) = (rate("cpu"), rate("throttled"))
        (live.ioReadRate, live.ioWriteRate) = (rate("io_read"), rate("io_write"))
        (live.netReceiveRate, live.netSendRate) = (rate("net_rx"), rate("net_tx"))
        return live
    }
}

/// The last sample of each container, less the one before.
private let liveSQL = """
    SELECT c.id, c.path, c.kind, c.runtime, c.root, d.name, coalesce(a.tenant, 'unattributed') AS tenant,
        s.memory_bytes, s.cpu_limit_nanocores, s.memory_limit_bytes,
        s.cpu_usage_us - b.cpu_usage_us AS cpu, s.cpu_throttled_us - b.cpu_throttled_us AS throttled,
        s.net_rx_bytes - b.net_rx_bytes AS net_rx, s.net_tx_bytes - b.net_tx_bytes AS net_tx,
        (SELECT sum(read_bytes) FROM sample_io WHERE tick = s.tick AND container = s.container)
            - (SELECT sum(read_bytes) FROM sample_io WHERE tick = b.tick AND container = b.container)
            AS io_read,
        (SELECT sum(write_bytes) FROM sample_io WHERE tick = s.tick AND container = s.container)
            - (SELECT sum(write_bytes) FROM sample_io WHERE tick = b.tick AND container = b.container)
            AS io_write
    FROM sample s JOIN container c ON c.id = s.container
    LEFT JOIN sample b ON b.tick = :before AND b.container = s.container
    LEFT JOIN container_detail d ON d.container = c.id
    LEFT JOIN attribution a ON a.container = c.id AND a.until_s IS NULL
    WHERE s.tick = :last
    ORDER BY a.tenant IS NULL, a.tenant, c.path, c.id
    """
