import GRDB
import Units

/// Sealed samples that go, or would go.
public struct Pruned: Hashable, Sendable {
    public var blocks: Int64 = 0
    public var samples: Int64 = 0
    /// Of the blocks' own data.
    public var bytes: Int64 = 0
    public var ticks: Int64 = 0

    public init() {}

    static func += (sum: inout Pruned, more: Pruned) {
        sum.blocks += more.blocks
        sum.samples += more.samples
        sum.bytes += more.bytes
        sum.ticks += more.ticks
    }
}

extension Store {
    /// Blocks of one transaction: few enough that no tick waits for long.
    private static let atOnce = 2000

    /// What `prune` would remove.
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

    /// Removes sealed samples of hours before the one that `time` is in, and their ticks.
    ///
    /// No usage, control total, completeness or invoice changes. Space is used again, not given back
    /// to the disk.
    public func prune(before time: Instant) throws(Fault) -> Pruned {
        var all = Pruned()
        while true {
            let (some, isDone) = try pruneSome(before: time)
            all += some
            if isDone { return all }
        }
    }

    /// One transaction of `prune`.
    public func pruneSome(before time: Instant) throws(Fault) -> (Pruned, isDone: Bool) {
        try write { db in
            for table in [SampleTable.samples, .io] {
                let which = """
                    \(table.sealed) WHERE id IN (SELECT id FROM \(table.sealed)
                        WHERE hour_s < \(cutoff(time)) ORDER BY hour_s LIMIT \(Self.atOnce))
                    """
                let pruned = try count(db, which)
                guard pruned.blocks > 0 else { continue }
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
            try db.execute(sql: "DELETE FROM tick WHERE \(isOld(time))")
            pruned.ticks = Int64(db.changesCount)
            return (pruned, true)
        }
    }

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
        // A row of a device belongs to a sample that is counted already.
        pruned.samples = which.hasPrefix(SampleTable.io.sealed) ? 0 : row["samples"]
        return pruned
    }
}

private func cutoff(_ time: Instant) -> Int64 { time.startOfHour.seconds }

/// Ticks whose samples are sealed and whose completeness is in the ledger.
private func isOld(_ time: Instant) -> String {
    """
    wall_ms < \(cutoff(time) * 1000) AND id <= \(lastClosedTick)
    AND id < (SELECT max(id) FROM tick)
    """
}
