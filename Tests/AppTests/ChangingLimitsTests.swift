import App
import CgroupFormat
import Enforcing
import Limits
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Limits that are planned, set, removed and restored, in a folder with the files of cgroups.
@Suite struct ChangingLimitsTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.addCgroup("/acme")
        _ = firm.notices.take()
    }

    private func set(_ words: String..., isForced: Bool = false) throws -> LimitChangeSet {
        try firm.app.setLimits(of: "acme", words, firm.limits(isForced: isForced)).set
    }

    @Test func aPlanWritesNothing() throws {
        let answer = try firm.app.planLimits(
            of: "acme", ["cpu=0.5", "pids.max=9"], firm.limits())
        let sheet = answer.sheet
        #expect(
            sheet.columns.prefix(9) == [
                "cgroup", "limit", "before", "wanted", "after", "verified", "owner", "effect",
                "cost_per_hour",
            ])
        #expect(sheet.rows.count == 2)
        let cpu = try #require(sheet.rows.first { $0[1] == .text("cpu.max") })
        #expect(
            cpu == [
                .text("/acme"), .text("cpu.max"), .text("max 100000"), .text("50000 100000"),
                .none, .none, .text("file"), .none,
                .text("at most 0.1800 EUR; was without bound"), .text("core"), .none,
                .rational(Rational(1) / Rational(2)), .none, .none, .none,
                .rational(Rational(18) / Rational(100)), .none, .none, .text("EUR"),
            ])
        #expect(try firm.read("/acme", "cpu.max") == "max 100000")
        #expect(try firm.app.limitHistory().isEmpty)
    }

    @Test func whatIsSetIsReadBackAndRecorded() throws {
        let answer = try firm.app.setLimits(
            of: "acme", ["cpu=0.5", "pids.max=9"], firm.limits("quota"))
        #expect(try firm.read("/acme", "cpu.max") == "50000 100000")
        #expect(try firm.read("/acme", "pids.max") == "9")
        let set = answer.set
        #expect(set.action == .set && set.outcome == .done && set.reason == "quota")
        #expect(set.target == "acme" && set.tenant == "acme")
        #expect(set.changes.map(\.key).sorted() == ["cpu.max", "pids.max"])
        #expect(set.changes.allSatisfy { $0.isVerified && $0.owner == "file" })
        #expect(try firm.app.limitHistory().map(\.id) == [set.id])
        #expect(try firm.app.limitHistory().map(\.changes.count) == [2])
        let sheet = answer.sheet
        #expect(sheet.columns[8] == "change" && sheet.notInTable.contains("after"))
        let pids = try #require(sheet.rows.first { $0[1] == .text("pids.max") })
        #expect(
            pids.prefix(11) == [
                .text("/acme"), .text("pids.max"), .text("max"), .text("9"), .text("9"),
                .flag(true), .text("file"), .none, .integer(Int128(set.id)), .text("process"),
                .none,
            ])
        #expect(firm.notices.take() == [])
    }

    /// A path, the end of one, or the id of a tenant is the same target.
    @Test func aTargetHasSeveralNames() throws {
        try firm.addCgroup("/acme/web")
        for word in ["/acme/web", "acme/web", "web", "//acme//web"] {
            let answer = try firm.app.planLimits(of: word, ["pids.max=9"], firm.limits())
            #expect(answer.plan.writes.map(\.path) == ["/acme/web"], "\(word)")
        }
        #expect(
            try firm.app.planLimits(of: "/acme", ["pids.max=9"], firm.limits()).plan.target.tenant
                == "acme")
        try firm.addCgroup("/other/web")
        let fault = try refusal(.wrongUse, at: "\"web\"") {
            try firm.app.planLimits(of: "web", ["pids.max=9"], firm.limits())
        }
        #expect(fault.suggestion.contains("/acme/web"))
    }

    @Test(
        arguments: [
            ("acme", [], Fault.Kind.wrongUse), ("acme", ["cpu"], .wrongUse),
            ("acme", ["cpu=lots"], .wrongUse), ("acme", ["disk=5"], .wrongUse),
            ("acme", ["cpu=1", "cpu.max=2"], .wrongUse),
            ("acme", ["cpu.max=50000 100000"], .wrongUse),
            ("nowhere", ["cpu=1"], .unavailable), ("", ["cpu=1"], .unavailable),
            ("/..", ["cpu=1"], .unavailable), ("../../etc", ["cpu=1"], .unavailable),
            // Less than what cannot be reclaimed: the kernel would kill.
            ("acme", ["pids.max=5", "memory.max=1K"], .failed),
            // The lab has a path with a star, and no root.
            ("lab", ["cpu=1"], .badData),
        ] as [(String, [String], Fault.Kind)])
    func whatCannotBeSetIsNotSet(target: String, words: [String], kind: Fault.Kind) throws {
        for call in [
            { _ = try firm.app.planLimits(of: target, words, firm.limits()) },
            { _ = try firm.app.setLimits(of: target, words, firm.limits()) },
            {
                _ = try firm.app.boostLimits(
                    of: target, words, forMilliseconds: 60_000, firm.limits())
            },
        ] as [() throws -> Void] { try refusal(kind) { try call() } }
        #expect(try firm.read("/acme", "cpu.max") == "max 100000")
        #expect(try firm.read("/acme", "pids.max") == "max")
        #expect(try firm.app.limitHistory().isEmpty)
    }

    @Test func memoryIsTakenAwayOnlyByForce() throws {
        let fault = try refusal(.failed, at: "\(firm.tree)/acme/memory.max") {
            try set("memory.max=4095")
        }
        #expect(fault.suggestion.contains("--force"))
        #expect(try set("memory.max=4K", isForced: true).outcome == .done)
        #expect(try firm.read("/acme", "memory.max") == "4096")
    }

    @Test func aTreeThatIsNotThereIsSaid() throws {
        let nowhere = "\(firm.folder.path)/nowhere"
        try refusal(.unavailable, at: nowhere) {
            try firm.app.setLimits(of: "acme", ["cpu=1"], LimitOptions(root: nowhere))
        }
        try refusal(.wrongUse, at: "--root") {
            try firm.app.setLimits(of: "acme", ["cpu=1"], LimitOptions(root: ""))
        }
        // The tenant's root is not in this tree.
        try firm.folder.write("", to: "empty/cgroup.procs")
        try refusal(.unavailable, at: "tenant acme") {
            try firm.app.setLimits(
                of: "acme", ["cpu=1"], LimitOptions(root: "\(firm.folder.path)/empty"))
        }
    }

    /// Without `--root` it is the tree of octroi.yaml, and then the one that was collected last.
    @Test func theTreeIsFoundWithoutBeingNamed() throws {
        let start = try month(1).start
        _ = try Ticks(firm, root: firm.tree, at: start)
        _ = try firm.app.setLimits(of: "acme", ["pids.max=7"], LimitOptions())
        #expect(try firm.read("/acme", "pids.max") == "7")
        try firm.folder.write("max\n", to: "second/acme/pids.max")
        try firm.folder.write(
            "cgroup_root: \(firm.folder.path)/second\n", to: "config/octroi.yaml")
        let plan = try firm.app.planLimits(of: "acme", ["pids.max=8"], LimitOptions()).plan
        #expect(plan.writes.map(\.before) == [.number(.max)])
    }

    @Test func limitsAreRemoved() throws {
        _ = try set("cpu=0.5", "pids.max=9")
        let plan = try firm.app.planUnsetting(of: "acme", ["cpu"], firm.limits())
        #expect(plan.plan.writes.map { "\($0.wanted)" } == ["max 100000"])
        #expect(try firm.read("/acme", "cpu.max") == "50000 100000")
        let set = try firm.app.unsetLimits(of: "acme", ["cpu"], firm.limits()).set
        #expect(set.action == .unset && set.changes.map(\.after) == ["max 100000"])
        #expect(try firm.read("/acme", "cpu.max") == "max 100000")
        #expect(try firm.read("/acme", "pids.max") == "9")
    }

    /// `io.max` without a device means all that are limited.
    @Test func limitsOfAllDevicesAreRemovedAtOnce() throws {
        try refusal(.failed, at: "acme") {
            try firm.app.unsetLimits(of: "acme", ["io.max"], firm.limits())
        }
        try firm.write("8:0 rbps=1000 wbps=max riops=max wiops=max", "/acme", "io.max")
        let plan = try firm.app.planUnsetting(of: "acme", ["io.max"], firm.limits()).plan
        #expect(plan.writes.map { "\($0.key)" } == ["io.max 8:0"])
        let set = try firm.app.unsetLimits(of: "acme", ["io.max"], firm.limits()).set
        #expect(set.changes.map(\.key) == ["io.max 8:0"] && set.outcome == .done)
    }

    @Test(
        arguments: [
            ([], "limit unset"), (["disk"], "limit \"disk\""),
            (["cpu", "cpu=1"], "limit \"cpu=1\""),
        ] as [([String], String)])
    func whatIsNoLimitIsNotRemoved(words: [String], place: String) throws {
        for call in [
            { _ = try firm.app.unsetLimits(of: "acme", words, firm.limits()) },
            { _ = try firm.app.planUnsetting(of: "acme", words, firm.limits()) },
        ] as [() throws -> Void] { try refusal(.wrongUse, at: place) { try call() } }
        #expect(try firm.app.limitHistory().isEmpty)
    }

    @Test func aChangeIsUndoneByItsNumberOrItsTarget() throws {
        let first = try set("pids.max=9")
        let second = try set("pids.max=7")
        let undone = try firm.app.undoLimits("acme", firm.limits("slip")).set
        #expect(undone.action == .undo && undone.undoes == second.id)
        #expect(try firm.read("/acme", "pids.max") == "9")
        _ = try firm.app.undoLimits("\(first.id)", firm.limits())
        #expect(try firm.read("/acme", "pids.max") == "max")
        try refusal(.failed, at: "change \(first.id)") {
            try firm.app.undoLimits("\(first.id)", firm.limits())
        }
        try refusal(.failed, at: "acme") { try firm.app.undoLimits("acme", firm.limits()) }
        try refusal(.wrongUse, at: "change 99") { try firm.app.undoLimits("99", firm.limits()) }
        try refusal(.unavailable) { try firm.app.undoLimits("nobody", firm.limits()) }
        #expect(firm.notices.take() == [])
    }

    /// A value that somebody else wrote since is left as it is.
    @Test func aValueOfSomebodyElseIsNotUndone() throws {
        let set = try set("pids.max=9")
        try firm.write("11", "/acme", "pids.max")
        let fault = try refusal(.failed, at: "\(firm.tree)/acme/pids.max") {
            try firm.app.undoLimits("\(set.id)", firm.limits())
        }
        #expect(fault.problem.contains("now it is 11"))
        #expect(try firm.read("/acme", "pids.max") == "11")
    }

    /// Where the cgroup is gone, what was wanted is restored, and that is said.
    @Test func aChangeOfACgroupThatIsGoneIsSaid() throws {
        let set = try set("pids.max=9")
        try firm.folder.remove("tree/acme")
        let undone = try firm.app.undoLimits("\(set.id)", firm.limits()).set
        #expect(undone.changes.isEmpty)
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].contains("no longer exist"))
    }

    /// A copy of the store is not of this host, so it sets nothing; a plan only reads.
    @Test func aCopyOfTheStoreSetsNothing() throws {
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        let app = firm.other(store: copy)
        let fault = try refusal(.failed, at: copy) {
            try app.setLimits(of: "acme", ["pids.max=9"], firm.limits())
        }
        #expect(fault.suggestion.contains("store adopt"))
        #expect(try firm.read("/acme", "pids.max") == "max")
        #expect(
            try app.planLimits(of: "acme", ["pids.max=9"], firm.limits()).plan.writes.count == 1)
    }
}
