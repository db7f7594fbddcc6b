import CgroupFormat
import Metering
import Store
import TestSupport
import Testing
import Units

/// Where accounts stand: what a tick writes is what the next run of the collector begins with.
@Suite struct PositionStoreTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    /// A position with any fields, each of any value that 64 bits hold.
    private func position(_ random: inout SeededRandom) throws -> Position {
        var position = Position()
        func maybe() -> Bool { Bool.random(using: &random) }
        func any() -> Int64 { .random(in: .min ... .max, using: &random) }
        func count() -> Int64 { .random(in: 0 ... .max, using: &random) }
        if maybe() { position.cpu = Position.Mark(count(), ahead: any(), at: count()) }
        if maybe() { position.ioSince = count() }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let device = DeviceNumber(
                major: .random(in: 0...4, using: &random), minor: .random(in: 0...4, using: &random)
            )
            let counters = IOCounters(
                readBytes: maybe() ? count() : nil, writeBytes: maybe() ? count() : nil,
                readOps: maybe() ? count() : nil, writeOps: maybe() ? count() : nil)
            position.io[device] = Position.DeviceMark(
                counters, ahead: SIMD4(any(), any(), any(), any()), at: count())
        }
        if maybe() { position.networkSince = count() }
        if maybe() {
            var interfaces: [String: NetDev.Counters] = [:]
            for name in ["eth0", "veth 1", "wlan\u{E9}"].prefix(.random(in: 1...3, using: &random))
            {
                interfaces[name] = NetDev.Counters(receivedBytes: count(), sentBytes: count())
            }
            // A network's mark is always as old as the last reading of the network.
            let at = count()
            position.networkSince = at
            position.network = Position.NetworkMark(
                NetworkSample(namespace: any(), counters: NetDev(interfaces: interfaces)), at: at)
        }
        let gauges = (0...5).filter { _ in maybe() }.map { code in
            "\(code) \(maybe() ? "\(count())" : "-") \(count()) \(any())"
        }
        position.gauges = try #require(GaugeStates(stored: gauges.joined(separator: " ")))
        return position
    }

    private func loaded() throws -> [Int64: Account] { try rig.begin().accounts }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyFieldComesBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let run = try rig.begin()
        var entries: [TickEntry] = []
        for id in 1...6 as ClosedRange<Int64> {
            var entry = StoreRig.entry("/c\(id)", id)
            entry.position = try position(&random)
            entry.isWhole = Bool.random(using: &random)
            entries.append(entry)
        }
        let rows = try rig.tick(entries, of: run)
        let accounts = try loaded()
        #expect(accounts.count == entries.count && Set(rows).count == entries.count)
        for (entry, row) in zip(entries, rows) {
            let account = try #require(accounts[entry.cgroupID])
            #expect(account.position == entry.position)
            #expect(account.row == row && account.path == entry.path)
            #expect(account.isWhole == entry.isWhole && !account.isTenantRoot)
            #expect(account.root == nil && account.absences.isEmpty)
        }
    }

    /// Nothing of the old position is left, except of devices whose end was not seen.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func aNewPositionTakesThePlaceOfTheOld(seed: UInt64) throws {
        var random = SeededRandom(seed: 1000 + seed)
        let run = try rig.begin()
        var first = StoreRig.entry("/a", 1)
        first.position = try position(&random)
        var other = StoreRig.entry("/b", 2)
        other.position = try position(&random)
        let rows = try rig.tick([first, other], of: run)
        for second in 1...3 as ClosedRange<Int64> {
            let before = first.position?.io.keys.sorted() ?? []
            first = StoreRig.entry("/a", 1, row: rows[0], at: second)
            first.position = try position(&random)
            first.endedDevices = before.filter { first.position?.io[$0] == nil }
            try rig.tick([first], of: run, at: second)
            let accounts = try reloaded(run)
            #expect(accounts[1]?.position == first.position)
            #expect(accounts[2]?.position == other.position, "another account is left alone")
        }
    }

    /// The accounts as a new run would load them, without ending the run of the test.
    private func reloaded(_ run: Run) throws -> [Int64: Account] {
        let copy = "\(rig.folder.path)/copy-\(try rig.rows("SELECT count(*) FROM tick")[0]).db"
        try rig.store.backup(to: copy)
        return try Store(at: copy, for: .write).beginRun(
            bootID: "b", root: "/", intervalMilliseconds: 1000, at: StoreRig.start
        ).accounts
    }

    @Test func whatIsBelowATenantRootKnowsIt() throws {
        let run = try rig.begin()
        var root = StoreRig.entry("/t", 7)
        root.isTenantRoot = true
        var below = StoreRig.entry("/t/a", 8)
        (below.root, below.isNewBelowRoot) = (7, true)
        // A root that has no entry in this tick cannot be linked.
        var lost = StoreRig.entry("/x/a", 9)
        (lost.root, lost.isNewBelowRoot) = (70, true)
        try rig.tick([below, lost, root], of: run)
        let accounts = try loaded()
        #expect(accounts[7]?.isTenantRoot == true && accounts[7]?.root == nil)
        #expect(accounts[8]?.root == 7 && accounts[8]?.isTenantRoot == false)
        #expect(accounts[9]?.root == nil && accounts.count == 3)
    }

    @Test func whatHasEndedOrBecameInnerIsNotLoaded() throws {
        var random = SeededRandom(seed: 5)
        let run = try rig.begin()
        var entries = (1...3 as ClosedRange<Int64>).map { StoreRig.entry("/c\($0)", $0) }
        for index in entries.indices { entries[index].position = try position(&random) }
        let rows = try rig.tick(entries, of: run)
        var ended = StoreRig.entry("/c1", 1, row: rows[0], at: 5)
        ended.hasEnded = true
        try rig.tick([ended], of: run, at: 5) { $0.closed = [rows[1]] }
        #expect(try loaded().keys.sorted() == [3])
        for table in ["position", "position_io", "position_net"] {
            #expect(
                try rig.rows("SELECT * FROM \(table) WHERE container IN (1, 2)").isEmpty,
                "\(table)")
        }
        // The tick that saw the end is the last that saw the container.
        let seen = "\(StoreRig.moment(5).wall.milliseconds)"
        #expect(
            try rig.rows("SELECT last_seen_ms FROM container WHERE id <= 2") == [seen, seen])
    }

    /// A cgroup id means something only within a boot.
    @Test func everyBootHasItsOwnAccounts() throws {
        try rig.tick([StoreRig.entry("/old", 1)], of: rig.begin())
        let other = try rig.begin(boot: "c", at: 10)
        #expect(other.accounts.isEmpty && other.lastTick == nil)
        #expect(other.newestTick == StoreRig.moment(0).wall)
        try rig.tick([StoreRig.entry("/new", 1, at: 20)], of: other, at: 20)
        #expect(try rig.begin(boot: "b").accounts.mapValues(\.path) == [1: "/old"])
        #expect(try rig.begin(boot: "c").accounts.mapValues(\.path) == [1: "/new"])
    }

    @Test func aSecondTreeOfABootIsRefusedWhileTheFirstHasAccounts() throws {
        let run = try rig.begin(root: "/one")
        let row = try rig.tick([StoreRig.entry("/a", 1)], of: run)[0]
        let fault = try #require(throws: Fault.self) { try rig.begin(root: "/two") }
        #expect(fault.kind == .failed && fault.location == rig.store.path)
        #expect(fault.problem.contains("/one") && fault.suggestion.contains("/two"))
        // Nothing is left of the attempt: the first collector may go on.
        var ended = StoreRig.entry("/a", 1, row: row, at: 1)
        ended.hasEnded = true
        try rig.tick([ended], of: run, at: 1)
        #expect(try rig.begin(root: "/two").accounts.isEmpty)
    }

    @Test func theLastTickComesBack() throws {
        let run = try rig.begin()
        try rig.tick([], of: run, at: 3) { tick in
            tick.highestID = 77
            tick.completeness.epoch = 4
            tick.completeness.failed = [13: 2]
        }
        let failed = try #require(try rig.begin().lastTick)
        #expect(
            failed
                == LastTick(
                    moment: StoreRig.moment(3), highestID: 77, isComplete: false, epoch: 4))
        try rig.tick([], of: rig.begin(), at: 9)
        #expect(try rig.begin().lastTick?.isComplete == true)
        #expect(try rig.begin().lastTick?.moment == StoreRig.moment(9))
    }

    @Test func whatCannotBeReadNowComesBack() throws {
        let run = try rig.begin()
        let off = Absence(.controllerOff, detail: "No such file")
        let odd = Absence(.malformed, detail: "line 1: x")
        var entry = StoreRig.entry("/a", 1)
        entry.absenceChanges = [
            "io.stat": .began(off, since: nil), "cpu.stat": .began(odd, since: nil),
        ]
        let row = try rig.tick([entry], of: run)[0]
        var later = StoreRig.entry("/a", 1, row: row, at: 1)
        later.absenceChanges = ["cpu.stat": .ended, "io.stat": .began(odd, since: nil)]
        try rig.tick([later], of: run, at: 1)
        #expect(try loaded()[1]?.absences == ["io.stat": odd])
        // The first reason has ended where the second began.
        let until = StoreRig.moment(1).wall.milliseconds
        #expect(
            try rig.rows("SELECT file, until_ms FROM absence WHERE until_ms IS NOT NULL ORDER BY 1")
                == ["cpu.stat|\(until)", "io.stat|\(until)"])
    }

    @Test(arguments: ["0 1", "x", "0 1 2 -", "300 1 2 3"])
    func damagedGaugesAreSaidAndNotGuessed(text: String) throws {
        try rig.tick([StoreRig.entry("/a", 1)], of: rig.begin())
        try rig.execute("UPDATE position SET gauges = '\(text)'")
        let fault = try #require(throws: Fault.self) { try rig.begin() }
        #expect(fault.kind == .badData && fault.location == rig.store.path)
        #expect(fault.problem.contains("container 1: gauges"))
        #expect(try rig.rows("SELECT count(*) FROM run") == ["1"], "no run was begun")
    }
}
