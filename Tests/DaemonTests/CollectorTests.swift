import CgroupFS
import Daemon
import Glibc
import GRDB
import Metering
import Store
import TestSupport
import Testing
import Units

@Suite struct CollectorTests {
    private let rig: Rig

    init() throws { rig = try Rig() }

    @Test func whatRanBeforeTheFirstTickIsTheBaseline() throws {
        try rig.set("a", cpu: 1000)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("a", cpu: 1500)
        // Born between two ticks: all of it counts.
        try rig.set("b", cpu: 70)
        _ = try collector.tick()
        #expect(try rig.metered() == ["/a": 500, "/b": 70])
    }

    @Test func aRestartGoesOnExactly() throws {
        try rig.set("a", cpu: 1000)
        do {
            var collector = try rig.collector()
            _ = try collector.tick()
        }
        try rig.set("a", cpu: 1234)
        do {
            var collector = try rig.collector()
            _ = try collector.tick()
            _ = try collector.tick()
        }
        #expect(try rig.metered() == ["/a": 234])
    }

    /// No workload slips away by making a child cgroup and moving into it.
    @Test func aContainerStaysOneWhateverItGrows() throws {
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("a", cpu: 100)
        _ = try collector.tick()
        try rig.set("a", cpu: 150)
        try rig.set("a/child", cpu: 40)
        try rig.folder.write("", to: "tree/a/cgroup.procs")
        _ = try collector.tick()
        try rig.set("a/child", cpu: 90)
        try rig.folder.write("usage_usec 200\n", to: "tree/a/cpu.stat")
        var restarted = try rig.collector()
        _ = try restarted.tick()
        #expect(try rig.metered() == ["/a": 200])
    }

    /// A scope or service is one container with all that it nests, as crun and Delegate= do.
    @Test(arguments: ["x.scope", "x.service", "lxc.payload.x"])
    func whatAScopeNestsIsItsOwn(name: String) throws {
        try rig.folder.write("usage_usec 100\n", to: "tree/\(name)/cpu.stat")
        try rig.set("\(name)/container", cpu: 90)
        try rig.folder.write("populated 1\n", to: "tree/\(name)/cgroup.events")
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.write("usage_usec 350\n", to: "tree/\(name)/cpu.stat")
        _ = try collector.tick()
        #expect(try rig.metered() == ["/\(name)": 250])
    }

    @Test func anEmptyCgroupThatGetsChildrenIsNotCountedTwice() throws {
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        try rig.folder.write("", to: "tree/t/cgroup.procs")
        _ = try collector.tick()
        try rig.set("t/web", cpu: 40)
        try rig.folder.write("usage_usec 40\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        // The child is gone and the parent a leaf again, which a new collector sees first.
        try rig.folder.remove("tree/t/web")
        var restarted = try rig.collector()
        _ = try restarted.tick()
        try rig.folder.write("usage_usec 41\n", to: "tree/t/cpu.stat")
        try rig.folder.write("1\n", to: "tree/t/cgroup.procs")
        _ = try restarted.tick()
        #expect(try rig.metered() == ["/t": 1, "/t/web": 40])
    }

    private func acme() throws {
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.root("/t")])
        _ = try rig.store.apply(
            Contract(tenants: [acme], books: nil), isPlan: false, at: rig.now)
    }

    /// Everything below a tenant root comes to what the root's own counter says.
    @Test func aTenantRootIsBilledItsOwnCounter() throws {
        try acme()
        try rig.set("t/web", cpu: 400)
        try rig.folder.write("usage_usec 5000\n", to: "tree/t/cpu.stat")
        var collector = try rig.collector()
        _ = try collector.tick()
        // 300 of web, 100 of a life that was never seen.
        try rig.set("t/web", cpu: 700)
        try rig.folder.write("usage_usec 5400\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        // Up to a microsecond a child waits, until the root is seen at rest.
        let waiting = try rig.store.audit(over: nil)
        #expect(waiting.map(\.usage) == [399] && waiting.map(\.pending) == [1])
        #expect(waiting.map(\.difference) == [0])
        _ = try collector.tick()
        #expect(try rig.metered() == ["/t/web": 300, "/t": 100])
        // web ends after 50 more: its tail is exact, as it is the only one that ended.
        try rig.folder.remove("tree/t/web")
        try rig.folder.write("usage_usec 5450\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        #expect(try rig.metered() == ["/t/web": 350, "/t": 100])
        let audit = try rig.store.audit(over: nil)
        #expect(audit.map(\.kernel) == [450] && audit.map(\.usage) == [450])
        #expect(audit == (try rig.store.audit(over: rig.month)))
        let assurance = try rig.store.usage(over: rig.month, by: .tenant)
        #expect(assurance.map(\.assurance) == [.conserved])
    }

    @Test func severalTailsAreSplitAndSaidToBe() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        for name in ["a", "b"] { try rig.set("t/\(name)", cpu: 0) }
        var collector = try rig.collector()
        _ = try collector.tick()
        for name in ["a", "b"] { try rig.folder.remove("tree/t/\(name)") }
        try rig.folder.write("usage_usec 101\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        #expect(try rig.metered().values.sorted() == [50, 51])
        let usage = try rig.store.usage(over: rig.month, by: .tenant)
        #expect(usage.map(\.assurance) == [.estimatedSplit])
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
    }

    @Test func conservationHoldsOverARestart() throws {
        try acme()
        try rig.folder.write("usage_usec 10\n", to: "tree/t/cpu.stat")
        try rig.set("t/web", cpu: 10)
        try rig.set("t/gone", cpu: 0)
        do {
            var collector = try rig.collector()
            _ = try collector.tick()
        }
        try rig.folder.remove("tree/t/gone")
        try rig.set("t/web", cpu: 60)
        try rig.folder.write("usage_usec 90\n", to: "tree/t/cpu.stat")
        var restarted = try rig.collector()
        _ = try restarted.tick()
        _ = try restarted.tick()
        // A microsecond of the tail may be web's, by the kernel's rounding: it is nobody's.
        #expect(try rig.metered() == ["/t/web": 50, "/t/gone": 29, "/t": 1])
        #expect(try rig.store.audit(over: nil).map(\.kernel) == [80])
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
    }

    /// What ran between a child's reading and the root's is billed at once, and only once.
    @Test func whatRanInTheBracketIsTakenBack() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        try rig.set("t/web", cpu: 0)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("t/web", cpu: 100)
        try rig.folder.write("usage_usec 100\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        // The root shows 7 more than its child, then the child catches up.
        try rig.folder.write("usage_usec 207\n", to: "tree/t/cpu.stat")
        try rig.set("t/web", cpu: 200)
        _ = try collector.tick()
        try rig.set("t/web", cpu: 207)
        _ = try collector.tick()
        #expect(try rig.metered().values.reduce(0, +) == 207)
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
    }

    @Test func theAuditFindsAChangedRow() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        try rig.set("t/web", cpu: 0)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("t/web", cpu: 100)
        try rig.folder.write("usage_usec 100\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        try DatabaseQueue(path: rig.store.path).write {
            try $0.execute(sql: "UPDATE usage_open SET quantity = quantity - 1")
        }
        #expect(try rig.store.audit(over: nil).map(\.difference) == [-1])
    }

    /// A tenant root holds its own processes until it has containers: nothing is counted twice.
    @Test func aTenantRootThatWasALeafIsNotCountedTwice() throws {
        try acme()
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.write("usage_usec 100\n", to: "tree/t/cpu.stat")
        try rig.folder.write("", to: "tree/t/cgroup.procs")
        _ = try collector.tick()
        #expect(try rig.metered() == ["/t": 100])
        try rig.set("t/web", cpu: 1000)
        try rig.folder.write("usage_usec 1100\n", to: "tree/t/cpu.stat")
        _ = try collector.tick()
        try rig.folder.remove("tree/t/web")
        var restarted = try rig.collector()
        _ = try restarted.tick()
        #expect(try rig.metered() == ["/t": 100, "/t/web": 1000])
        #expect(try rig.store.audit(over: nil).map(\.kernel) == [1100])
    }

    private func usage(_ meter: Meter) throws -> [String: Int128] {
        try rig.store.usage(over: rig.month, by: .container)
            .reduce(into: [:]) {
                if $1.meter == meter { $0[$1.container ?? "", default: 0] += $1.quantity }
            }
    }

    private func io(_ path: String, _ bytes: Int, _ more: String = "") throws {
        try rig.folder.write(
            "8:0 rbytes=0 wbytes=\(bytes) rios=0 wios=\(bytes / 10)\n" + more,
            to: "tree/\(path)/io.stat")
    }

    /// What a dead container wrote, and what the kernel wrote for it after, is the tenant's.
    @Test func diskTrafficBelowATenantRootIsItsOwnCounter() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        for name in ["t/web", "t/job"] { try rig.set(name, cpu: 0) }
        try io("t", 1000)
        try io("t/web", 400)
        try rig.folder.write("", to: "tree/t/job/io.stat")
        var collector = try rig.collector()
        _ = try collector.tick()
        try io("t/web", 700)
        try io("t/job", 50)
        try io("t", 1350)
        _ = try collector.tick()
        #expect(try usage(.ioWriteBytes) == ["/t/web": 300, "/t/job": 50])
        // job writes 200 more and ends unread; 40 are written back after.
        try rig.folder.remove("tree/t/job")
        try io("t", 1550)
        _ = try collector.tick()
        try io("t", 1590)
        var restarted = try rig.collector()
        _ = try restarted.tick()
        #expect(try usage(.ioWriteBytes) == ["/t/web": 300, "/t/job": 250, "/t": 40])
        let audit = try rig.store.audit(over: nil)
        #expect(audit.allSatisfy { $0.difference == 0 } && audit.count == 5)
        #expect(audit.first { $0.meter == .ioWriteBytes }?.kernel == 590)
    }

    /// A device that went away and came back under its number began at 0, at the root as well.
    @Test func aTenantRootsDeviceMayBeginAnew() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        try rig.set("t/web", cpu: 0)
        try io("t", 1000)
        try io("t/web", 1000)
        var collector = try rig.collector()
        _ = try collector.tick()
        try io("t", 1500)
        try io("t/web", 1500)
        _ = try collector.tick()
        try io("t", 90)
        try io("t/web", 70)
        _ = try collector.tick()
        // The line goes away, and comes back higher than it was.
        for path in ["t", "t/web"] { try rig.folder.write("", to: "tree/\(path)/io.stat") }
        _ = try collector.tick()
        try io("t", 400)
        try io("t/web", 400)
        _ = try collector.tick()
        #expect(try usage(.ioWriteBytes).values.reduce(0, +) == 500 + 90 + 400)
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
        #expect(
            try rig.store.audit(over: nil).first { $0.meter == .ioWriteBytes }?.kernel == 990)
    }

    @Test func limitsAreReservedAndSharedOnce() throws {
        try acme()
        try rig.folder.write("usage_usec 0\n", to: "tree/t/cpu.stat")
        try rig.folder.write("200000 100000\n", to: "tree/t/cpu.max")
        try rig.folder.write("1048576\n", to: "tree/t/memory.max")
        for name in ["t/a", "t/b", "alone", "box/free"] { try rig.set(name, cpu: 0) }
        try rig.folder.write("150000 100000\n", to: "tree/t/a/cpu.max")
        try rig.folder.write("max 100000\n", to: "tree/t/b/cpu.max")
        try rig.folder.write("50000 100000\n", to: "tree/alone/cpu.max")
        try rig.folder.write("25000 100000\n", to: "tree/box/cpu.max")
        var collector = try rig.collector()
        rig.clock.step = 0
        _ = try collector.tick()
        rig.clock.advance(milliseconds: 700)
        _ = try collector.tick()
        // Half a core; its parent's quarter; of the 2 cores that the root grants, a may use 1.5 and b
        // both, and they share them as 3 to 4, to the nanocore: a has 0.857142857.
        let reserved = try usage(.cpuReserved)
        #expect(
            reserved == [
                "/alone": 350_000, "/box/free": 175_000, "/t/a": 599_999, "/t/b": 800_000,
            ])
        #expect(try usage(.memoryReserved).keys.sorted() == ["/t/a", "/t/b"])
    }

    @Test func diskTrafficAfterTheLastProcessIsMetered() throws {
        try rig.set("a", cpu: 10)
        try rig.folder.write("8:0 wbytes=100 rbytes=0 rios=0 wios=1\n", to: "tree/a/io.stat")
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.write("", to: "tree/a/cgroup.procs")
        try rig.folder.write("8:0 wbytes=900 rbytes=0 rios=0 wios=2\n", to: "tree/a/io.stat")
        _ = try collector.tick()
        let usage = try rig.store.usage(over: rig.month, by: .meter)
        #expect(usage.first { $0.meter == .ioWriteBytes }?.quantity == 800)
    }

    @Test func anOldKernelsMemoryIsAbsentNotFree() throws {
        try rig.set("a", cpu: 10)
        try rig.folder.write(
            "anon 4096\nshmem 0\nsock 0\ninactive_file 0\n", to: "tree/a/memory.stat")
        var collector = try rig.collector()
        _ = try collector.tick()
        let absent = try rig.store.containers(all: false).first?.absent
        #expect(absent?.contains("memory.stat unreclaimable: incomplete") == true)
    }

    @Test func absurdTextIsAnAnomalyAndTheCollectorGoesOn() throws {
        try rig.set("a", cpu: 10)
        var collector = try rig.collector()
        _ = try collector.tick()
        for text in ["9223372036854775807", "10", "9000000000000000000"] {
            try rig.folder.write("usage_usec \(text)\n", to: "tree/a/cpu.stat")
            try rig.folder.write("\(text)\n", to: "tree/a/memory.current")
            try rig.folder.write(
                "anon \(text)\nkernel \(text)\nsock 1\nshmem 1\ninactive_file 0\n",
                to: "tree/a/memory.stat")
            try rig.folder.write("8:0 wbytes=\(text)\n", to: "tree/a/io.stat")
            _ = try collector.tick()
        }
        #expect(try rig.metered() == [:])
        let count = try DatabaseQueue(path: rig.store.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM anomaly")
        }
        #expect((count ?? 0) > 0)
    }

    @Test func aStoreThatIsTakenAwayIsNoticed() throws {
        try rig.set("a", cpu: 10)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.remove("octroi.db")
        #expect {
            _ = try collector.tick()
        } throws: {
            ($0 as? Fault)?.problem.contains("taken away") == true
        }
    }

    @Test func aSecondRunFencesTheFirstOff() throws {
        var first = try rig.collector()
        _ = try first.tick()
        var second = try rig.collector()
        #expect {
            _ = try first.tick()
        } throws: {
            ($0 as? Fault)?.problem.contains("another collector") == true
        }
        _ = try second.tick()
    }

    @Test func anInnerCgroupThatBecomesALeafIsNotNew() throws {
        try rig.set("a/child", cpu: 10)
        try rig.folder.write("usage_usec 5000\n", to: "tree/a/cpu.stat")
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.folder.remove("tree/a/child")
        try rig.set("a", cpu: 5000)
        _ = try collector.tick()
        #expect(try rig.metered() == [:])
    }

    @Test func aNewLifeUnderAnOldNameIsANewAccount() throws {
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("a", cpu: 100)
        _ = try collector.tick()
        try rig.folder.remove("tree/a")
        // Its inode may come back at once, as a plain folder's do.
        try rig.set("a", cpu: 30)
        _ = try collector.tick()
        #expect([100, 130].contains(try rig.metered()["/a"]))
    }

    @Test func whatLivedAndDiedBetweenTicksCountsWhileItsCgroupStands() throws {
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("a", cpu: 70)
        try rig.folder.write("", to: "tree/a/cgroup.procs")
        _ = try collector.tick()
        #expect(try rig.metered() == ["/a": 70])
    }

    /// An empty cgroup is a baseline too: a process that moves in later is metered from its start.
    @Test func anIdleCgroupThatComesToLifeIsMeteredWhole() throws {
        try rig.set("a", cpu: 10)
        try rig.folder.write("", to: "tree/a/cgroup.procs")
        var collector = try rig.collector()
        _ = try collector.tick()
        let idle = try collector.tick()
        #expect(idle.read == 0)
        try rig.set("a", cpu: 90)
        _ = try collector.tick()
        #expect(try rig.metered() == ["/a": 80])
    }

    @Test func malformedTextIsAnAbsenceAndTheRestGoesOn() throws {
        try rig.set("a", cpu: 10)
        try rig.set("b", cpu: 10)
        var collector = try rig.collector()
        _ = try collector.tick()
        for text in ["", "usage_usec 2", "usage_usec x\n", "nothing 5\n"] {
            try rig.folder.write(text, to: "tree/a/cpu.stat")
            let outcome = try collector.tick()
            #expect(outcome.anomalies.count <= 1)
        }
        let absent = try rig.store.containers(all: false).first { $0.path == "/a" }?.absent
        #expect(absent?.contains("cpu.stat: malformed") == true)
        try rig.set("a", cpu: 25)
        try rig.set("b", cpu: 25)
        _ = try collector.tick()
        #expect(try rig.metered() == ["/a": 15, "/b": 15])
        #expect(
            try rig.store.containers(all: false).first { $0.path == "/a" }?.absent.contains(
                "cpu.stat: malformed") == false)
    }

    @Test func attributionFollowsTheRules() throws {
        try rig.set("tenant-acme.slice/web", cpu: 0)
        try rig.set("other", cpu: 0)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("tenant-acme.slice/web", cpu: 5)
        _ = try collector.tick()
        #expect(try tenants() == ["unattributed": 5])
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.slice("tenant-acme.slice")])
        // As octroi apply does beside a running collector: on a connection of its own.
        _ = try Store(at: rig.store.path, for: .write).apply(
            Contract(tenants: [acme], books: nil), isPlan: false, at: rig.now)
        // What was nobody's becomes the tenant's from its first hour on.
        #expect(try tenants() == ["acme": 5])
        try rig.set("tenant-acme.slice/db", cpu: 7)
        _ = try collector.tick()
        #expect(try tenants() == ["acme": 12])
        let roots = try rig.store.containers(all: false).filter(\.isTenantRoot).map(\.path)
        #expect(roots == ["/tenant-acme.slice"])
    }

    private func tenants() throws -> [String: Int128] {
        try rig.store.usage(over: rig.month, by: .tenant)
            .reduce(into: [:]) { $0[$1.tenant ?? ""] = $1.quantity }
    }

    @Test func aTickThatCannotBeKeptIsMadeUpForByTheNext() throws {
        try rig.set("a", cpu: 10)
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("a", cpu: 110)
        // Every commit fails here, as it does on a full disk.
        let other = try DatabaseQueue(path: rig.store.path)
        try other.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER full BEFORE INSERT ON usage_open
                    BEGIN SELECT raise(ABORT, 'full'); END
                    """)
        }
        #expect(throws: Fault.self) { _ = try collector.tick() }
        #expect(try rig.metered() == [:])
        try other.write { try $0.execute(sql: "DROP TRIGGER full") }
        try rig.set("a", cpu: 210)
        _ = try collector.tick()
        #expect(try rig.metered() == ["/a": 200])
    }
}
