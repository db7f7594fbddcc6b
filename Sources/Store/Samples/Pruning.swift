import GRDB
import Units

/// What `prune` removed, or would remove.
public struct Pruned: Hashable, Sendable {
    /// Number of sealed blocks, of samples and of devices.
    public var blocks: Int64 = 0
    /// Number of samples, without those of single devices.
    public var samples: Int64 = 0
    /// Size of the blocks' data in bytes, without SQLite's overhead.
    public var bytes: Int64 = 0
    /// Number of ticks whose samples are removed.
    public var ticks: Int64 = 0

    /// Nothing was removed.
    public init() {}

    /// Adds what another transaction removed.
    static func += (sum: inout Pruned, more: Pruned) {
        sum.blocks += more.blocks
        sum.samples += more.samples
        sum.bytes += more.bytes
        sum.ticks += more.ticks
    }
}

extension Store {
    /// Number of blocks in one transaction, small enough that no tick has to wait long.
    private static let atOnce = 2000

    /// Counts what `prune` would remove.
    public func prunable(before time: Instant) throws(Fault) -> Pruned {
        try read { db in
            var pruned = Pruned()
            for table in [SampleTable.samples, .io] {
                pruned += try count(db, "\(table.sealed) WHERE hour_s < \(cutoff(time))")
            }
            pruned.ticks =
                try Int64.fetchOne(db, sql: "SELECT count(*) FROM tick WHERE \(isOld(time))") ?? 0
            return pruned
        }
    }

    /// Removes sealed samples of hours before the hour that contains `time`, and their ticks.
    ///
    /// No usage, control total, completeness or invoice changes. Free space in the file is reused
    /// and not returned to the disk.
    public func prune(before time: Instant) throws(Fault) -> Pruned {
        var all = Pruned()
        while true {
            let (some, isDone) = try pruneSome(before: time)
            all += some
            if isDone { return all }
        }
    }

    /// Removes one transaction's worth of old samples.
    ///
    /// - Returns: what was removed, and whether nothing is left to remove.
    public func pruneSome(before time: Instant) throws(Fault) -> (Pruned, isDone: Bool) {
        try write { db in
            // One table at a time: each call removes blocks of a single table.
            for table in [SampleTable.samples, .io] {
                let which = """
                    \(table.sealed) WHERE id IN (SELECT id FROM \(table.sealed)
                        WHERE hour_s < \(cutoff(time)) ORDER BY hour_s LIMIT \(Self.atOnce))
                    """
                let pruned = try count(db, which)
                guard pruned.blocks > 0 else { continue }
                // Ticks follow once no block is left, because samples need the time of their tick.
                try db.execute(sql: "DELETE FROM \(which)")
                return (pruned, false)
            }
            var pruned = Pruned()
            try db.execute(
                sql: """
                    DELETE FROM tick_failure
                    WHERE tick IN (SELECT id FROM tick WHERE \(isOld(time)))
                    """)
            try db.execute(sql: "DELETE FROM throttle_hour WHERE hour_s < \(cutoff(time))")
            // The newest measurement of a folder is what a new run of the daemon begins with.
            try db.execute(
                sql: """
                    DELETE FROM storage_reading WHERE at_ms < \(cutoff(time) * 1000) AND at_ms < (
                        SELECT max(r.at_ms) FROM storage_reading r
                        WHERE r.container = storage_reading.container)
                    """)
            try db.execute(sql: "DELETE FROM tick WHERE \(isOld(time))")
            pruned.ticks = Int64(db.changesCount)
            return (pruned, true)
        }
    }

    /// Counts the rows that a `FROM` clause selects from a table of blocks.
    private func count(_ db: Database, _ which: String) throws -> Pruned {
        var pruned = Pruned()
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT count(*) AS blocks, coalesce(sum(samples), 0) AS samples,
                    coalesce(sum(length(data)), 0) AS bytes FROM \(which)
                """)
        guard let row else { return pruned }
        pruned.blocks = row["blocks"]
        pruned.bytes = row["bytes"]
        // Samples of devices accompany a container's sample, which is counted already.
        pruned.samples = which.hasPrefix(SampleTable.io.sealed) ? 0 : row["samples"]
        return pruned
    }
}

/// The start of the hour that contains a time, in seconds since 1970.
private func cutoff(_ time: Instant) -> Int64 { time.startOfHour.seconds }

/// SQL condition: ticks whose samples are sealed and whose completeness is in the ledger.
///
/// The newest tick is kept in any case, because the next one continues from it.
private func isOld(_ time: Instant) -> String {
    """
    wall_ms < \(cutoff(time) * 1000) AND id <= \(lastClosedTick)
    AND id < (SELECT max(id) FROM tick)
    """
}
