import CgroupFormat
@testable import Enforcing
import Foundation
import Limits
import Metering
import Store
import TestSupport
import Testing
import Units

/// Limits that stand for a time, and what is there when they end.
@Suite struct OverlayTests {
    private func acme(_ more: String...) throws -> LimitRig {
        try LimitRig(cgroups: ["/acme"] + more, tenants: [tenant("acme", root: "/acme")])
    }

    /// Lays what a budget's step would.
    @discardableResult
    private func step(
        _ rig: LimitRig, _ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue
    ) throws -> LimitOverlay {
        let overlay = LimitOverlay(
            .budget, subject, tenant: "acme", root: rig.tree.path, key, value,
            since: Instant(milliseconds: rig.time.milliseconds), until: nil)
        let targets = try LimitTargets(rig.tree, rig.store)
        try rig.changer.lay([overlay], targets, .budget, reason: "step")
        return try #require(rig.state.overlays.last)
    }

    private func lift(_ rig: LimitRig, _ overlay: LimitOverlay) throws {
        let targets = try LimitTargets(rig.tree, rig.store)
        try rig.changer.lay([], ending: [overlay], targets, .budget, reason: "left")
    }

    @Test func theCopyOfCrunGetsBackItsOwnValue() throws {
        let rig = try LimitRig(cgroups: ["/x.scope", "/x.scope/container"])
        try rig.write("20\n", "/x.scope", "pids.max")
        try rig.write("7\n", "/x.scope/container", "pids.max")
        try rig.boost("/x.scope", "pids.max=50", forMilliseconds: 60_000)
        #expect(try rig.read("/x.scope/container", "pids.max") == "50")
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(try rig.read("/x.scope", "pids.max") == "20")
        #expect(try rig.read("/x.scope/container", "pids.max") == "7")
        #expect(try rig.state.held.isEmpty)
    }

    @Test func whatABudgetHeldComesBackWhenABoostAboveItEnds() throws {
        let rig = try acme()
        let subject = LimitSubject(.tenant, "acme")
        let budget = try step(rig, subject, .pidsMax, .number(.at(9)))
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        rig.time.pass(60_000)
        let enforcer = rig.enforcer()
        #expect(try enforcer.look()?.written == 1)
        #expect(try rig.read("/acme", "pids.max") == "9", "the budget's")
        #expect(try enforcer.look()?.written == 0)
        try lift(rig, budget)
        #expect(try rig.read("/acme", "pids.max") == "max", "what was there before both")
        #expect(try rig.state.held.isEmpty)
    }

    /// What others set in the kernel, by a unit's file or an engine, may be tighter than a step.
    @Test func aBudgetOnlyTightens() throws {
        let rig = try acme("/acme/web")
        let web = LimitSubject(.container, "/acme/web")
        try rig.write("5\n", "/acme/web", "pids.max")
        try rig.write("8:0 rbps=max wbps=1000 riops=50 wiops=max\n", "/acme/web", "io.max")
        let device = LimitKey.ioMax(DeviceNumber(major: 8, minor: 0))
        let limit = try #require(LimitValue("wbps=2000 wiops=7", for: device))
        let steps = [
            try step(rig, web, .pidsMax, .number(.at(9))), try step(rig, web, device, limit),
        ]
        let enforcer = rig.enforcer()
        func look() throws -> [String] {
            _ = try enforcer.look()
            let io = try rig.tree.value(of: device, at: rig.tree.require("/acme/web"))
            return [try rig.read("/acme/web", "pids.max"), "\(io)"]
        }
        #expect(try look() == ["5", "rbps=max wbps=1000 riops=50 wiops=7"])
        // Loosened by whoever set it: then the step binds.
        try rig.write("20\n", "/acme/web", "pids.max")
        #expect(try look()[0] == "9")
        for overlay in steps { try lift(rig, overlay) }
        #expect(try look() == ["20", "rbps=max wbps=1000 riops=50 wiops=max"])
        #expect(try rig.state.held.isEmpty)
    }

    /// What others write while a step stands is what is there without it from then on.
    @Test func whatOthersWriteUnderABudgetIsKept() throws {
        let rig = try acme()
        try rig.write("20\n", "/acme", "pids.max")
        let overlay = try step(rig, LimitSubject(.tenant, "acme"), .pidsMax, .number(.at(9)))
        let enforcer = rig.enforcer()
        func look(_ written: String? = nil) throws -> String {
            if let written { try rig.write("\(written)\n", "/acme", "pids.max") }
            rig.time.pass(600_000)
            _ = try enforcer.look()
            return try rig.read("/acme", "pids.max")
        }
        #expect(try look() == "9")
        #expect(try look("3") == "3", "tighter")
        #expect(try look("50") == "9", "looser")
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        #expect(try look() == "9", "after a boost, too")
        #expect(try look("4") == "4")
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        #expect(try look() == "4", "what is tighter comes back")
        #expect(try look("30") == "9", "and binds nobody who loosens it")
        try lift(rig, overlay)
        #expect(try rig.read("/acme", "pids.max") == "30")
        #expect(try rig.state.held.isEmpty)
    }

    @Test func aFieldThatOnlyABudgetHoldsIsNotWanted() throws {
        let rig = try acme()
        let device = LimitKey.ioMax(DeviceNumber(major: 8, minor: 0))
        let limit = try #require(LimitValue("wbps=2000 riops=90", for: device))
        let overlay = try step(rig, LimitSubject(.tenant, "acme"), device, limit)
        try rig.set("acme", "io.max=8:0:riops=7,wiops=8")
        func io() throws -> String {
            "\(try rig.tree.value(of: device, at: rig.tree.require("/acme")))"
        }
        _ = try rig.enforcer().look()
        #expect(try io() == "rbps=max wbps=2000 riops=7 wiops=8")
        try lift(rig, overlay)
        #expect(try io() == "rbps=max wbps=max riops=7 wiops=8")
    }

    @Test func aLimitTighterThanABudgetsIsSet() throws {
        let rig = try acme()
        let overlay = try step(rig, LimitSubject(.tenant, "acme"), .cpuWeight, .weight(25))
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "cpu.weight=50") }
        #expect(fault?.problem.contains("a budget's step holds it at 25") == true)
        try rig.set("acme", "cpu.weight=5")
        #expect(try rig.read("/acme", "cpu.weight") == "5")
        #expect(try rig.enforcer().look()?.written == 0)
        try lift(rig, overlay)
        #expect(try rig.read("/acme", "cpu.weight") == "5")
    }

    @Test func aBudgetLaidBelowABoostWaitsForItsEnd() throws {
        let rig = try acme()
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        let budget = try step(rig, LimitSubject(.tenant, "acme"), .pidsMax, .number(.at(9)))
        #expect(try rig.read("/acme", "pids.max") == "500")
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        #expect(try rig.read("/acme", "pids.max") == "9")
        try lift(rig, budget)
        #expect(try rig.read("/acme", "pids.max") == "max")
    }

    @Test(arguments: [nil, "/lab"])
    func whatIsNobodysAnyMoreIsPutBack(root: String?) throws {
        let rig = try acme("/acme/web", "/lab")
        try step(rig, LimitSubject(.tenant, "acme"), .freeze, .frozen(true))
        try step(rig, LimitSubject(.tenant, "acme"), .pidsMax, .number(.at(9)))
        #expect(try rig.read("/acme/web", "cgroup.freeze") == "1")
        // The tenant is removed, or has another slice now.
        let now = Instant(milliseconds: rig.time.milliseconds)
        if let root {
            try rig.store.adoptTenants([tenant("acme", root: root)], at: now)
        } else {
            _ = try rig.store.removeTenant("acme", at: now)
        }
        let enforcer = rig.enforcer()
        #expect(try #require(try enforcer.look()).written >= 2)
        #expect(try rig.read("/acme/web", "cgroup.freeze") == "0")
        #expect(try rig.read("/acme", "pids.max") == "max")
        #expect(try rig.read("/lab", "pids.max") == (root == nil ? "max" : "9"))
        #expect(try enforcer.look()?.written == 0)
        #expect(try rig.state.held.map(\.path) == (root == nil ? [] : ["/lab", "/lab"]))
    }

    @Test func whatACgroupHadGoesWithIt() throws {
        let rig = try acme()
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        try FileManager.default.moveItem(
            atPath: "\(rig.folder.path)/tree/acme", toPath: "\(rig.folder.path)/old")
        _ = try rig.enforcer().look()
        #expect(try rig.state.held.isEmpty)
        #expect(try rig.state.overlays.count == 1)
    }

    @Test func twoThatHaveASayInOneCgroupDoNotFight() throws {
        let rig = try acme()
        let set = LimitChangeSet(
            at: Instant(milliseconds: 0), uid: 0, user: "root", target: "all", tenant: nil,
            action: .set, outcome: .done, reason: nil)
        func want(_ subject: LimitSubject, _ value: Int64) -> LimitEffect {
            .want(
                WantedLimit(
                    subject, .pidsMax, .number(.at(value)), source: .command,
                    since: Instant(milliseconds: 0)))
        }
        try rig.store.finishLimitChange(
            set,
            [want(.init(.tenant, "acme"), 30), want(.init(.container, "/acme"), 40)])
        let enforcer = rig.enforcer()
        let looks = try (0..<3).map { _ in try #require(try enforcer.look()) }
        #expect(looks.map(\.written) == [1, 0, 0] && looks.map(\.compared) == [1, 1, 1])
        #expect(try rig.read("/acme", "pids.max") == "40", "the container's own")
    }

    @Test func anotherTreesLimitsAreLeftAlone() throws {
        let rig = try acme()
        let id = try #require(rig.tree.cgroup("/acme")?.id)
        try rig.write("7\n", "/acme", "pids.max")
        _ = try rig.store.beginLimitChange(
            """
            {"lasting":true,"target":"acme","writes":[{"path":"/acme","cgroup":\(id),
            "key":"pids.max","before":"max","wanted":"7"}]}
            """, pid: 1, boot: "boot", root: "/another",
            at: Instant(milliseconds: rig.time.milliseconds))
        var overlay = LimitOverlay(
            .boost, LimitSubject(.tenant, "acme"), tenant: "acme", root: "/another", .cpuWeight,
            .weight(900), since: Instant(milliseconds: 0), until: Instant(milliseconds: 1))
        overlay.change = 1
        try rig.store.finishLimitChange(
            LimitChangeSet(
                at: Instant(milliseconds: 0), uid: 0, user: "root", target: "acme", tenant: nil,
                action: .boost, outcome: .done, reason: nil), [.lay(overlay)])
        #expect(try rig.enforcer().look()?.written == 0)
        #expect(try rig.read("/acme", "pids.max") == "7")
        #expect(try rig.store.pendingLimitChanges(in: "/another").count == 1)
        #expect(try rig.store.rootsOfOverdueBoosts(at: Instant(milliseconds: 2)) == ["/another"])
    }

    @Test func onlyAnOperatorsChangesAreUndone() throws {
        let rig = try acme()
        func refusal(_ change: Int64) -> String? {
            let fault = #expect(throws: Fault.self) { try rig.undo(change) }
            return fault?.problem
        }
        let set = try rig.set("acme", "pids.max=30")
        let boost = try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        #expect(refusal(set.id)?.contains("a boost holds it at 500") == true)
        #expect(try rig.read("/acme", "pids.max") == "500")
        let undone = try rig.undo(boost.id)
        #expect(try rig.read("/acme", "pids.max") == "30")
        #expect(refusal(undone.id)?.contains("ended a boost") == true)

        let second = try rig.boost("acme", "pids.max=600", forMilliseconds: 60_000)
        rig.time.pass(60_000)
        _ = try rig.enforcer().look()
        let expired = try #require(try rig.store.limitHistory().last)
        #expect(expired.action == .expire)
        #expect(refusal(expired.id)?.contains("the daemon's own") == true)
        #expect(refusal(second.id)?.contains("is over") == true)

        let targets = try LimitTargets(rig.tree, rig.store)
        let last = try rig.changer.lastChange(of: targets.find("acme"))
        #expect(last.id == set.id, "boosts that are over are none to undo")
        let unset = try rig.undo(set.id)
        #expect(try rig.read("/acme", "pids.max") == "max")
        try rig.undo(unset.id)
        #expect(try rig.read("/acme", "pids.max") == "30", "an undo of a set is one itself")
    }

    @Test func anEmptyTenantIsSaidToBeEmpty() throws {
        let rig = try LimitRig(
            cgroups: ["/t.slice"], tenants: [tenant("acme", root: "/t.slice")])
        #expect { try rig.set("acme", "freeze=on") } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
        #expect { try rig.boost("acme", "freeze=on", forMilliseconds: 60_000) } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
        #expect(try rig.store.limitHistory().isEmpty && rig.state.overlays.isEmpty)
    }

    @Test func aTenantOfOneServiceIsFrozenItself() throws {
        let rig = try LimitRig(
            cgroups: ["/system.slice/web.service"],
            tenants: [tenant("acme", root: "/system.slice/web.service")])
        try rig.set("acme", "freeze=on")
        #expect(try rig.read("/system.slice/web.service", "cgroup.freeze") == "1")
    }

    @Test(arguments: ["/acme/", "//acme", "/acme"])
    func aPathIsWrittenAsTheKernelWritesIt(word: String) throws {
        let rig = try acme()
        let set = try rig.set(word, "pids.max=5")
        #expect(set.target == "acme" && set.changes.map(\.path) == ["/acme"])
    }

    @Test func whatIsSaidOfATenantLaterHoldsForItsContainers() throws {
        let rig = try acme("/acme/web", "/acme/db")
        try rig.set("/acme/web", "freeze=on")
        try rig.set("acme", "freeze=off")
        let enforcer = rig.enforcer()
        #expect(try enforcer.look()?.written == 0)
        #expect(try rig.read("/acme/web", "cgroup.freeze") == "0")
        try rig.set("acme", "freeze=on")
        try rig.set("/acme/web", "freeze=off")
        #expect(try enforcer.look()?.written == 0)
        #expect(try rig.read("/acme/web", "cgroup.freeze") == "0")
        #expect(try rig.read("/acme/db", "cgroup.freeze") == "1")
    }

    @Test func fieldsOfADeviceThatDifferAreNotMixed() throws {
        var both = tenant("acme", root: "/a")
        both.match.append(.root("/b"))
        let rig = try LimitRig(cgroups: ["/a", "/b"], tenants: [both])
        try rig.write("8:0 wbps=500\n", "/a", "io.max")
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "io.max=8:0:riops=7") }
        #expect(fault?.problem.contains("different limits on io.max 8:0") == true)
        try rig.set("acme", "io.max=8:0:rbps=max,wbps=max,riops=7,wiops=max")
        #expect(try rig.read("/b", "io.max") == "8:0 rbps=max wbps=max riops=7 wiops=max")
    }

    @Test func whatCannotBeWrittenIsPutOffAndTheRestIsDone() throws {
        let path = "/tenant.slice/tenant-acme.slice"
        let bus = FakeBusBox()
        // systemd takes only what comes with CPU alone.
        let rig = try LimitRig(
            cgroups: [path], tenants: [tenant("acme", root: path)],
            bus: { folder in
                bus.make(folder, units: [path: "tenant-acme.slice"]) { _ in
                    try? Data("50000 100000\n".utf8).write(
                        to: URL(fileURLWithPath: "\(folder)/tree\(path)/cpu.max"))
                }
            })
        var contract = Contract(tenants: nil, books: nil)
        contract.limits = [
            GrantedLimits(
                tenant: "acme",
                settings: [
                    .cpuMax: .cpu(try #require(cpuMax("50%"))), .pidsMax: .number(.at(5)),
                ], drift: nil)
        ]
        _ = try rig.store.apply(
            contract, isPlan: false, at: Instant(milliseconds: rig.time.milliseconds))
        let enforcer = rig.enforcer()
        var (failures, said): ([Int], [Int]) = ([], [])
        for _ in 0..<8 {
            let look = try #require(try enforcer.look())
            failures.append(try rig.store.limitHistory().filter { $0.outcome == .failed }.count)
            said.append(look.messages.filter { $0.contains("pids.max") }.count)
            rig.time.pass(30_000)
        }
        #expect(try rig.read(path, "cpu.max") == "50000 100000")
        #expect(try rig.read(path, "pids.max") == "max")
        // Both together, then pids.max alone after 0, 60 and 180 s.
        #expect(failures == [2, 2, 3, 3, 3, 3, 4, 4])
        #expect(said == [1, 0, 1, 0, 0, 0, 1, 0])
    }

    @Test func aLiftedMemoryHighIsNoDriftWhenItsTimeIsOver() throws {
        let rig = try acme()
        var contract = Contract(tenants: nil, books: nil)
        contract.limits = [
            GrantedLimits(
                tenant: "acme", settings: [.memoryHigh: .number(.at(1 << 30))], drift: .alert)
        ]
        _ = try rig.store.apply(
            contract, isPlan: false, at: Instant(milliseconds: rig.time.milliseconds))
        let enforcer = rig.enforcer()
        for look in 0..<6 {
            try rig.write(
                "full avg10=0.00 avg60=0.00 avg300=0.00 total=\(look * 9_000_000)\n", "/acme",
                "memory.pressure")
            _ = try enforcer.look()
            rig.time.pass(10_000)
        }
        #expect(try rig.read("/acme", "memory.high") == "max")
        rig.time.pass(600_000)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "memory.high") == "1073741824")
        #expect(try rig.store.limitHistory().last?.action == .reassert)
    }
}
