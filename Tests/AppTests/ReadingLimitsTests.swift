import App
import CgroupFormat
import Enforcing
import Limits
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Limits as they are, their history, and what a host can enforce.
@Suite struct ReadingLimitsTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.addCgroup("/acme")
        try firm.addCgroup("/acme/web")
    }

    private func status(
        _ key: LimitKey, of target: String = "acme", hasUnset: Bool = false
    ) throws -> LimitStatus? {
        try firm.app.limits(of: target, hasUnset: hasUnset, firm.limits()).first { $0.key == key }
    }

    /// The row of a limit by the names of its columns.
    private func row(_ key: LimitKey, of target: String = "acme") throws -> [String: Cell] {
        let sheet = limitSheet(try firm.app.limits(of: target, hasUnset: true, firm.limits()))
        let row = try #require(sheet.rows.first { $0[1] == .text("\(key)") })
        return Dictionary(uniqueKeysWithValues: zip(sheet.columns, row))
    }

    @Test func whatLimitsNothingIsShownOnDemand() throws {
        #expect(try status(.cpuMax) == nil)
        #expect(try status(.cpuMax, hasUnset: true)?.written == .cpu(CPUMax(quota: .max)))
        _ = try firm.app.setLimits(of: "acme", ["cpu=0.5"], firm.limits())
        let cpu = try #require(try status(.cpuMax))
        #expect(cpu.written == cpu.wanted && cpu.effective?.value == cpu.written)
        #expect(cpu.effective?.binding == ["/acme"] && cpu.owner == .file)
        #expect(cpu.because == nil && cpu.trouble == nil && cpu.biting == nil)
        #expect(try status(.pidsMax) == nil)
        // Somebody wants it to limit nothing, which is not the same as nobody wanting anything.
        _ = try firm.app.setLimits(of: "acme", ["pids.max=max"], firm.limits())
        #expect(try status(.pidsMax)?.wanted == .number(.max))
    }

    @Test func aValueThatIsNotTheWantedOneIsMarked() throws {
        _ = try firm.app.setLimits(of: "acme", ["pids.max=9"], firm.limits())
        #expect(try row(.pidsMax)["note"] == Cell.none)
        try firm.write("11", "/acme", "pids.max")
        let found = try row(.pidsMax)
        #expect(found["value"] == .text("11") && found["wanted"] == .text("9"))
        #expect(found["note"] == .text("not as wanted"))
        _ = try firm.app.boostLimits(
            of: "acme", ["cpu=0.4"], forMilliseconds: 60_000, firm.limits())
        #expect(try row(.cpuMax)["note"] == .text("by a boost"))
    }

    /// The cgroup above may bind more tightly, and then it is named.
    @Test func whatBindsIsNamed() throws {
        try firm.write("50000 100000", "/acme/web", "cpu.max")
        let own = limitSheet(
            try firm.app.limits(of: "/acme/web", hasUnset: false, firm.limits()))
        #expect(own.notInTable == ["bound_by"], "all limits are the cgroup's own")
        try firm.write("30000 100000", "/acme", "cpu.max")
        let found = try row(.cpuMax, of: "/acme/web")
        #expect(found["value"] == .text("50000 100000"))
        #expect(found["effective"] == .text("30000 100000"))
        #expect(found["bound_by"] == .text("/acme"))
        let sheet = limitSheet(
            try firm.app.limits(of: "/acme/web", hasUnset: false, firm.limits()))
        #expect(sheet.notInTable.isEmpty)
    }

    @Test func aLimitThatCannotBeReadIsSaid() throws {
        try firm.folder.remove("tree/acme/pids.max")
        let missing = try row(.pidsMax)
        #expect(missing["value"] == Cell.none && missing["effective"] == Cell.none)
        #expect(missing["note"] == .text("the pids controller is off here"))
        try firm.write("many", "/acme", "pids.max")
        guard case .text(let note)? = try row(.pidsMax)["note"] else {
            Issue.record("no note on a text that is no limit")
            return
        }
        #expect(note.hasPrefix("not known, as") && note.contains("many"))
    }

    @Test func unknownTargetsAreRefused() throws {
        for word in ["nobody", "/nowhere", "lab\u{1B}"] {
            try refusal(.unavailable) {
                try firm.app.limits(of: word, hasUnset: true, firm.limits())
            }
        }
        try refusal(.unavailable, at: "\(firm.folder.path)/none.db") {
            try firm.other(store: "\(firm.folder.path)/none.db")
                .limits(of: "acme", hasUnset: true, firm.limits())
        }
    }

    @Test func theHistoryIsReadByTargetAndNumber() throws {
        for limit in 1...3 {
            _ = try firm.app.setLimits(of: "acme", ["pids.max=\(limit)"], firm.limits())
        }
        _ = try firm.app.setLimits(of: "/acme/web", ["pids.max=1", "cpu=0.5"], firm.limits())
        let all = try firm.app.limitHistory()
        #expect(all.map(\.target) == ["acme", "acme", "acme", "/acme/web"])
        #expect(try firm.app.limitHistory(most: 2).map(\.id) == all.suffix(2).map(\.id))
        #expect(try firm.app.limitHistory(of: "web").map(\.id) == [all[3].id])
        // The tenant's own, and those of its containers.
        #expect(try firm.app.limitHistory(of: "acme").count == 4)
        #expect(firm.notices.take() == [])
        #expect(try firm.app.limitHistory(of: "a\u{1B}b").isEmpty)
        #expect(firm.notices.take() == ["no change of a\\u{1B}b is written down"])
    }

    @Test func everyWrittenValueHasARow() throws {
        let set = try firm.app.setLimits(
            of: "acme", ["pids.max=9", "cpu=0.5"], firm.limits("quota")
        ).set
        _ = try firm.app.setBudget(of: "acme", BudgetWords(amount: "5"))
        let sheet = historySheet(try firm.app.limitHistory())
        #expect(
            sheet.columns == [
                "change", "at", "user", "uid", "action", "outcome", "target", "tenant", "cgroup",
                "limit", "before", "wanted", "after", "verified", "owner", "reason", "undoes",
                "expires",
            ])
        #expect(sheet.rows.count == 3)
        let pids = try #require(sheet.rows.first { $0[9] == .text("pids.max") })
        #expect(
            pids == [
                .integer(Int128(set.id)), .time(set.at), .text(set.user), .integer(Int128(set.uid)),
                .text("set"), .text("done"), .text("acme"), .text("acme"), .text("/acme"),
                .text("pids.max"), .text("max"), .text("9"), .text("9"), .flag(true),
                .text("file"), .text("quota"), .none, .none,
            ])
        // A change that wrote nothing has one row without values.
        #expect(sheet.rows[2][4] == .text("budget"))
        #expect(sheet.rows[2][8...14].allSatisfy { $0 == .none })
    }

    @Test func theHistoryIsProvedByItsHashes() throws {
        _ = try firm.app.setLimits(of: "acme", ["pids.max=9"], firm.limits())
        let first = try firm.app.verifyLimitHistory()
        #expect(first.fault == nil && first.sheet.rows.isEmpty)
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("1 changes checked; the last hash is "))
        let head = String(try #require(said[0].split(separator: " ").last))
        _ = try firm.app.setLimits(of: "acme", ["pids.max=8"], firm.limits())
        #expect(try firm.app.verifyLimitHistory(head: head).fault == nil)
        let other = String(repeating: "ab", count: 32)
        let missing = try #require(try firm.app.verifyLimitHistory(head: other).fault)
        #expect(missing.kind == .failed && missing.problem.contains("no change has \(other)"))
        // Altered records are worse than a hash that is not there.
        for name in try firm.sql(
            "SELECT name FROM sqlite_schema "
                + "WHERE type = 'trigger' AND tbl_name LIKE 'limit_change%'"
        ) { try firm.forge("DROP TRIGGER \(name)") }
        try firm.forge("UPDATE limit_change_set SET user = 'nobody' WHERE id = 1")
        let altered = try firm.app.verifyLimitHistory(head: other)
        #expect(altered.damage.count == 1 && altered.sheet.rows.count == 1)
        #expect(altered.fault?.problem.contains("1 records") == true)
        #expect(altered.fault?.location == firm.store)
    }

    /// A plain folder enforces nothing, and the check works without a store.
    @Test func whatAHostCanEnforceIsFound() throws {
        for app in [firm.app, firm.other(store: "\(firm.folder.path)/none.db")] {
            let found = try app.limitFindings(root: firm.tree)
            let first = try #require(found.first)
            #expect(first.what == "cgroup v2" && first.state == .no)
            let cpu = try #require(found.first { $0.what == "cpu.max" })
            #expect(cpu.state == .no)
            let sheet = findingSheet(found)
            #expect(sheet.columns == ["what", "state", "found", "fix"])
            #expect(sheet.rows.count == found.count)
            #expect(sheet.rows[0][1] == .text("no") && sheet.rows[0][2] == .text(first.found))
        }
        let nowhere = "\(firm.folder.path)/nowhere"
        try refusal(.unavailable, at: nowhere) { try firm.app.limitFindings(root: nowhere) }
        try firm.folder.write("cgroup_root: \(nowhere)\n", to: "config/octroi.yaml")
        try refusal(.unavailable, at: nowhere) { try firm.app.limitFindings() }
    }
}
