import Foundation
import TestSupport
import Testing

/// Limits and budgets as a user meets them, on a folder with the files of cgroups.
@Suite struct EnforcementTests {
    private let desk: Desk
    private let root = "tree/tenant-acme.slice"

    init() throws {
        desk = try Desk()
        _ = try desk.run("apply")
        for (file, text) in [
            ("cpu.max", "max 100000"), ("cpu.weight", "100"), ("memory.max", "max"),
            ("memory.high", "max"), ("memory.current", "8192"), ("pids.max", "max"),
            ("pids.current", "3"), ("cgroup.freeze", "0"), ("io.max", ""),
        ] {
            try desk.folder.write(text + "\n", to: "\(root)/\(file)")
        }
    }

    private func limit(_ words: String...) throws -> ProcessResult {
        try octroi(["limit"] + words + ["--root", desk.tree], store: desk.store)
    }

    private func read(_ file: String) throws -> String {
        try desk.read("tenant-acme.slice/\(file)")
    }

    @Test func setUnsetUndoAndHistory() throws {
        let set = try limit("set", "acme", "cpu=1.5", "pids.max=9", "--reason", "quota")
        #expect(set.status == 0, "\(set.errors)")
        #expect(try limit("unset", "acme", "cpu").status == 0)
        #expect(try read("cpu.max").hasPrefix("max") && read("pids.max") == "9")
        #expect(try limit("undo", "acme").status == 0)
        #expect(try read("cpu.max") == "150000 100000")
        #expect(try limit("undo", "1").status == 0, "the first change, by its number")
        #expect(try read("cpu.max").hasPrefix("max") && read("pids.max") == "max")
        let twice = try limit("undo", "1")
        #expect(twice.status == 1 && twice.errors.contains("has undone it already"))
        #expect(try limit("undo", "99").status == 64)
        let none = try limit("undo", "acme")
        #expect(none.status == 1 && none.errors.contains("no change is left"))

        let history = try desk.run("limit", "history", "acme", "--format", "csv")
        let rows = history.lines.dropFirst().map { $0.split(separator: ",").map(String.init) }
        #expect(rows.map { $0[4] } == ["set", "set", "unset", "undo", "undo", "undo"])
        #expect(rows[0].contains("quota"))
        let whole = try desk.run("limit", "history", "--verify")
        #expect(whole.status == 0 && whole.output == "")
        let head = try #require(whole.errors.split(separator: " ").last?.dropLast())
        #expect(whole.errors.contains("4 changes checked"))
        #expect(try desk.run("limit", "history", "--head", "\(head)").status == 0)
        // A typing error accuses nobody.
        let typo = try desk.run("limit", "history", "--head", "ab", "--format", "csv")
        #expect(typo.status == 64 && typo.errors.contains("Give the 64 hex digits"))
        let other = try desk.run(
            "limit", "history", "--head", String(repeating: "ab", count: 32), "--format", "csv")
        #expect(other.status == 1 && other.errors.contains("no such hash"))
        #expect(!other.errors.contains("somebody") && other.output == "damage\n")
        let unknown = try desk.run("limit", "history", "nosuch")
        #expect(unknown.errors == "octroi: no change of nosuch is written down\n")
    }

    @Test func showSaysWhatIsWantedWrittenInForceAndWhoBinds() throws {
        try desk.folder.write("50000 100000\n", to: "\(root)/web/cpu.max")
        _ = try limit("set", "acme", "cpu=0.3")
        let shown = try limit("show", "/tenant-acme.slice/web", "--format", "csv")
        let row = shown.lines.first { $0.contains(",cpu.max,") }
        #expect(
            row
                == "/tenant-acme.slice/web,cpu.max,50000 100000,,,30000 100000,/tenant-acme.slice,,file"
        )
        try desk.folder.write("70000 100000\n", to: "\(root)/cpu.max")
        let drifted = try limit("show", "acme", "--format", "csv")
        #expect(drifted.lines.contains { $0.contains(",cpu.max,70000 100000,not as wanted,") })
    }

    @Test func showSaysHowALimitBitesSinceItWasSet() throws {
        func write(_ throttled: Int, _ waited: Int, _ forks: Int) throws {
            try desk.folder.write(
                "usage_usec 9000\nthrottled_usec \(throttled)\n", to: "\(root)/cpu.stat")
            try desk.folder.write(
                "some avg10=0.00 avg60=0.00 avg300=0.00 total=\(waited)\n",
                to: "\(root)/cpu.pressure")
            try desk.folder.write("max \(forks)\n", to: "\(root)/pids.events")
        }
        func biting() throws -> [String] {
            try limit("show", "acme", "--format", "csv").lines
                .flatMap { $0.split(separator: ",").map(String.init) }
                .filter {
                    $0.contains("throttled") || $0.contains("waited") || $0.contains("forks")
                }
                .map { $0.components(separatedBy: " since")[0] }
        }
        try write(5000, 2000, 3)
        #expect(try limit("set", "acme", "cpu=0.3", "cpu.weight=50", "pids.max=9").status == 0)
        #expect(try biting() == [])
        try write(12_999, 4000, 4)
        #expect(try biting() == ["throttled 7 ms", "waited 2 ms for CPUs", "1 forks refused"])
    }

    /// A program reads no sentences.
    @Test(arguments: [true, false])
    func whatAPlanSaysIsInFields(isPlan: Bool) throws {
        try desk.folder.write(
            "anon 4096\nfile 4096\nkernel 0\nsock 0\nshmem 0\n", to: "\(root)/memory.stat")
        try desk.folder.write("5\n", to: "\(root)/pids.max")
        let words = ["limit", "set", "acme", "memory.max=1G", "pids.max=max"]
        let result = try octroi(
            words + (isPlan ? ["--plan"] : []) + ["--format", "json", "--root", desk.tree],
            store: desk.store)
        #expect(result.status == 0, "\(result.errors)")
        let rows = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
        func row(_ limit: String) throws -> [String: Any] {
            try #require(rows.first { $0["limit"] as? String == limit })
        }
        let (memory, pids) = (try row("memory.max"), try row("pids.max"))
        #expect(memory["unit"] as? String == "byte" && pids["unit"] as? String == "process")
        #expect(memory["before_quantity"] is NSNull)
        #expect(memory["wanted_quantity"] as? String == "1073741824")
        #expect(memory["used_quantity"] as? String == "8192")
        #expect(memory["reclaimable_bytes"] as? Int == 4096)
        #expect(pids["before_quantity"] as? String == "5" && pids["wanted_quantity"] is NSNull)
        #expect(pids["used_quantity"] as? String == "3")
    }

    @Test(arguments: [
        ["--slice", "system.slice"], ["--slice", "user.slice"], ["--slice", "user-1000.slice"],
        ["--root", "/system.slice"], ["--root", "/user.slice/user-0.slice"],
    ])
    func slicesOfTheHostAreNoTenantsByMistake(rule: [String]) throws {
        let words = ["tenant", "add", "all"] + rule + ["--no-unit"]
        let refused = try octroi(words, store: desk.store)
        #expect(refused.status == 1 && refused.errors.contains("the host's own services"))
        #expect(try !desk.run("tenant", "list").output.contains("all"))
        #expect(try octroi(words + ["--force"], store: desk.store).status == 0)
    }

    @Test func aPlanNeedsNoRightToWrite() throws {
        let plan = try limit("set", "acme", "cpu=1", "--plan", "--format", "csv")
        #expect(plan.status == 0 && plan.lines.count == 2, "\(plan.errors)")
        let none = try octroi(
            ["limit", "set", "acme", "cpu=1", "--plan", "--root", desk.tree],
            store: "\(desk.folder.path)/no.db")
        #expect(none.status == 69 && none.errors.contains("no store here"))
        #expect(!FileManager.default.fileExists(atPath: "\(desk.folder.path)/no.db"))
    }

    @Test func aBoostIsEndedByTheNextCommandThatChangesLimits() throws {
        _ = try limit("set", "acme", "pids.max=50")
        let boost = try limit("boost", "acme", "pids.max=500", "--for", "1h", "--reason", "release")
        #expect(boost.status == 0 && boost.errors.contains("next octroi limit command"))
        #expect(try read("pids.max") == "500")
        let held = try limit("set", "acme", "pids.max=70")
        #expect(held.status == 1 && held.errors.contains("a boost holds it at 500"))
        try desk.moveBoostsIntoThePast()
        // Whoever only reads, or writes something else, leaves it.
        for words in [
            ["tenant", "list"], ["usage"], ["report", "list"], ["store", "info"], ["apply"],
            ["limit", "show", "acme", "--root", desk.tree], ["limit", "history"],
            ["limit", "set", "acme", "cpu=1", "--plan", "--root", desk.tree],
        ] {
            let other = try octroi(words, store: desk.store)
            #expect(other.status == 0, "\(words): \(other.errors)")
            #expect(try read("pids.max") == "500", "\(words)")
        }
        let next = try limit("set", "acme", "cpu.weight=90")
        #expect(next.status == 0 && next.errors.contains("is over, it is as before"))
        #expect(try read("pids.max") == "50")
        #expect(try limit("boost", "acme", "cpu=2", "--for", "0s").status == 64)
        #expect(try limit("set", "acme", "pids.max=60", "--for", "1h").status == 0)
        #expect(try limit("undo", "acme").status == 0)
        #expect(try read("pids.max") == "50")
    }

    @Test func aBoostOfATreeThatIsGoneIsEnded() throws {
        try desk.folder.write("max\n", to: "other/tenant-acme.slice/pids.max")
        let other = "\(desk.folder.path)/other"
        let boost = try octroi(
            ["limit", "boost", "acme", "pids.max=9", "--for", "1h", "--root", other],
            store: desk.store)
        #expect(boost.status == 0, "\(boost.errors)")
        try FileManager.default.removeItem(atPath: other)
        try desk.moveBoostsIntoThePast()
        #expect(try limit("set", "acme", "cpu.weight=90").errors.contains("is there no more"))
        #expect(try limit("set", "acme", "cpu.weight=91").errors == "")
    }

    @Test(arguments: [
        (["set", "acme", "io.max=/dev/nosuch:wbps=1M"], 64, "there is no such device"),
        (["set", "acme", "cpu=1", "cpu.max=2"], 64, "named twice"),
        (["set", "acme"], 64, "no limit was given"),
        (["unset", "acme", "disk"], 64, "no limit of that name"),
        (["unset", "acme"], 64, "no limit was given"),
        (["set", "../../etc", "cpu=1"], 69, "no tenant and no cgroup"),
        (["set", "/..", "cpu=1"], 69, "no tenant and no cgroup"),
        (["set", "acme\u{1B}[2J", "cpu=1"], 69, "\\u{1B}"),
        (["set", "acme", "io.weight=50"], 69, "io controller is not on here"),
        (["set", "/tenant-acme.slice", "freeze=on"], 1, "it holds other cgroups"),
        (["boost", "acme", "cpu=2"], 64, "--for"),
        (["unset", "acme", "io.max"], 1, "no device is limited"),
        (["set", "acme", "cpu=1000001"], 64, "to a million"),
        (["set", "acme", "cpu=1", "--deadline", "soon"], 64, "--deadline"),
    ])
    func whatIsWrongIsSaidAndNothingWritten(words: [String], code: Int32, text: String) throws {
        let before = try read("cpu.max")
        let result = try octroi(["limit"] + words + ["--root", desk.tree], store: desk.store)
        #expect(result.status == code && result.errors.contains(text), "\(result.errors)")
        #expect(try read("cpu.max") == before)
    }

    @Test func memoryThatDoesNotShrinkIsGivenUpWithEverythingAsBefore() throws {
        try desk.folder.write(
            "anon 0\nfile 8192\nkernel 0\nsock 0\nshmem 0\ninactive_file 8192\n",
            to: "\(root)/memory.stat")
        let result = try limit(
            "set", "acme", "memory.max=4K", "pids.max=5", "--deadline", "400ms")
        #expect(result.status == 1 && result.errors.contains("4096 bytes above the wanted 4096"))
        #expect(try read("memory.max") == "max" && read("memory.high") == "max")
        #expect(try read("pids.max") == "max")
        let last = try desk.run("limit", "history", "--format", "csv")
        #expect(last.lines.last?.contains("set,failed,acme") == true)
        #expect(try limit("set", "acme", "memory.max=4K", "--force").status == 0)
        #expect(try read("memory.max") == "4096")
    }

    @Test func aBudgetIsSetShownAndSimulated() throws {
        #expect(try desk.run("budget", "set", "acme", "lots").status == 64)
        #expect(try desk.run("budget", "set", "nobody", "5").status == 65)
        #expect(try desk.run("budget", "set", "acme", "5", "--ladder", "none-such").status == 65)
        #expect(try desk.run("budget", "show", "acme").status == 65)
        let past = ["budget", "set", "acme", "5", "--exempt-until", "2020-01-01T00:00:00Z"]
        #expect(try octroi(past, store: desk.store).errors.contains("is over"))
        let why = ["budget", "set", "acme", "5", "--reason", "order 4711"]
        #expect(try octroi(why, store: desk.store).status == 0)
        #expect(try octroi(why, store: desk.store).output == "no change\n")
        let record = try desk.run("limit", "history", "acme", "--format", "csv").lines.dropFirst()
        #expect(
            record.count == 1 && record.first?.contains("a month, no ladder: order 4711") == true)
        let policy = try desk.file("policy.yaml", Self.policy)
        #expect(try desk.run("apply", policy).output.contains("new ladder quick"))
        #expect(try desk.run("apply", policy).output == "no change\n")
        let twice = try desk.run("apply", policy, policy)
        #expect(twice.status == 65 && twice.errors.contains("a second time; the first is at"))
        let set = try desk.run("budget", "set", "acme", "2.50", "--per", "month")
        #expect(set.output == "changed budget of tenant acme\n")
        let csv = try desk.run("budget", "set", "acme", "2.50", "--format", "csv")
        #expect(csv.output == "change\n")
        let usage = try desk.file(
            "usage.csv",
            "start,end,tenant,container,meter,quantity\n"
                + (0..<10).map {
                    "2026-10-01T0\($0):00:00Z,2026-10-01T0\($0):59:59Z,acme,batch,cpu,36000000000\n"
                }.joined())
        #expect(try desk.run("usage", "import", usage).status == 0)
        // Ten vCPU-hours an hour at 0.04048: 0.4048 EUR an hour of a budget of 1.00.
        let simulated = try desk.run(
            "budget", "simulate", "--policy", policy, "--month", "2026-10", "--format", "csv")
        #expect(simulated.status == 0, "\(simulated.errors)")
        #expect(
            simulated.lines.dropFirst().map {
                $0.split(separator: ",").prefix(5).joined(separator: ",")
            } == [
                // By its forecast.
                "acme,2026-10-01T00:05:00Z,1,warn,3.3",
                "acme,2026-10-01T02:30:00Z,2,weight 25,101.2",
                "acme,2026-10-01T03:45:00Z,3,freeze,151.8",
            ])
        let list = try desk.run("budget", "list", "--format", "csv")
        #expect(list.lines.last?.hasPrefix("acme,2.50,EUR,month,") == true)
        #expect(try desk.run("budget", "show", "acme").output.contains("of 2.50 EUR spent"))
        #expect(try desk.run("budget", "remove", "acme", "--reason", "gone").status == 0)
        let last = try desk.run("limit", "history", "acme", "--format", "csv").lines.last
        #expect(last?.contains("its budget was removed: gone") == true)
        #expect(try desk.run("limit", "history", "--verify").status == 0)
        #expect(try desk.run("budget", "remove", "acme").status == 65)
    }

    private static let policy = """
        ladders:
          - id: quick
            dwell: 1s
            grace: 0s
            steps:
              - { at: 30, do: warn }
              - { at: 100, do: weight, value: 25 }
              - { at: 150, do: freeze }
        budgets:
          - { tenant: acme, amount: "1.00", per: month, ladder: quick }

        """

    @Test func theDaemonHoldsLimitsAndClimbsTheLadder() throws {
        let policy = try desk.file("policy.yaml", Self.policy)
        let limits = try desk.file(
            "limits.yaml", "limits: [ { tenant: acme, pids.max: 40, cpu.weight: 80 } ]\n")
        let config = try desk.file(
            "config/octroi.yaml",
            "interval: 100ms\ncgroup_root: \(desk.tree)\nenforcement: { budgets_every: 1s }\n")
        try desk.folder.write("0\n", to: "\(root)/web/cgroup.freeze")
        #expect(try desk.run("apply", policy, limits).status == 0)
        let daemon = try startOctroi(
            ["daemon", "--config", (config as NSString).deletingLastPathComponent],
            store: desk.store)
        defer { daemon.kill() }
        try eventually("pids.max is 40") { try read("pids.max") == "40" }
        try desk.folder.write("9\n", to: "\(root)/pids.max")
        try eventually("pids.max is 40") { try read("pids.max") == "40" }
        // 100 vCPU-hours: 4.05 EUR of a budget of 1.00.
        try desk.set("tenant-acme.slice/web", 360_000_000_000)
        try eventually("cpu.weight is 25") { try read("cpu.weight") == "25" }
        try eventually("web/cgroup.freeze is 1") { try read("web/cgroup.freeze") == "1" }
        #expect(try read("cgroup.freeze") == "0", "never the slice")
        #expect(try desk.run("budget", "set", "acme", "500").status == 0)
        try eventually("cpu.weight is 80") { try read("cpu.weight") == "80" }
        try eventually("web/cgroup.freeze is 0") { try read("web/cgroup.freeze") == "0" }
        #expect(daemon.stop() == 0)
        let log = daemon.said()
        let history = try desk.run("limit", "history", "acme", "--format", "csv")
        let reasons = history.lines.filter { $0.contains(",budget,done,") }
        #expect(
            reasons.contains { $0.contains("% of the budget is spent, 100 % is the threshold") })
        #expect(
            reasons.contains { $0.contains("the budget was raised") }, "\(history.output)\(log)")
        #expect(try desk.run("limit", "history", "--verify").status == 0)
    }
}
