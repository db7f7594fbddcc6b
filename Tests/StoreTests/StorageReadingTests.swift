import Metering
import Store
import TestSupport
import Testing
import Units

/// Measurements of folders, as ticks record them and runs of the daemon begin with them.
@Suite struct StorageReadingTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    private func at(_ seconds: Int64) -> Instant { StoreRig.moment(seconds).wall }

    /// The entry of a folder with a measurement that was made at its moment or before.
    private func entry(
        _ path: String, _ id: Int64, row: Int64? = nil, bytes: Int64?, measured: Int64,
        by method: StorageReading.Method = .walk, at seconds: Int64
    ) -> TickEntry {
        var entry = StoreRig.entry(
            StorageReading.prefix + path, id, row: row, runtime: "storage", at: seconds)
        entry.sample = nil
        entry.storage = StorageReading(path, bytes: bytes, by: method, at: measured * 1_000_000)
        return entry
    }

    @Test func readingsAreFoundByTheirOwnTime() throws {
        let run = try rig.begin()
        let row = try rig.tick(
            [entry("/srv/a", -1, bytes: 10, measured: 4, at: 10)], of: run, at: 10)[0]
        for (bytes, measured, seconds) in [(10, 4, 20), (30, 25, 30), (20, 35, 40)]
            as [(Int64, Int64, Int64)]
        {
            try rig.tick(
                [entry("/srv/a", -1, row: row, bytes: bytes, measured: measured, at: seconds)],
                of: run, at: seconds)
        }
        func found(_ start: Int64, _ end: Int64, of row: Int64) throws -> [Int64] {
            let period = try #require(Period(start: at(start), end: at(end)))
            return try rig.store.storageReadings(of: row, over: period).map(\.bytes)
        }
        // The same measurement in two ticks is recorded once, at the time it was made.
        #expect(try found(0, 60, of: row) == [10, 30, 20])
        #expect(try found(4, 35, of: row) == [10, 30])
        #expect(try found(5, 36, of: row) == [30, 20])
        #expect(try found(26, 35, of: row).isEmpty && found(0, 60, of: row + 1).isEmpty)
    }

    @Test func theNewestOfEachFolderIsWhatARunBeginsWith() throws {
        let run = try rig.begin()
        let rows = try rig.tick(
            [
                entry("/srv/a", -1, bytes: 1, measured: 1, at: 10),
                entry("/srv/b", -2, bytes: 5, measured: 2, by: .quota, at: 10),
                StoreRig.entry("/web", 3, at: 10),
            ], of: run, at: 10)
        try rig.tick(
            [entry("/srv/a", -1, row: rows[0], bytes: 2, measured: 15, at: 20)], of: run, at: 20)
        // In another boot the same folder has another account.
        let again = try rig.begin(boot: "c", at: 100)
        try rig.tick(
            [entry("/srv/b", -1, bytes: 6, measured: 105, at: 110)], of: again, at: 110)
        let now = Moment(wall: at(200), bootMicroseconds: 50_000_000)
        let found = try rig.store.storageReadings(at: now).sorted { $0.folder < $1.folder }
        #expect(
            found == [
                // Counted back from now: 185 s ago was before this boot.
                StorageReading("/srv/a", bytes: 2, by: .walk, at: -135_000_000),
                StorageReading("/srv/b", bytes: 6, by: .walk, at: -45_000_000),
            ])
    }

    /// A wall clock that was set back would make a measurement younger than it is.
    @Test func aMeasurementFromTheFutureIsNotUsed() throws {
        try rig.tick(
            [entry("/srv/a", -1, bytes: 1, measured: 10, at: 10)], of: rig.begin(), at: 10)
        func found(_ seconds: Int64) throws -> [StorageReading] {
            try rig.store.storageReadings(at: Moment(wall: at(seconds), bootMicroseconds: 0))
        }
        #expect(try found(9).isEmpty)
        #expect(try found(10).map(\.bootMicroseconds) == [0])
    }

    /// The newest of each folder stays, however old it is: a new run begins with it.
    @Test func pruningKeepsTheNewestOfEachFolder() throws {
        try rig.execute(
            """
            INSERT INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
            INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms,
                last_seen_ms) VALUES (1, 'container', 1, -1, 'storage:/a', 'storage', 0, 0),
                (2, 'container', 1, -2, 'storage:/b', 'storage', 0, 0),
                (3, 'container', 1, -3, 'storage:/c', 'storage', 0, 0)
            """)
        let hour = StoreRig.start.milliseconds
        for (row, age) in [(1, 90), (1, 30), (1, 1), (2, 400), (2, 300), (3, 61), (3, -5)]
            as [(Int64, Int64)]
        {
            try rig.execute(
                "INSERT INTO storage_reading VALUES (\(row), \(hour - age * 60_000), 7, 'walk')")
        }
        // All before the hour that contains the time goes, but the newest of each.
        _ = try rig.store.prune(before: at(600))
        #expect(
            try rig.rows(
                "SELECT container, (\(hour) - at_ms) / 60000 FROM storage_reading ORDER BY 1, 2"
            ) == ["1|1", "2|300", "3|-5"])
        // A second time there is nothing left to remove.
        _ = try rig.store.prune(before: at(600))
        #expect(try rig.rows("SELECT count(*) FROM storage_reading") == ["3"])
    }

    @Test func pruningLeavesTheHourOfTheTime() throws {
        try rig.execute(
            """
            INSERT INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
            INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms,
                last_seen_ms) VALUES (1, 'container', 1, -1, 'storage:/a', 'storage', 0, 0);
            INSERT INTO throttle_hour VALUES (1, \(at(-7200).seconds), 0, 1, 0, 1),
                (1, \(at(-3600).seconds), 1, 2, 1, 2), (1, \(at(0).seconds), 2, 3, 2, 3);
            INSERT INTO storage_reading VALUES (1, \(at(-3601).milliseconds), 1, 'quota'),
                (1, \(at(-3600).milliseconds), 2, 'quota'), (1, \(at(0).milliseconds), 3, 'quota')
            """)
        _ = try rig.store.prune(before: at(-1))
        #expect(
            try rig.rows("SELECT hour_s FROM throttle_hour ORDER BY 1")
                == ["\(at(-3600).seconds)", "\(at(0).seconds)"])
        #expect(try rig.rows("SELECT bytes FROM storage_reading ORDER BY 1") == ["2", "3"])
    }
}

/// What stays of ticks when samples are pruned.
@Suite struct TickPruningTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    /// A tick every half hour, each with a directory that could not be read.
    private func run(hours: Int64) throws {
        let run = try rig.begin()
        var row: Int64?
        for half in 0...hours * 2 {
            row = try rig.tick(
                [StoreRig.entry("/a", 1, row: row, at: half * 1800)], of: run, at: half * 1800
            ) { $0.completeness.failed = [13: 1] }[0]
        }
    }

    /// What has not been closed yet stays, and so does the newest tick.
    @Test func openHoursAndTheNewestTickStay() throws {
        try run(hours: 2)
        // Ticks at 0:00, 0:30, 1:00, 1:30 and 2:00; the last one closed the two hours before it.
        let plan = try rig.store.prunable(before: StoreRig.moment(86_400).wall)
        let done = try rig.store.prune(before: StoreRig.moment(86_400).wall)
        #expect(plan == done && done.ticks == 4 && done.samples == 4 && done.bytes > 0)
        #expect(try rig.rows("SELECT id FROM tick") == ["5"])
        #expect(try rig.rows("SELECT tick FROM tick_failure") == ["5"])
        #expect(try rig.rows("SELECT count(*) FROM sample") == ["1"])
        // The collector goes on from it.
        #expect(try rig.begin().lastTick?.moment == StoreRig.moment(7200))
    }

    @Test func withoutAClosedHourNothingGoes() throws {
        let run = try rig.begin()
        try rig.tick([StoreRig.entry("/a", 1)], of: run)
        try rig.tick([StoreRig.entry("/b", 2, at: 60)], of: run, at: 60)
        let later = StoreRig.moment(86_400).wall
        #expect(try rig.store.prunable(before: later) == Pruned())
        #expect(try rig.store.prune(before: later) == Pruned())
        #expect(try rig.rows("SELECT count(*) FROM tick") == ["2"])
    }

    @Test func pruningBeforeAnHourLeavesItWhole() throws {
        try run(hours: 3)
        let done = try rig.store.prune(before: StoreRig.moment(3600 + 1799).wall)
        #expect(done.ticks == 2 && done.samples == 2)
        #expect(try rig.rows("SELECT id FROM tick ORDER BY 1") == ["3", "4", "5", "6", "7"])
        #expect(try rig.store.prune(before: StoreRig.moment(3600).wall).ticks == 0)
    }
}
