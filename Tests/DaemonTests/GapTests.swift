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
            source: kernel, store: rig.store, intervalMilliseconds: 1000)
        _ = try collector.tick()
    }

    @Test func anotherTreeOfTheSameBootIsNoReboot() throws {
        try tick("tree")
        try tick("other tree")
        #expect(try reasons() == ["not_running"])
        try tick("tree")
        #expect(try reasons() == ["not_running", "not_running"])
    }

    @Test func anotherBootIsAReboot() throws {
        let kernel = FakeKernel()
        var collector = try Collector(
            source: kernel, store: rig.store, intervalMilliseconds: 1000)
        _ = try collector.tick()
        try tick("tree")
        #expect(try reasons() == ["rebooted"])
    }
}
