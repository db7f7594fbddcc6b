import App
import CgroupFormat
import Enforcing
import Limits
import Store
import TestSupport
import Testing
import Units

/// Limits for a time, and who ends them.
@Suite struct BoostingLimitsTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.addCgroup("/acme")
        _ = try firm.app.setLimits(of: "acme", ["pids.max=50"], firm.limits())
        _ = firm.notices.take()
    }

    private func boost(_ words: String..., milliseconds: Int64 = 3_600_000) throws
        -> LimitChangeSet
    {
        try firm.app.boostLimits(
            of: "acme", words, forMilliseconds: milliseconds, firm.limits("release")
        ).set
    }

    /// Lets the time of all boosts be over, as if they had been set a day earlier.
    private func letTimePass() throws {
        try firm.forge(
            """
            UPDATE limit_overlay SET since_ms = since_ms - 86400000,
                until_ms = until_ms - 86400000 WHERE source = 'boost'
            """)
    }

    @Test func aBoostSaysWhenItEnds() throws {
        let set = try boost("pids.max=500")
        #expect(set.action == .boost && set.reason == "release")
        let expires = try #require(set.expires)
        #expect(expires.milliseconds - set.at.milliseconds <= 3_600_000)
        #expect(try firm.read("/acme", "pids.max") == "500")
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("it ends at "))
        let status = try firm.app.limits(of: "acme", hasUnset: false, firm.limits())
        #expect(status.first { $0.key == .pidsMax }?.because == "boost")
    }

    @Test(arguments: [0, 999, -5] as [Int64])
    func aBoostTakesASecondAtLeast(milliseconds: Int64) throws {
        try refusal(.wrongUse, at: "--for") {
            try boost("pids.max=500", milliseconds: milliseconds)
        }
        #expect(try firm.read("/acme", "pids.max") == "50")
    }

    /// A lasting limit under a boost would have no effect now, so it is refused.
    @Test func whatABoostHidesIsRefused() throws {
        let set = try boost("pids.max=500")
        for call in [
            { _ = try firm.app.setLimits(of: "acme", ["pids.max=70"], firm.limits()) },
            { _ = try firm.app.planLimits(of: "acme", ["pids.max=70"], firm.limits()) },
            { _ = try firm.app.unsetLimits(of: "acme", ["pids.max"], firm.limits()) },
            { _ = try firm.app.planUnsetting(of: "acme", ["pids.max"], firm.limits()) },
        ] as [() throws -> Void] {
            let fault = try refusal(.failed, at: "acme, pids.max") { try call() }
            #expect(fault.suggestion.contains("octroi limit undo \(set.id)"))
        }
        // Another boost may replace it.
        let plan = try firm.app.planLimits(
            of: "acme", ["pids.max=70"], isBoost: true, firm.limits())
        #expect(plan.plan.writes.map(\.wanted) == [.number(.at(70))])
        #expect(try boost("pids.max=600").outcome == .done)
        #expect(try firm.read("/acme", "pids.max") == "600")
    }

    @Test func aBoostIsEndedByUndoingIt() throws {
        let set = try boost("pids.max=500")
        let undone = try firm.app.undoLimits("\(set.id)", firm.limits()).set
        #expect(undone.undoes == set.id)
        #expect(try firm.read("/acme", "pids.max") == "50")
        try refusal(.failed, at: "change \(set.id)") {
            try firm.app.undoLimits("\(set.id)", firm.limits())
        }
    }

    @Test func onlyBoostsWhoseTimeIsOverEnd() throws {
        _ = try boost("pids.max=500")
        let early = try firm.app.expireBoosts(firm.limits())
        #expect(early.ended.isEmpty && early.fault == nil)
        #expect(try firm.read("/acme", "pids.max") == "500")
        try letTimePass()
        let late = try firm.app.expireBoosts(firm.limits())
        #expect(late.ended.map(\.set.action) == [.expire] && late.fault == nil)
        #expect(try firm.read("/acme", "pids.max") == "50")
        #expect(try firm.app.limitHistory().last?.action == .expire)
        let count = try firm.app.limitHistory().count
        _ = try firm.app.expireBoosts(firm.limits())
        #expect(try firm.app.limitHistory().count == count)
    }

    /// If neither the timer nor the daemon ended it, the next command that changes limits does.
    @Test func theNextChangeEndsIt() throws {
        let set = try boost("pids.max=500")
        try letTimePass()
        _ = firm.notices.take()
        // Whoever only reads leaves it.
        _ = try firm.app.limits(of: "acme", hasUnset: true, firm.limits())
        _ = try firm.app.planLimits(of: "acme", ["cpu.weight=90"], firm.limits())
        #expect(try firm.read("/acme", "pids.max") == "500")
        _ = try firm.app.setLimits(of: "acme", ["cpu.weight=90"], firm.limits())
        #expect(try firm.read("/acme", "pids.max") == "50")
        #expect(
            firm.notices.take() == [
                "acme: the boost of change \(set.id) is over, it is as before"
            ])
    }

    /// A boost in a tree that is gone counts as over, and cannot restore anything.
    @Test func aBoostOfALostTreeIsEnded() throws {
        try firm.folder.write("max\n", to: "other/acme/pids.max")
        let other = "\(firm.folder.path)/other"
        _ = try firm.app.boostLimits(
            of: "acme", ["pids.max=9"], forMilliseconds: 3_600_000, LimitOptions(root: other))
        try firm.folder.remove("other")
        try letTimePass()
        _ = firm.notices.take()
        _ = try firm.app.setLimits(of: "acme", ["cpu.weight=90"], firm.limits())
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("acme: ") && said[0].contains(other))
        _ = try firm.app.setLimits(of: "acme", ["cpu.weight=91"], firm.limits())
        #expect(firm.notices.take() == [])
    }

    /// What cannot be restored is said, and keeps nobody from the change that was asked for.
    @Test func aBoostThatCannotBeEndedIsSaid() throws {
        let set = try boost("pids.max=500")
        try letTimePass()
        _ = firm.notices.take()
        // No number of processes: what the kernel has now is not known.
        try firm.write("many", "/acme", "pids.max")
        let change = try firm.app.setLimits(of: "acme", ["cpu.weight=90"], firm.limits()).set
        #expect(change.outcome == .done && set.id < change.id)
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("a boost is over: "), "\(said)")
        let result = try firm.app.expireBoosts(firm.limits())
        #expect(result.ended.isEmpty)
        #expect(result.fault?.location.hasSuffix("/acme/pids.max") == true)
    }
}
