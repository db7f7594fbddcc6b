import CgroupFS
import Glibc
import Metering
import Store
import Synchronization
import TestKernel
import TestSupport
import Testing
import Units

@testable import Daemon

/// Commits and prunings on their own thread, one after another.
@Suite struct CommitterTests {
    private let rig: Rig
    private let committer: Committer

    init() throws {
        rig = try Rig()
        committer = Committer(store: rig.store)
        try rig.set("a", cpu: 10)
    }

    /// Whether the descriptor that tells of a commit is readable now.
    private var isRung: Bool {
        var bell = pollfd(fd: committer.done, events: Int16(POLLIN), revents: 0)
        return poll(&bell, 1, 0) == 1
    }

    @Test func aCommitIsTakenOnceAndRungOnce() throws {
        var collector = try rig.collector()
        #expect(!committer.isDone && !isRung)
        for cpu in [110, 115] {
            let tick = try collector.read()
            committer.begin(tick.record, of: collector.run)
            committer.wait()
            #expect(committer.isDone && isRung)
            let rows = try committer.end()
            #expect(rows.count == tick.record.entries.count)
            #expect(!committer.isDone && !isRung)
            _ = collector.keep(tick, rows)
            try rig.set("a", cpu: cpu)
        }
        // The first reading was the baseline, and the second rose by 100.
        #expect(try rig.metered() == ["/a": 100])
    }

    /// A bell that rings late must not end the wait for another commit.
    @Test func theBellCanBeStilledBeforeTheEnd() throws {
        var collector = try rig.collector()
        let tick = try collector.read()
        committer.begin(tick.record, of: collector.run)
        committer.wait()
        committer.clear()
        #expect(!isRung && committer.isDone)
        committer.clear()
        #expect(try committer.end().count == tick.record.entries.count)
    }

    @Test func aFaultIsHandedOverAndTheNextCommitGoesOn() throws {
        var first = try rig.collector()
        let tick = try first.read()
        // Another run begins, so that the first one's ticks are refused.
        var second = try rig.collector()
        committer.begin(tick.record, of: first.run)
        committer.wait()
        #expect(committer.isDone && isRung)
        let fault = #expect(throws: Fault.self) { try committer.end() }
        #expect(fault?.kind == .failed && fault?.location == rig.store.path)
        #expect(!committer.isDone && !isRung, "a fault is taken once, too")
        let next = try second.read()
        committer.begin(next.record, of: second.run)
        committer.wait()
        #expect(try committer.end().count == next.record.entries.count)
    }

    /// Waiting is for all that was begun, not only for what was begun first.
    @Test func aWaitIsForAllThatWasBegun() throws {
        let order = Mutex<[Int]>([])
        try rename("tick_failure", to: "away", in: rig.store)
        for hour in 0..<20 {
            let time = Instant(seconds: Int64(hour) * 3600)
            committer.prune(before: time) { _ in order.withLock { $0.append(hour) } }
        }
        committer.wait()
        #expect(order.withLock { $0 } == Array(0..<20))
    }

    @Test func anHourIsPrunedOnceItIsComplete() throws {
        let faults = Mutex(0)
        /// How often the store fails while it prunes up to a time.
        func prune(_ seconds: Int64) -> Int {
            faults.withLock { $0 = 0 }
            committer.prune(before: Instant(seconds: seconds)) { _ in faults.withLock { $0 += 1 } }
            committer.wait()
            return faults.withLock { $0 }
        }
        let hour: Int64 = 1_795_446_000
        try rename("tick_failure", to: "away", in: rig.store)
        #expect(prune(hour + 5) == 1 && prune(hour + 5) == 1, "a failure is no end")
        try rename("away", to: "tick_failure", in: rig.store)
        #expect(prune(hour + 5) == 0)
        try rename("tick_failure", to: "away", in: rig.store)
        // The store is not asked again within the hour, and is for any other.
        #expect(prune(hour) == 0 && prune(hour + 3599) == 0)
        #expect(prune(hour + 3600) == 1 && prune(hour - 1) == 1)
    }

    /// Each call removes a part, and so many calls leave what one complete pruning leaves.
    @Test func prunesInPartsWhatOnePruningRemoves() throws {
        let (parts, whole) = (try HoursRig(), try HoursRig())
        for rig in [parts, whole] { try rig.run(ticks: 26) }
        let before = parts.start.advanced(bySeconds: 3 * 3600)
        let committer = Committer(store: parts.store)
        let queries = [
            "SELECT count(*) FROM sample_block", "SELECT count(*) FROM sample_io_block",
            "SELECT count(*) FROM tick",
        ]
        let ticks = try parts.rows(queries[2])
        let blocks = try parts.rows(queries[0])
        committer.prune(before: before) { Issue.record("\($0)") }
        committer.wait()
        #expect(try parts.rows(queries[0]) != blocks)
        #expect(try parts.rows(queries[2]) == ticks, "samples need their ticks until they are gone")
        for _ in 0..<10 { committer.prune(before: before) { Issue.record("\($0)") } }
        committer.wait()
        _ = try whole.store.prune(before: before)
        for query in queries { #expect(try parts.rows(query) == whole.rows(query), "\(query)") }
        #expect(try parts.rows(queries[2]) != ticks)
    }
}
