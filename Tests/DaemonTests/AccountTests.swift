import CgroupFormat
import CgroupFS
@testable import Daemon
import GRDB
@testable import Metering
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// What a kernel may say from tick to tick, and what must come of it.
@Suite struct AccountTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let kernel = FakeKernel()

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
    }

    private func collector() throws -> Collector<FakeKernel> {
        try Collector(source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc)
    }

    private func usage(_ meter: Meter) throws -> [String: Int128] {
        try store.usage(over: Period(monthOf: kernel.now().wall), by: .container)
            .reduce(into: [:]) {
                if $1.meter == meter { $0[$1.container ?? "", default: 0] += $1.quantity }
            }
    }

    private func cgroup(
        _ path: String, _ id: Int64, cpu: Int, sent: Int64? = nil, birth: Moment? = nil
    ) -> FakeKernel.Cgroup {
        var cgroup = FakeKernel.Cgroup(path, id: id, birth: birth)
        cgroup.texts[.cpuStat] = "usage_usec \(cpu)\n"
        cgroup.network = sent.map { (7, 0, $0) }
        return cgroup
    }

    /// Networks come and go with their containers, and nothing of them is kept.
    @Test func anEndedNetworkHasNoOwner() throws {
        var collector = try collector()
        kernel.cgroups = [cgroup("/a", 1, cpu: 1, sent: 1000), cgroup("/b", 2, cpu: 1)]
        _ = try collector.tick()
        #expect(collector.accounts.networkOwners == [7: 1])
        kernel.seconds = 10
        kernel.cgroups[0].end = .read
        _ = try collector.tick()
        kernel.cgroups.removeFirst()
        for seconds in [20, 30] {
            kernel.seconds = Int64(seconds)
            _ = try collector.tick()
        }
        #expect(collector.accounts.networkOwners.isEmpty)
    }

    /// An interface that could not be read begins at its first reading, also after a restart.
    @Test(arguments: [true, false])
    func anUnreadInterfaceHasNoPast(isAlone: Bool) throws {
        let other = isAlone ? "" : " eth1: 100 0 0 0 0 0 0 0 100 0 0 0 0 0 0 0\n"
        func tick(_ seconds: Int64, _ line: String, _ collector: inout Collector<FakeKernel>) throws
        {
            kernel.seconds = seconds
            kernel.cgroups[0].networkText = "heading\nheading\n\(other) eth0: \(line)\n"
            _ = try collector.tick()
        }
        var first = try collector()
        _ = try first.tick()
        // Its network is its own, so all traffic counts, except what could not be read.
        kernel.cgroups = [cgroup("/a", 2, cpu: 1, birth: kernel.now())]
        try tick(10, "odd", &first)
        var second = try collector()
        try tick(20, "5000 0 0 0 0 0 0 0 7000 0 0 0 0 0 0 0", &second)
        try tick(30, "5010 0 0 0 0 0 0 0 7001 0 0 0 0 0 0 0", &second)
        let own: Int128 = isAlone ? 0 : 100
        #expect(try usage(.netRxBytes) == ["/a": own + 10])
        #expect(try usage(.netTxBytes) == ["/a": own + 1])
    }

    /// A pod's network goes on with the next container when the one it was read for ends.
    @Test(arguments: [true, false])
    func aSharedNetworkIsCountedOnceOverAnEnd(isOwnerFirst: Bool) throws {
        var collector = try collector()
        _ = try collector.tick()
        kernel.seconds = 10
        kernel.cgroups = [
            cgroup("/a", 1, cpu: 1, sent: 1000, birth: kernel.at(5)), cgroup("/b", 2, cpu: 1),
        ]
        _ = try collector.tick()
        // a sends 500 more and ends; b sends 200 after that.
        kernel.seconds = 20
        var ended = cgroup("/a", 1, cpu: 1, sent: 1500)
        ended.end = .read
        let taker = cgroup("/b", 2, cpu: 1, sent: 1700)
        kernel.cgroups = isOwnerFirst ? [ended, taker] : [taker, ended]
        _ = try collector.tick()
        kernel.seconds = 30
        kernel.cgroups = [cgroup("/b", 2, cpu: 1, sent: 1750)]
        _ = try collector.tick()
        #expect(try usage(.netTxBytes).values.reduce(0, +) == 1750)
    }

    /// A plain folder's inode is another folder's as soon as the first is gone: then the path tells them apart.
    @Test(arguments: [true, false])
    func anInodeThatIsGivenAgainIsAnotherContainer(isOneRun: Bool) throws {
        kernel.isKernel = false
        var collector = try collector()
        kernel.cgroups = [cgroup("/a", 1, cpu: 1000)]
        _ = try collector.tick()
        kernel.seconds = 10
        kernel.cgroups = [cgroup("/a", 1, cpu: 1500)]
        _ = try collector.tick()
        if !isOneRun { collector = try self.collector() }
        kernel.seconds = 20
        kernel.cgroups = [cgroup("/b", 1, cpu: 9000)]
        _ = try collector.tick()
        kernel.seconds = 30
        kernel.cgroups = [cgroup("/b", 1, cpu: 9100)]
        _ = try collector.tick()
        #expect(try usage(.cpu) == ["/a": 500, "/b": 100])
        let names = try store.containers(all: false).map(\.path)
        #expect(names == ["/b"])
        #expect(try store.verify().damage == [])
    }

    /// What a container used before its first reading is nobody's loss if its tenant root was billed for it.
    @Test func whatARootWasBilledIsNotNamedAsLost() throws {
        kernel.isKernel = false
        var collector = try collector()
        var root = FakeKernel.Cgroup("/t", id: 1, role: .tenantRoot)
        root.texts[.cpuStat] = "usage_usec 1000\n"
        var child = cgroup("/t/a", 2, cpu: 1000)
        child.found.root = 1
        kernel.cgroups = [root, child]
        _ = try collector.tick()
        kernel.seconds = 10
        root.texts[.cpuStat] = "usage_usec 1700\n"
        var other = cgroup("/t/b", 3, cpu: 700)
        other.found.root = 1
        kernel.cgroups = [root, child, other]
        _ = try collector.tick()
        // Less a microsecond for each child: so far the kernel's sums may be apart.
        #expect(try usage(.cpu) == ["/t": 698])
        let lost = try DatabaseQueue(path: store.path).read {
            try Int.fetchAll(
                $0,
                sql:
                    "SELECT cpu_us FROM unmetered u JOIN container c ON c.id = u.container WHERE path = '/t/b'"
            )
        }
        #expect(lost == [0])
    }

    /// The kernel gives the number of a namespace that is gone to the next one.
    @Test func aNewNetworkUnderAnOldNumberBeginsAtZero() throws {
        var collector = try collector()
        _ = try collector.tick()
        kernel.seconds = 10
        kernel.cgroups = [cgroup("/a", 1, cpu: 1, sent: 1000, birth: kernel.at(5))]
        _ = try collector.tick()
        kernel.seconds = 20
        kernel.cgroups[0].end = .read
        kernel.cgroups[0].found.birth = nil
        _ = try collector.tick()
        kernel.seconds = 30
        kernel.cgroups = [cgroup("/b", 2, cpu: 1, sent: 3000, birth: kernel.at(25))]
        _ = try collector.tick()
        #expect(try usage(.netTxBytes) == ["/a": 1000, "/b": 3000])
    }

    /// What an empty cgroup did not use is not spread over the hours it was empty.
    @Test func timeAtRestIsNoTimeOfUse() throws {
        var empty = cgroup("/a", 1, cpu: 0)
        empty.found.isPopulated = false
        empty.texts[.memoryCurrent] = "0\n"
        kernel.cgroups = [empty]
        var collector = try collector()
        for tick in 0..<1080 {
            kernel.seconds = Int64(tick) * 10
            _ = try collector.tick()
        }
        kernel.seconds = 10_800
        kernel.cgroups[0].found.isPopulated = true
        kernel.cgroups[0].texts[.cpuStat] = "usage_usec 1000000\n"
        kernel.cgroups[0].texts[.memoryCurrent] = "1000\n"
        _ = try collector.tick()
        let hours = try store.usage(over: Period(monthOf: kernel.now().wall), by: .hour)
            .filter { $0.meter == .cpu }
        #expect(hours.map(\.quantity) == [1_000_000])
        #expect(hours[0].period.start == kernel.at(7200).wall)
    }

    @Test func anotherTreeOfTheSameBootIsRefused() throws {
        kernel.cgroups = [cgroup("/a", 1, cpu: 1)]
        var collector = try collector()
        _ = try collector.tick()
        #expect {
            _ = try store.beginRun(
                bootID: "fake", root: "/other", intervalMilliseconds: 1000, at: kernel.now().wall)
        } throws: {
            ($0 as? Fault)?.problem.contains("another tree") == true
        }
    }

    /// A rule that goes and comes back leaves no difference between ledger and counters.
    @Test func aTenantRootMayStopBeingOneAndBeOneAgain() throws {
        var collector = try collector()
        for (tick, role) in [
            FoundCgroup.Role.tenantRoot, .tenantRoot, .container, .container, .tenantRoot,
            .tenantRoot,
        ].enumerated() {
            kernel.seconds = Int64(tick) * 10
            kernel.cgroups = [cgroup("/t", 1, cpu: 1000 * (tick + 1))]
            kernel.cgroups[0].found.role = role
            kernel.cgroups[0].found.isLeaf = true
            _ = try collector.tick()
        }
        #expect(try usage(.cpu).values.reduce(0, +) == 5000)
        #expect(try store.audit(over: nil).allSatisfy { $0.difference == 0 })
        #expect(try store.audit(over: nil).reduce(0) { $0 + $1.kernel } == 3000)
    }

    @Test(arguments: [
        #"{"steps":[{"account":{"_0":4}}]}"#, #"{"steps":[{"ahead":{"_0":0}}]}"#,
        #"{"steps":[{"account":{"_0":0}},{"account":{"_0":0}}]}"#,
    ])
    func anUnsoundRecordingIsRefused(steps: String) throws {
        let head =
            #"{"bootID":"b","intervalMilliseconds":1000,"isIOConserved":true,"isKernel":true,"path":"/","rules":[]}"#
        let cgroup =
            #"{"hadChildren":false,"hasEnded":false,"id":1,"isLeaf":true,"isWhole":true,"path":"/a","role":"container"}"#
        let rest =
            #","cgroups":[\#(cgroup)],"failed":{},"revision":1,"seen":[1],"unaccounted":[],"unseenEnds":[]}"#
        try folder.write(
            "octroi-recording 1\n\(head)\nN 0 0\nT\nN 0 0\nS \(steps.dropLast())\(rest)\n.\n",
            to: "recording")
        let replay = try ReplayKernel("\(folder.path)/recording")
        #expect { _ = try replay.advance() } throws: { ($0 as? Fault)?.kind == .badData }
    }

    /// The io controller goes off and on at a tenant root and below it, the collector is restarted, and every
    /// byte that the root's io.stat ever said is billed once: its counters begin at 0 each time.
    @Test(arguments: 0..<16 as Range<UInt64>)
    func countersOfAControllerThatWasOffBeginAtZero(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.root("/t")])
        _ = try store.apply(
            Contract(tenants: [acme], books: []), isPlan: false, at: Instant(seconds: 0))
        var counters: [Int: Int?] = [0: 5000, 1: 3000, 2: 2000]
        // What the root's io.stat said last; it may be behind what its children's say.
        var (said, wanted): (Int?, Int128) = (5000, 0)
        var collector = try collector()
        for tick in 0..<30 {
            kernel.seconds += 10
            // What is on below a root is on at the root.
            let (isRootOn, isOnBelow) = (Bool.random(using: &random), Bool.random(using: &random))
            let isOn = [0: isRootOn, 1: isRootOn && isOnBelow, 2: isRootOn && isOnBelow]
            for index in 0...2 where tick > 0 {
                counters[index] = isOn[index] == true ? counters[index].flatMap(\.self) ?? 0 : nil
            }
            for index in 1...2 where tick > 0 {
                let more = Int.random(in: 0...9000, using: &random)
                for index in [0, index] {
                    counters[index] = counters[index].flatMap(\.self).map { $0 + more }
                }
            }
            if let root = counters[0].flatMap(\.self) {
                let last = said ?? 0
                said = Int.random(in: min(last, root)...root, using: &random)
                wanted += tick == 0 ? 0 : Int128((said ?? 0) - last)
            } else {
                said = nil
            }
            kernel.cgroups = ["/t", "/t/a", "/t/b"].enumerated().map { index, path in
                var cgroup = FakeKernel.Cgroup(
                    path, id: Int64(index) + 1, role: index == 0 ? .tenantRoot : .container,
                    root: index == 0 ? nil : 1)
                cgroup.texts[.cpuStat] = "usage_usec \(tick)\n"
                cgroup.texts[.ioStat] = (index == 0 ? said : counters[index].flatMap(\.self)).map {
                    "8:0 rbytes=0 wbytes=\($0) rios=0 wios=0\n"
                }
                return cgroup
            }
            if Int.random(in: 0..<5, using: &random) == 0 { collector = try self.collector() }
            _ = try collector.tick()
        }
        let audit = try store.audit(over: nil)
        #expect(audit.allSatisfy { $0.difference == 0 }, "seed \(seed)")
        let billed = try usage(.ioWriteBytes).values.reduce(0, +)
        let pending = audit.filter { $0.meter == .ioWriteBytes }.reduce(0) { $0 + $1.pending }
        #expect(billed + pending == wanted, "seed \(seed)")
    }
}
