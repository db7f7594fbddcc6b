import CgroupFormat
import Foundation
import Limits
import Metering
import Store
import Synchronization
import TestSupport
import Testing
import Units

@testable import Enforcing

/// What must not happen when a change is taken back, ends, or meets an owner that has gone.
@Suite struct SafetyTests {
    private let slice = "/tenant.slice/tenant-acme.slice"

    private func acme() throws -> LimitRig {
        try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
    }

    /// A rig whose systemd writes one text after another into a file, whatever it is asked for.
    private func managed(_ file: String, _ texts: String...) throws -> (LimitRig, FakeBusBox) {
        let bus = FakeBusBox()
        let left = Mutex(texts)
        let rig = try LimitRig(
            cgroups: [slice], tenants: [tenant("acme", root: slice)],
            bus: { [slice] folder in
                bus.make(folder, units: [slice: "tenant-acme.slice"]) { _ in
                    let text = left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                    guard let text else { return }
                    try? Data("\(text)\n".utf8).write(
                        to: URL(fileURLWithPath: "\(folder)/tree\(slice)/\(file)"))
                }
            })
        return (rig, bus)
    }

    private func remember(_ rig: LimitRig, _ write: String, boot: String = "boot") throws {
        let id = try #require(rig.tree.cgroup("/acme")?.id)
        _ = try rig.store.beginLimitChange(
            """
            {"lasting":true,"target":"acme","tenant":"acme","writes":[
            {"path":"/acme","cgroup":\(id),\(write)}]}
            """, pid: 1, boot: boot, root: rig.tree.path,
            at: Instant(milliseconds: rig.time.milliseconds))
    }

    @Test func memoryThatIsInUseByNowIsNotCutBack() throws {
        let rig = try acme()
        try remember(rig, #""key":"memory.max","before":"4096","wanted":"1073741824""#)
        try rig.write("1073741824\n", "/acme", "memory.max")
        try rig.write("8192\n", "/acme", "memory.current")
        try rig.set("acme", "pids.max=50")
        #expect(try rig.read("/acme", "memory.max") == "1073741824")
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
        let recovered = try #require(try rig.store.limitHistory().first)
        #expect(recovered.reason?.contains("as 8192 bytes are in use where it was 4096") == true)

        try rig.write("4096\n", "/acme", "memory.current")
        try remember(rig, #""key":"memory.max","before":"4096","wanted":"1073741824""#)
        try rig.set("acme", "pids.max=60")
        #expect(try rig.read("/acme", "memory.max") == "4096", "what is not in use is")
    }

    /// A plain folder freezes nothing, and neither does a kernel that has to wait for a disk.
    @Test(arguments: [("0", "1", "on"), ("1", "0", "off")])
    func aFreezeThatTakesNoHoldIsTakenBackInItsFile(
        before: String, wanted: String, word: String
    ) throws {
        let rig = try acme()
        let events = "populated 1\nfrozen \(before)\n"
        try rig.write(events, "/acme", "cgroup.events")
        try rig.write("\(before)\n", "/acme", "cgroup.freeze")
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "freeze=\(word)") }
        #expect(fault?.problem.contains("the kernel has \"\(before)\"") == true, "\(fault as Any)")
        #expect(try rig.read("/acme", "cgroup.freeze") == before)
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
        let failed = try #require(try rig.store.limitHistory().first)
        #expect(failed.outcome == .failed && failed.changes.map(\.isVerified) == [true])

        // The same where its writer died.
        try remember(
            rig, "\"key\":\"cgroup.freeze\",\"before\":\"\(before)\",\"wanted\":\"\(wanted)\"")
        try rig.write("\(wanted)\n", "/acme", "cgroup.freeze")
        try rig.set("acme", "pids.max=50")
        #expect(try rig.read("/acme", "cgroup.freeze") == before)
    }

    @Test func aBoostOfMemoryThatIsInUseByNowStandsAndStranglesNothing() throws {
        let rig = try acme()
        try rig.write("0\n", "/acme", "memory.swap.max")
        try rig.set("acme", "memory.max=512M")
        try rig.boost("acme", "memory.max=2G", forMilliseconds: 60_000)
        try rig.write("1073741824\n", "/acme", "memory.current")
        try rig.write(
            "anon 1000000000\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        rig.time.pass(60_000)
        let enforcer = rig.enforcer()
        let look = try #require(try enforcer.look())
        #expect(look.messages.contains { $0.contains("cannot be reclaimed") })
        #expect(try rig.read("/acme", "memory.max") == "2147483648")
        #expect(try rig.store.limitHistory().count == 2, "memory.high was not touched")
        // What was freed by then can go.
        try rig.write("4096\n", "/acme", "memory.current")
        try rig.write("anon 0\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        rig.time.pass(60_000)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "memory.max") == "536870912")
    }

    @Test func whatCannotEndKeepsNothingElseOfABoost() throws {
        let rig = try acme()
        try rig.write("0\n", "/acme", "memory.swap.max")
        try rig.set("acme", "memory.max=512M", "pids.max=50")
        try rig.boost("acme", "memory.max=2G", "pids.max=500", forMilliseconds: 60_000)
        try rig.write("1073741824\n", "/acme", "memory.current")
        try rig.write(
            "anon 1000000000\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(try rig.read("/acme", "memory.max") == "2147483648")
        #expect(try rig.read("/acme", "pids.max") == "50")
        #expect(try rig.state.overlays.map(\.key) == [.memoryMax])
    }

    /// What an owner refused is no change that was cut short.
    @Test func whatAnOwnerForbidsIsOnRecordAndNothingMore() throws {
        let (rig, bus) = try managed("pids.max")
        bus.refuse()
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "pids.max=40", "cpu=1") }
        #expect(fault?.kind == .notPermitted)
        #expect(fault?.suggestion.contains("50-octroi.rules") == true)
        #expect(fault?.problem.contains("taken back") == false)
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
        #expect(try rig.store.limitHistory().map(\.outcome) == [.failed])
    }

    @Test func aLockIsNoLinkToAnythingElse() throws {
        let rig = try acme()
        try rig.folder.write("precious", to: "file")
        let lock = "\(rig.store.path).limits"
        for target in ["file", "nothing"] {
            try? FileManager.default.removeItem(atPath: lock)
            try FileManager.default.createSymbolicLink(
                atPath: lock, withDestinationPath: "\(rig.folder.path)/\(target)")
            #expect(throws: Fault.self) { try rig.set("acme", "pids.max=40") }
        }
        let text = try String(contentsOfFile: "\(rig.folder.path)/file", encoding: .utf8)
        #expect(text == "precious")
        #expect(!FileManager.default.fileExists(atPath: "\(rig.folder.path)/nothing"))
    }

    /// An engine with crun freezes only crun's cgroup.
    @Test func whatIsFrozenInCrunsCopyIsFrozen() throws {
        let rig = try LimitRig(cgroups: ["/x.scope", "/x.scope/container"])
        let scope = try rig.tree.require("/x.scope")
        #expect(try rig.tree.value(of: .freeze, at: scope) == .frozen(false))
        try rig.write("1\n", "/x.scope/container", "cgroup.freeze")
        #expect(try rig.tree.value(of: .freeze, at: scope) == .frozen(true))
        try rig.set("/x.scope", "freeze=off")
        #expect(try rig.read("/x.scope/container", "cgroup.freeze") == "0")
    }

    @Test func undoingIsRefusedWhereItWouldKill() throws {
        let rig = try acme()
        try rig.write("0\n", "/acme", "memory.swap.max")
        try rig.write("4096\n", "/acme", "memory.max")
        let set = try rig.set("acme", "memory.max=2G")
        try rig.write(
            "anon 1000000\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        try rig.write("1000000\n", "/acme", "memory.current")
        let fault = #expect(throws: Fault.self) { try rig.undo(set.id) }
        #expect(fault?.problem.contains("would reclaim, then kill") == true)
        #expect(try rig.read("/acme", "memory.max") == "2147483648")
        try rig.undo(set.id, isForced: true)
        #expect(try rig.read("/acme", "memory.max") == "4096")
    }

    @Test func undoingABoostRefusesWhatAnotherChangedSince() throws {
        let rig = try acme()
        let boost = try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        try rig.write("33\n", "/acme", "pids.max")
        let fault = #expect(throws: Fault.self) { try rig.undo(boost.id) }
        for value in ["it was max", "after it 500", "now it is 33"] {
            #expect(fault?.problem.contains(value) == true)
        }
        #expect(try rig.state.overlays.count == 1)
        try rig.undo(boost.id, isForced: true)
        #expect(try rig.read("/acme", "pids.max") == "33")
        #expect(try rig.state.overlays.isEmpty && rig.state.held.isEmpty)
    }

    @Test func aBusThatWasRestartedIsConnectedAnew() throws {
        let (rig, bus) = try managed("pids.max", "40", "50")
        try rig.set("acme", "pids.max=40")
        bus.drop()
        let set = try rig.set("acme", "pids.max=50")
        #expect(set.changes.map(\.owner) == ["systemd:tenant-acme.slice"])
        #expect(try rig.read(slice, "pids.max") == "50")
    }

    /// systemd switches a controller on with a unit's first limit.
    @Test func aUnitsControllerThatIsOffIsNoObstacle() throws {
        let (rig, _) = try managed("cpu.max", "50000 100000")
        try rig.folder.write("cpu memory\n", to: "tree/cgroup.controllers")
        let file = "\(rig.folder.path)/tree\(slice)/cpu.max"
        try FileManager.default.removeItem(atPath: file)
        let set = try rig.set("acme", "cpu=0.5")
        #expect(set.changes.map(\.before) == ["max 100000"])
        #expect(try rig.read(slice, "cpu.max") == "50000 100000")
        // Nothing that is off everywhere can be switched on.
        try FileManager.default.removeItem(atPath: "\(rig.folder.path)/tree\(slice)/pids.max")
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "pids.max=4") }
        #expect(fault?.problem.contains("pids controller is not on") == true)
    }

    @Test func aBoostThatSystemdRoundedIsStillOurs() throws {
        let (rig, _) = try managed("cpu.max", "133300 100000", "max 100000")
        try rig.boost("acme", "cpu=1.333", forMilliseconds: 60_000)
        try rig.write("133000 100000\n", slice, "cpu.max")
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(try rig.read(slice, "cpu.max") == "max 100000")
        #expect(try rig.state.overlays.isEmpty && rig.state.held.isEmpty)
    }

    /// What /etc keeps would come back with a daemon-reload: systemd has the boost in a file of its own.
    @Test func aBoostIsKeptOverADaemonReloadUntilItEnds() throws {
        let (rig, _) = try managed("pids.max", "40", "500", "40")
        let file = "\(rig.folder.path)/units/tenant-acme.slice.d/zz-octroi.conf"
        try rig.set("acme", "pids.max=40")
        #expect(!FileManager.default.fileExists(atPath: file), "what is set for good needs none")
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.hasSuffix("[Slice]\nTasksMax=500\n"))
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(try rig.read(slice, "pids.max") == "40")
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    /// Or it would come back with the next unit of that name.
    @Test func whatWasKeptForAUnitGoesThoughTheUnitHasGone() throws {
        let (rig, _) = try managed("pids.max", "500")
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        try FileManager.default.removeItem(atPath: "\(rig.folder.path)/tree\(slice)")
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(
            !FileManager.default.fileExists(
                atPath: "\(rig.folder.path)/units/tenant-acme.slice.d/zz-octroi.conf"))
        #expect(try rig.state.overlays.isEmpty)
    }

    @Test func aBoostThatStandsAfterARebootHasATimerAgain() throws {
        let (rig, bus) = try managed("pids.max", "500")
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        #expect(bus.called.count { $0 == "StartTransientUnit" } == 1)
        _ = try rig.enforcer().look()
        #expect(bus.called.count { $0 == "StartTransientUnit" } == 1, "it has one")
        bus.forget()
        let enforcer = rig.enforcer()
        _ = try enforcer.look()
        #expect(bus.called.count { $0 == "StartTransientUnit" } == 2)
        _ = try enforcer.look()
        #expect(bus.called.count { $0 == "StartTransientUnit" } == 2, "once")
    }

    @Test func aCopyOfCrunThatIsTighterIsNothingToAdopt() throws {
        let rig = try LimitRig(
            cgroups: ["/acme/x.scope", "/acme/x.scope/container"],
            tenants: [tenant("acme", root: "/acme")])
        var contract = Contract(tenants: nil, books: nil)
        contract.limits = [GrantedLimits(tenant: "acme", settings: [:], drift: .adopt)]
        _ = try rig.store.apply(
            contract, isPlan: false, at: Instant(milliseconds: rig.time.milliseconds))
        try rig.set("/acme/x.scope", "pids.max=50")
        let enforcer = rig.enforcer()
        _ = try enforcer.look()
        try rig.write("5\n", "/acme/x.scope/container", "pids.max")
        for _ in 0..<3 { _ = try enforcer.look() }
        #expect(try rig.read("/acme/x.scope/container", "pids.max") == "50")
        #expect(try rig.store.limitHistory().map(\.action) == [.set, .reassert])
    }

    /// Ids of cgroups begin anew at each boot.
    @Test func whatAnotherBootWroteIsNoDrift() throws {
        let rig = try acme()
        var contract = Contract(tenants: nil, books: nil)
        contract.limits = [
            GrantedLimits(tenant: "acme", settings: [.pidsMax: .number(.at(50))], drift: .adopt)
        ]
        _ = try rig.store.apply(
            contract, isPlan: false, at: Instant(milliseconds: rig.time.milliseconds))
        _ = try rig.enforcer().look()
        try rig.write("max\n", "/acme", "pids.max")
        let later = LimitChanger(tree: rig.tree, store: rig.store, boot: "the next") { [rig] in
            Instant(milliseconds: rig.time.milliseconds)
        }
        let enforcer = Enforcer(changer: later, store: rig.store, budgets: nil) { 0 }
        #expect(try enforcer.look()?.written == 1)
        #expect(try rig.read("/acme", "pids.max") == "50")
    }

    /// What the kernel's files say may be anything: it is read by the kernel's rules, or not at all.
    @Test func foreignNumbersNeitherTrapNorCount() throws {
        let rig = try acme()
        let most = Int64.max
        try rig.write("\(most) 100000\n", "/acme", "cpu.max")
        try rig.write(
            "anon \(most)\nfile 0\nkernel \(most)\nsock 1\nshmem 1\ninactive_file 0\n", "/acme",
            "memory.stat")
        try rig.write("18446744073709551615\n", "/acme", "memory.current")
        try rig.write("some total=-\(most)\nfull total=1x\n", "/acme", "memory.pressure")
        try rig.write("nr_throttled 5\nthrottled_usec -7\n", "/acme", "cpu.stat")
        try rig.write("8:0 rbps=x\n   \n8:16 rbps=5\n", "/acme", "io.max")
        let cgroup = try #require(rig.tree.cgroup("/acme"))
        let now = cgroup.circumstances()
        #expect(now.unreclaimable == nil && now.memory == nil && now.processes == 3)
        #expect(cgroup.stalled("memory.pressure", full: true) == nil)
        #expect(cgroup.stalled("memory.pressure", full: false) == nil)
        #expect(cgroup.hitCount(of: .cpuMax) == nil)
        #expect(cgroup.counter("cpu.stat", "nr_throttled") == 5)
        #expect(throws: Fault.self) {
            try rig.tree.value(of: .ioMax(DeviceNumber(major: 8, minor: 0)), at: cgroup)
        }
        #expect(cgroup.limitedDevices.map(\.minor) == [0, 16])
        try rig.set("acme", "cpu=1.5")
        #expect(try rig.read("/acme", "cpu.max") == "150000 100000")
    }
}
