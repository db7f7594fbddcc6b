import Enforcing
import Foundation
import GRDB
import Limits
import Metering
import Store
import TestSupport
import Testing
import Units

@Suite struct ChangeTests {
    @Test func aManagerThatSaysDoneAndDoesNothingIsCaughtAndAllIsTakenBack() throws {
        let cgroups = ["/tenant.slice/tenant-acme.slice", "/plain"]
        let bus = FakeBusBox()
        let rig = try LimitRig(
            cgroups: cgroups, tenants: [tenant("acme", root: cgroups[0])],
            bus: { bus.make($0, units: [cgroups[0]: "tenant-acme.slice"]) })
        let before = try rig.snapshot(cgroups)
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "cpu=1", "pids.max=5") }
        #expect(fault?.problem.contains("systemd accepted it for tenant-acme.slice") == true)
        #expect(
            bus.called.count { $0 == "SetUnitProperties" } == 3,
            "once to set, then for each limit, as systemd would bring it back")
        #expect(try rig.snapshot(cgroups) == before)
        let last = try #require(try rig.store.limitHistory().last)
        #expect(last.outcome == .failed && last.reason?.contains("systemd accepted") == true)
        #expect(try rig.state.wanted.isEmpty)
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
    }

    @Test func aChangeOfTwoOwnersIsUndoneWhereTheFirstTookIt() throws {
        // The plain root comes first, and is done; then systemd lies.
        let cgroups = ["/a", "/tenant.slice/tenant-acme.slice"]
        let bus = FakeBusBox()
        var both = tenant("acme", root: cgroups[0])
        both.match.append(.root(cgroups[1]))
        let rig = try LimitRig(
            cgroups: cgroups, tenants: [both],
            bus: { bus.make($0, units: [cgroups[1]: "tenant-acme.slice"]) })
        let before = try rig.snapshot(cgroups)
        #expect(throws: Fault.self) { try rig.set("acme", "cpu=1") }
        #expect(try rig.snapshot(cgroups) == before)
    }

    @Test func aManagerThatDoesItIsBelieved() throws {
        let path = "/tenant.slice/tenant-acme.slice"
        let bus = FakeBusBox()
        let rig = try LimitRig(
            cgroups: [path], tenants: [tenant("acme", root: path)],
            bus: { folder in
                bus.make(folder, units: [path: "tenant-acme.slice"]) { _ in
                    try? Data("50000 100000\n".utf8).write(
                        to: URL(fileURLWithPath: "\(folder)/tree\(path)/cpu.max"))
                }
            })
        let set = try rig.set("acme", "cpu=50%")
        #expect(set.changes.map(\.owner) == ["systemd:tenant-acme.slice"])
        #expect(set.changes.map(\.isVerified) == [true])
    }

    @Test func whatADeadWriterBeganIsTakenBack() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let id = try #require(rig.tree.cgroup("/acme")?.id)
        let document = """
            {"lasting":true,"target":"acme","tenant":"acme","writes":[
            {"path":"/acme","cgroup":\(id),"key":"cpu.max","before":"max 100000","wanted":"10000 100000"},
            {"path":"/acme","cgroup":\(id),"key":"pids.max","before":"max","wanted":"7"},
            {"path":"/acme","cgroup":\(id),"key":"memory.max","before":"max","wanted":"8192"}]}
            """
        // It wrote the first; the second was another's before it came to it; the third it did not.
        try rig.write("10000 100000\n", "/acme", "cpu.max")
        try rig.write("9\n", "/acme", "pids.max")
        _ = try rig.store.beginLimitChange(
            document, pid: 1, boot: "boot", root: rig.tree.path,
            at: Instant(milliseconds: rig.time.milliseconds))
        try rig.set("acme", "cpu.weight=50")
        #expect(try rig.read("/acme", "cpu.max") == "max 100000")
        #expect(try rig.read("/acme", "pids.max") == "9")
        #expect(try rig.read("/acme", "memory.max") == "max")
        #expect(try rig.store.limitHistory().map(\.action) == [.recover, .set])
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
    }

    @Test func ofAnotherBootNothingIsTakenBack() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let id = try #require(rig.tree.cgroup("/acme")?.id)
        try rig.write("7\n", "/acme", "pids.max")
        _ = try rig.store.beginLimitChange(
            """
            {"lasting":true,"target":"acme","writes":[{"path":"/acme","cgroup":\(id),
            "key":"pids.max","before":"max","wanted":"7"}]}
            """, pid: 1, boot: "another", root: rig.tree.path,
            at: Instant(milliseconds: rig.time.milliseconds))
        try rig.set("acme", "cpu.weight=50")
        #expect(try rig.read("/acme", "pids.max") == "7")
    }

    @Test func undoRefusesWhatAnotherChangedSince() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let set = try rig.set("acme", "pids.max=7", "cpu=1")
        try rig.write("9\n", "/acme", "pids.max")
        let fault = #expect(throws: Fault.self) { try rig.undo(set.id) }
        for value in ["it was max", "after it 7", "now it is 9"] {
            #expect(fault?.problem.contains(value) == true)
        }
        #expect(try rig.read("/acme", "cpu.max") == "100000 100000", "nothing is undone by half")
        try rig.write("7\n", "/acme", "pids.max")
        let undone = try rig.undo(set.id)
        #expect(undone.undoes == set.id && undone.action == .undo)
        #expect(try rig.read("/acme", "pids.max") == "max")
        #expect(throws: Fault.self) { try rig.undo(set.id) }
    }

    /// What a plan says is what is done, and a plan itself does nothing.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func aPlanIsWhatIsDone(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rig = try twoTenants()
        for _ in 0..<6 {
            let (target, word) = (target(&random), word(&random))
            let before = try rig.snapshot(cgroups)
            let planned = try rig.plan(target, word).map {
                ["\($0.path)", "\($0.key)", "\($0.before)", "\($0.wanted)", "\($0.owner)"]
            }
            #expect(try rig.snapshot(cgroups) == before)
            let done = try rig.set(target, word).changes
            #expect(
                done.map { [$0.path, $0.key, $0.before, $0.wanted, $0.owner ?? ""] } == planned)
            #expect(done.allSatisfy { $0.isVerified })
        }
    }

    /// Whatever is set, undoing it all gives back every value and every wish.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func setThenUndoIsTheIdentity(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rig = try twoTenants()
        for _ in 0..<3 { try rig.set(target(&random), word(&random)) }
        let before = try rig.snapshot(cgroups)
        let wanted = try specs(rig)
        var changes: [Int64] = []
        for _ in 0..<6 { changes.append(try rig.set(target(&random), word(&random)).id) }
        for change in changes.reversed() { try rig.undo(change) }
        #expect(try rig.snapshot(cgroups) == before)
        #expect(try specs(rig) == wanted)
        #expect(try rig.store.verifyLimitHistory().damage.isEmpty)
    }

    private let cgroups = ["/acme", "/acme/web", "/lab"]

    private func twoTenants() throws -> LimitRig {
        try LimitRig(
            cgroups: cgroups, tenants: [tenant("acme", root: "/acme"), tenant("lab", root: "/lab")])
    }

    private func specs(_ rig: LimitRig) throws -> Set<String> {
        try Set(rig.state.wanted.map { "\($0.subject) \($0.key) \($0.value)" })
    }

    private func target(_ random: inout SeededRandom) -> String {
        ["acme", "lab", "/acme/web"].randomElement(using: &random) ?? "acme"
    }

    private func word(_ random: inout SeededRandom) -> String {
        let number = Int64.random(in: 1...9000, using: &random)
        return [
            "cpu=\(number)%", "cpu=max", "cpu.weight=\(number)", "pids.max=\(number)",
            "memory.max=\(number)M", "memory.high=\(number)M", "memory.swap.max=\(number)K",
            "io.max=8:0:wbps=\(number),riops=\(number)", "io.weight=\(number)", "pids.max=max",
            "memory.low=\(number)M", "memory.min=\(number)K", "cpuset.cpus=all",
            // Not all that this host has: those are the same as no list.
            "cpuset.cpus=0,\(number % 60 + 2)-80",
        ].randomElement(using: &random) ?? "cpu=max"
    }

    @Test func theChainOfChangesShowsWhatWasTouched() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        for limit in 1...5 { try rig.set("acme", "pids.max=\(limit)") }
        let whole = try rig.store.verifyLimitHistory()
        #expect(whole.count == 5 && whole.damage.isEmpty)
        #expect(try rig.store.verifyLimitHistory(head: whole.head).damage.isEmpty)
        // The triggers refuse an ordinary change of the record.
        let database = try DatabaseQueue(path: rig.store.path)
        #expect(throws: (any Error).self) {
            try database.write {
                try $0.execute(sql: "UPDATE limit_change SET before = '3' WHERE change_set = 2")
            }
        }
    }

    @Test(arguments: [
        ("UPDATE limit_change SET before = '3' WHERE change_set = 2", "change 2: it is not"),
        ("UPDATE limit_change SET reason = 'x' WHERE change_set = 2", "change 2: its write 2"),
        ("UPDATE limit_change SET uid = uid + 1 WHERE change_set = 4", "change 4: its write 4"),
        ("UPDATE limit_change_set SET user = 'nobody' WHERE id = 3", "change 3: it is not"),
        ("DELETE FROM limit_change WHERE change_set = 3", "change 3: it is not"),
        (
            "DELETE FROM limit_change WHERE change_set = 3; DELETE FROM limit_change_set WHERE id = 3",
            "change 3 is missing"
        ),
        (
            """
            INSERT INTO limit_change (at_ms, uid, target, path, cgroup_id, file, before, wanted, after,
                verified) VALUES (1, 0, 'acme', '/acme', 1, 'pids.max', '1', '2', '2', 1)
            """, "write 6 belongs to no change"
        ),
    ])
    func whoeverWritesIntoTheRecordIsFound(sql: String, damage: String) throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        for limit in 1...5 { try rig.set("acme", "pids.max=\(limit)") }
        try tamper(rig, sql)
        let found = try rig.store.verifyLimitHistory().damage
        #expect(found.contains { $0.contains(damage) }, "\(found)")
    }

    /// The end of a chain can be cut off without a trace in it: who kept the hash finds out.
    @Test func aHeadThatWasKeptIsMissedAndNothingElseIsBlamed() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        for limit in 1...5 { try rig.set("acme", "pids.max=\(limit)") }
        let head = try rig.store.verifyLimitHistory().head
        #expect(try rig.store.verifyLimitHistory(head: head.uppercased()).hasHead)
        let other = String(repeating: "a", count: 64)
        let unknown = try rig.store.verifyLimitHistory(head: other)
        #expect(!unknown.hasHead && unknown.damage.isEmpty)
        try tamper(
            rig,
            """
            DELETE FROM limit_change WHERE change_set = 5;
            DELETE FROM limit_change_set WHERE id = 5
            """)
        let cut = try rig.store.verifyLimitHistory(head: head)
        #expect(!cut.hasHead && cut.damage.isEmpty && cut.count == 4)
    }

    private func tamper(_ rig: LimitRig, _ sql: String) throws {
        let database = try DatabaseQueue(path: rig.store.path)
        try database.writeWithoutTransaction {
            let triggers = try String.fetchAll(
                $0,
                sql: """
                    SELECT name FROM sqlite_schema
                    WHERE type = 'trigger' AND tbl_name LIKE 'limit_change%'
                    """)
            for name in triggers { try $0.execute(sql: "DROP TRIGGER \(name)") }
            try $0.execute(sql: "PRAGMA foreign_keys = OFF")
            try $0.execute(sql: sql)
        }
    }
}

/// Keeps the bus of a rig while the test looks at it.
final class FakeBusBox {
    private var bus: FakeBus?
    var called: [String] { bus?.called ?? [] }
    func drop() { bus?.drop() }
    func refuse() { bus?.refuse() }
    func forget() { bus?.forget() }

    func make(
        _ folder: String, units: [String: String],
        onSet: @escaping @Sendable (String) -> Void = { _ in }
    ) -> FakeBus {
        let made = FakeBus(in: folder, units: units, onSet: onSet)
        bus = made
        return made
    }
}
