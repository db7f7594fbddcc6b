import GRDB
import Metering
import Units

extension Store {
    /// Starts a run of the collector and loads the positions of all accounts of this boot.
    ///
    /// - Parameters:
    ///   - bootID: identifies the boot of the host.
    ///   - root: the path of the cgroup tree.
    ///   - intervalMilliseconds: the planned time between ticks.
    /// - Throws: `failed` if the store has open accounts of another tree in the same boot.
    public func beginRun(
        bootID: String, root: String, intervalMilliseconds: Int64, at now: Instant
    ) throws(Fault) -> Run {
        try write { db in
            try db.run(
                """
                INSERT INTO boot (boot_id, first_seen_ms) VALUES (?, ?)
                ON CONFLICT DO NOTHING
                """, [bootID, now.milliseconds])
            let boot = try db.value(
                Int64.self, "SELECT id FROM boot WHERE boot_id = ?", [bootID])
            guard let boot else { preconditionFailure("a boot that was just written") }
            try refuseOtherTree(db, boot, root)
            let last = try db.row(
                """
                SELECT wall_ms, boottime_us, highest_id, failed, epoch FROM tick JOIN run ON run.id = tick.run
                WHERE boot = ? AND root = ? ORDER BY tick.id DESC LIMIT 1
                """, [boot, root])
            // This tick may be of another boot or tree.
            let newest = try lastTick(db)?.moment.wall
            try db.run(
                "INSERT INTO run (boot, root, interval_ms, started_ms) VALUES (?, ?, ?, ?)",
                [boot, root, intervalMilliseconds, now.milliseconds])
            return Run(
                row: db.lastInsertedRowID, boot: boot, accounts: try accounts(db, boot),
                lastTick: last.map { row in
                    let wall = Instant(milliseconds: row["wall_ms"])
                    return LastTick(
                        moment: Moment(wall: wall, bootMicroseconds: row["boottime_us"]),
                        highestID: row["highest_id"], isComplete: row["failed"] == 0,
                        epoch: row["epoch"])
                }, newestTick: newest)
        }
    }

    /// Refuses to collect a second tree of the same boot.
    ///
    /// Trees may overlap, or one may hide accounts of the other, so that neither could be exact.
    private func refuseOtherTree(_ db: Database, _ boot: Int64, _ root: String) throws {
        let other = try db.value(
            String.self,
            """
            SELECT root FROM run WHERE boot = ? AND root <> ? AND EXISTS (
                SELECT 1 FROM position p JOIN container c ON c.id = p.container
                WHERE c.boot = run.boot)
            ORDER BY id DESC LIMIT 1
            """, [boot, root])
        guard let other else { return }
        throw Fault(
            .failed, at: path,
            problem: "it holds the accounts of another tree of this boot, \(other)",
            suggestion: "Collect \(root) into a store of its own (--db), or collect \(other) here")
    }

    /// Stores one tick: samples, positions, usage and completeness, either all of it or nothing.
    ///
    /// The first tick of a new hour also seals the samples and closes the hours before it in the
    /// ledger.
    ///
    /// - Returns: the account row of each entry, in order.
    /// - Throws: `failed` also if the store's file was removed, replaced or emptied, or if another
    ///   collector has started.
    public func commit(_ tick: TickRecord, of run: Run) throws(Fault) -> [Int64] {
        try requireFile()
        return try write { db in
            // This check is inside the transaction, so a second collector cannot begin in between.
            try requireNewest(db, run)
            let last = try lastTick(db)
            let hour = tick.moment.wall.startOfHour
            let isNewHour = last.map { $0.moment.wall.startOfHour < hour } ?? false
            // Seal before this tick's samples are written, as they belong to the new hour.
            if isNewHour { try sealSamples(db) }
            if let last { try noteGap(db, after: last, before: tick, of: run) }
            let tickRow = try writeTick(db, tick, run)
            let rows = try registerAccounts(db, tick, run)
            var writer = try TickWriter(db, tick: tickRow, wall: tick.moment.wall)
            // Access entries by index, because an entry is large and a loop variable would copy it.
            for index in rows.indices { try writer.write(tick.entries[index], rows[index]) }
            try linkRoots(db, tick, rows)
            for row in tick.closed { try writer.close(row) }
            try writer.write(tick.capacity, boot: run.boot)
            if isNewHour {
                try closeHours(
                    db, before: hour, lastTick: tickRow - 1, at: tick.moment.wall)
            }
            return rows
        }
    }

    /// Writes the row of the tick itself, with its completeness.
    private func writeTick(_ db: Database, _ tick: TickRecord, _ run: Run) throws -> Int64 {
        let complete = tick.completeness
        try db.run(
            """
            INSERT INTO tick (run, wall_ms, boottime_us, seen, read, vanished, failed,
                highest_id, duration_us, epoch, bracket_us, births, ends, last_readings, skipped)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                run.row, tick.moment.wall.milliseconds, tick.moment.bootMicroseconds,
                complete.seen, tick.entries.count, complete.vanished,
                complete.failed.values.reduce(0, +), tick.highestID,
                complete.durationMicroseconds, complete.epoch, complete.bracketMicroseconds,
                complete.births, complete.ends, complete.lastReadings, complete.skipped,
            ])
        let row = db.lastInsertedRowID
        for (errno, count) in complete.failed {
            try db.run(
                "INSERT INTO tick_failure VALUES (?, ?, ?)", [row, errno, count])
        }
        return row
    }

    /// Records the tenant root above each new account.
    private func linkRoots(_ db: Database, _ tick: TickRecord, _ rows: [Int64]) throws {
        let new = rows.indices.filter { tick.entries[$0].isNewBelowRoot }
        guard !new.isEmpty else { return }
        var rowOfRoot: [Int64: Int64] = [:]
        for index in rows.indices where tick.entries[index].isTenantRoot {
            rowOfRoot[tick.entries[index].cgroupID] = rows[index]
        }
        for index in new {
            guard let root = tick.entries[index].root.flatMap({ rowOfRoot[$0] }) else { continue }
            try db.run(
                "UPDATE container SET root = ? WHERE id = ?", [root, rows[index]])
        }
    }

    /// Refuses to write if a newer run has begun: two collectors would count everything twice.
    private func requireNewest(_ db: Database, _ run: Run) throws {
        guard try db.value(Int64.self, "SELECT max(id) FROM run") != run.row else { return }
        throw Fault(
            .failed, at: path, problem: "another collector has begun to write into this store",
            suggestion: "Stop one of the two, or give it another store with --db")
    }

    /// The newest tick of any run.
    private func lastTick(_ db: Database) throws -> (boot: Int64, moment: Moment)? {
        try db.row(
            """
            SELECT wall_ms, boottime_us, boot FROM tick JOIN run ON run.id = tick.run
            ORDER BY tick.id DESC LIMIT 1
            """
        ).map { row in
            let wall = Instant(milliseconds: row["wall_ms"])
            return (row["boot"], Moment(wall: wall, bootMicroseconds: row["boottime_us"]))
        }
    }

    /// Records the time since the last tick as a gap, if it is too long to interpolate.
    private func noteGap(
        _ db: Database, after last: (boot: Int64, moment: Moment), before tick: TickRecord,
        of run: Run
    ) throws {
        // Rows of `boot` identify a boot and, for a plain folder, the folder.
        let sameTree = last.boot == run.boot
        let silence = tick.moment.bootMicroseconds - last.moment.bootMicroseconds
        guard !sameTree || silence > tick.longestHold else { return }
        // If another tree (`--root`) of the same boot was read meanwhile, this was no reboot.
        let sameBoot = try sameTree || hostBoot(db, last.boot) == hostBoot(db, run.boot)
        try db.run(
            "INSERT INTO gap (since_ms, until_ms, reason) VALUES (?, ?, ?)",
            [
                last.moment.wall.milliseconds, tick.moment.wall.milliseconds,
                sameBoot ? "not_running" : "rebooted",
            ])
    }

    /// The kernel's boot id of a boot.
    ///
    /// For a plain folder the stored text is the boot id, a space and the folder.
    func hostBoot(_ db: Database, _ boot: Int64) throws -> Substring? {
        try db.value(String.self, "SELECT boot_id FROM boot WHERE id = ?", [boot])?
            .prefix { $0 != " " }
    }

    /// Whether no tenant owns a container now.
    private func isNobodys(_ db: Database, _ container: Int64) throws -> Bool {
        let owned = try db.value(
            Int64.self, "SELECT 1 FROM attribution WHERE container = ? AND until_s IS NULL",
            [container])
        return owned == nil
    }

    /// The account rows of a tick's entries, after inserting new accounts and their tenants.
    private func registerAccounts(_ db: Database, _ tick: TickRecord, _ run: Run) throws -> [Int64]
    {
        let wall = tick.moment.wall.milliseconds
        lazy var tenants = Result { TenantIndex(try loadTenants(db)) }
        return try tick.entries.indices.map { index in
            // The usual case: the account is known and nothing about it has changed.
            if let row = tick.entries[index].row, !tick.entries[index].isRelabelled { return row }
            let entry = tick.entries[index]
            if let row = entry.row {
                try db.run(
                    "UPDATE container SET whole = max(whole, ?), kind = ? WHERE id = ?",
                    [
                        entry.isWhole, entry.isTenantRoot ? "tenant_root" : "container", row,
                    ])
                // A rule for cgroups below it may match it now that it is known to be one
                // container.
                if entry.isWhole, !entry.isTenantRoot, try isNobodys(db, row) {
                    try attributeAnew(db, row, among: try tenants.get(), at: tick.moment.wall)
                }
                return row
            }
            try db.run(
                """
                INSERT INTO container (kind, boot, cgroup_id, path, runtime, whole, first_seen_ms,
                    last_seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    entry.isTenantRoot ? "tenant_root" : "container", run.boot, entry.cgroupID,
                    entry.path, entry.runtime, entry.isWhole ? 1 : 0, wall, wall,
                ])
            let row = db.lastInsertedRowID
            let facts = ContainerFacts(path: entry.path, isWhole: entry.isWhole)
            if let tenant = try tenants.get().tenant(of: facts) {
                // Its usage may begin at the last tick, however long ago that was.
                try setTenant(db, of: row, to: tenant, since: .earliest)
            }
            return row
        }
    }
}
