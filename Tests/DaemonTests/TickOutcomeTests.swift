import CgroupFS
import CgroupFormat
import Daemon
import Glibc
import Metering
import Store
import SystemPackage
import TestKernel
import TestSupport
import Testing
import Units

/// What a collector says of a tick, and how often it says it.
@Suite struct TickOutcomeTests {
    private let rig: Rig

    init() throws { rig = try Rig() }

    @Test func itSumsTheTimeOfAllAccounts() throws {
        for name in ["a", "b"] { try rig.set(name, cpu: 100) }
        var collector = try rig.collector()
        let first = try collector.tick()
        #expect(first.read == 2 && first.cpuMicroseconds == 0, "what was before is no usage")
        try rig.set("a", cpu: 150)
        try rig.set("new", cpu: 70)
        rig.clock.advance(milliseconds: 60_000)
        let second = try collector.tick()
        #expect(second.cpuMicroseconds == 120)
        #expect(second.moment.wall.milliseconds - first.moment.wall.milliseconds >= 60_000)
        #expect(second.failures.isEmpty && second.anomalies.isEmpty && second.clockDoubt == nil)
    }

    /// Processes beside child cgroups are metered nowhere, which is said once for each place.
    @Test func whatIsMeteredNowhereIsSaidOnce() throws {
        for name in ["b.slice", "c.slice"] {
            try rig.folder.write("7\n", to: "tree/\(name)/cgroup.procs")
            try rig.set("\(name)/web", cpu: 5)
        }
        var collector = try rig.collector()
        let said = try collector.tick().anomalies.sorted()
        #expect(said.count == 2)
        #expect(said.first?.hasPrefix("/b.slice: ") == true)
        #expect(said.last?.hasPrefix("/c.slice: ") == true)
        #expect(try collector.tick().anomalies.isEmpty)
        // It is not said again when it comes back, but by the next collector.
        try rig.folder.write("", to: "tree/b.slice/cgroup.procs")
        _ = try collector.tick()
        try rig.folder.write("7\n", to: "tree/b.slice/cgroup.procs")
        #expect(try collector.tick().anomalies.isEmpty)
        var next = try rig.collector()
        #expect(try next.tick().anomalies.count == 2)
    }

    /// A folder that cannot be read is said when that begins, and when the reason changes.
    @Test func aFolderThatIsShutIsSaidAsLongAsItIsNew() throws {
        let kernel = FakeKernel()
        var collector = try Collector(
            source: kernel, store: rig.store, intervalMilliseconds: 1000, in: .utc)
        let steps: [([String: Errno], [String])] = [
            ([:], []), (["/a": .permissionDenied], ["/a"]), (["/a": .permissionDenied], []),
            (["/a": .permissionDenied, "/b": .permissionDenied], ["/b"]),
            (["/a": .ioError, "/b": .permissionDenied], ["/a"]), (["/b": .permissionDenied], []),
            ([:], []), (["/b": .permissionDenied], ["/b"]),
            (["/d": .ioError, "/b": .permissionDenied, "/c": .ioError], ["/c", "/d"]),
        ]
        for (failed, wanted) in steps {
            kernel.seconds += 1
            kernel.failed = failed
            let told = try collector.tick().failures
            #expect(told == wanted.map { "\($0): \(failed[$0] ?? .badFileDescriptor)" })
        }
    }

    /// A tick that was not kept has told nobody of its failures.
    @Test func whatAnUncommittedTickFoundIsSaidByTheNext() throws {
        let kernel = FakeKernel()
        var collector = try Collector(
            source: kernel, store: rig.store, intervalMilliseconds: 1000, in: .utc)
        _ = try collector.tick()
        kernel.failed = ["/a": .ioError]
        kernel.seconds = 1
        _ = try collector.read()
        kernel.seconds = 2
        #expect(try collector.tick().failures.count == 1)
    }

    @Test func malformedTextIsSaidWhenItBegins() throws {
        try rig.set("a", cpu: 10)
        var collector = try rig.collector()
        _ = try collector.tick()
        var told: [Int] = []
        for text in ["usage_usec x\n", "usage_usec x\n", "usage_usec 20\n", "usage_usec x\n"] {
            try rig.folder.write(text, to: "tree/a/cpu.stat")
            let said = try collector.tick().anomalies
            told.append(said.count)
            #expect(said.allSatisfy { $0.hasPrefix("/a") && $0.contains("usage_usec") })
        }
        #expect(told == [1, 0, 0, 1])
        #expect(try rig.metered() == ["/a": 10])
    }
}
