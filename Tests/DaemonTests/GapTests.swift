import CgroupFS
import Daemon
import GRDB
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// Why nothing was read for a time, as it is written down.
@Suite struct GapTests {
    private let rig: Rig

    init() throws { rig = try Rig() }

    private func reasons() throws -> [String] {
        try DatabaseQueue(path: "\(rig.folder.path)/octroi.db").read {
            try String.fetchAll($0, sql: "SELECT reason FROM gap ORDER BY id")
        }
    }

    private func tick(_ tree: String) throws {
        try rig.folder.write("", to: "\(tree)/cgroup.procs")
        try rig.folder.write("usage_usec 5\n", to: "\(tree)/web/cpu.stat")
        try rig.folder.write("1\n", to: "\(tree)/web/cgroup.procs")
        let kernel = try LiveKernel(
            root: CgroupRoot(opening: "\(rig.folder.path)/\(tree)"), clock: rig.clock.look)
        var collector = try Collector(
            source: kernel, store: rig.store, intervalMilliseconds: 1000, in: .utc)
        _ = try collector.tick()
    }

    @Test func anotherTreeOfTheSameBootIsNoReboot() throws {
        try tick("tree")
        try tick("other tree")
        #expect(try reasons() == ["not_running"])
        try tick("tree")
        #expect(try reasons() == ["not_running", "not_running"])
    }

    /// A tick that comes late was skipped; one that nobody was there to take was not.
    @Test func onlyACollectorThatRunsSkipsTicks() throws {
        let kernel = FakeKernel()
        for start in [0, 100] as [Int64] {
            var collector = try Collector(
                source: kernel, store: rig.store, intervalMilliseconds: 1000, in: .utc)
            for second in [start, start + 1, start + 4] {
                kernel.seconds = second
                _ = try collector.tick()
            }
        }
        let skipped = try DatabaseQueue(path: "\(rig.folder.path)/octroi.db").read {
            try Int64.fetchAll($0, sql: "SELECT skipped FROM tick ORDER BY id")
        }
        #expect(skipped == [0, 0, 2, 0, 0, 2])
    }

    @Test func anotherBootIsAReboot() throws {
        let kernel = FakeKernel()
        var collector = try Collector(
            source: kernel, store: rig.store, intervalMilliseconds: 1000, in: .utc)
        _ = try collector.tick()
        try tick("tree")
        #expect(try reasons() == ["rebooted"])
    }
}
