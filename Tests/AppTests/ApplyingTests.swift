import App
import Enforcing
import Limits
import Metering
import Reporting
import Settings
import Store
import TestSupport
import Testing
import Units

/// Files that are loaded into the store: all of them or nothing, and each change is named.
@Suite struct ApplyingTests {
    private let firm: Firm

    init() throws { firm = try Firm() }

    private func apply(
        _ files: [String], isPlan: Bool = false, reason: String? = nil, isForced: Bool = false
    ) throws -> [String] {
        var request = ApplyRequest()
        (request.files, request.isPlan, request.reason) = (files, isPlan, reason)
        request.isForced = isForced
        return try firm.app.apply(request).lines
    }

    @Test func theFilesOfTheFolderAreAppliedOnce() throws {
        let app = firm.other(store: "\(firm.folder.path)/new.db")
        let changes = try app.apply(ApplyRequest())
        #expect(
            changes.lines == [
                "new price book standard from 2020-01-01T00:00:00Z", "new tenant acme",
                "new tenant lab",
            ])
        #expect(changes.sheet.columns == ["change"])
        #expect(changes.sheet.rows == changes.lines.map { [.text($0)] })
        #expect(try app.apply(ApplyRequest()).lines == [])
        #expect(firm.notices.take() == [])
    }

    @Test func aPlanShowsEveryChangeAndMakesNone() throws {
        let files = [
            try firm.file(
                "tenants.yaml",
                """
                tenants:
                  - { id: lab, name: Labor, price_book: standard, match: [ { cgroup: "/lab/*" } ] }
                  - { id: new, price_book: standard }
                """)
        ]
        let lines = [
            "changed tenant lab", "tenant lab: name \"lab\" → \"Labor\"", "new tenant new",
        ]
        #expect(try apply(files, isPlan: true) == lines)
        #expect(firm.notices.take() == ["this was a plan; nothing was written"])
        #expect(try firm.app.tenants().map(\.name) == ["ACME SARL", "lab"])
        #expect(try apply(files) == lines)
        #expect(firm.notices.take() == [])
        // Tenants that a file does not name stay as they are.
        #expect(try firm.app.tenants().map(\.name) == ["ACME SARL", "Labor", "new"])
    }

    /// The last of several files has the mistake, and the first would have been fine.
    @Test(arguments: [
        ("tenants: [ { id: Bad } ]\n", "bad.yaml:1"),
        ("tenants:\n  - { id: new, price_book: none }\n", "tenant new"),
        ("tenants:\n  - { id: new, match: [ { root: /acme/web } ] }\n", "tenant new"),
        ("limits:\n  - { tenant: nobody, cpu: 1 }\n", "limits of tenant nobody"),
        ("budgets:\n  - { tenant: acme, amount: \"5\", ladder: none }\n", "budget of tenant acme"),
        ("limits:\n  - { tenant: acme, cpu: lots }\n", "bad.yaml:2"),
        ("ladders: []\nbudget: []\n", "bad.yaml:2"), ("", "bad.yaml"),
    ])
    func oneMistakeKeepsAllOut(text: String, place: String) throws {
        let good = try firm.file("good.yaml", "tenants: [ { id: fine, price_book: standard } ]\n")
        let bad = try firm.file("bad.yaml", text)
        let fault = try refusal(.badData) { try apply([good, bad]) }
        #expect(
            fault.location.hasPrefix(place)
                || fault.location.hasPrefix("\(firm.folder.path)/\(place)"), "\(fault)")
        #expect(try firm.app.tenants().map(\.id) == ["acme", "lab"])
        #expect(try firm.app.limitHistory() == [])
    }

    @Test func filesThatAreNotThereAreNamed() throws {
        let none = "\(firm.folder.path)/none.yaml"
        try refusal(.unavailable, at: none) { try apply([none]) }
        let empty = "\(firm.folder.path)/empty"
        try firm.folder.write("", to: "empty/x")
        try refusal(.unavailable, at: empty) {
            try firm.other(config: empty).apply(ApplyRequest())
        }
        // A folder is no file.
        try refusal(.badData, at: empty) { try apply([empty]) }
    }

    /// What is granted becomes what is wanted, and the history says who did it and why.
    @Test func limitsAndBudgetsAreRecordedWithTheReason() throws {
        let file = try firm.file(
            "more.yaml",
            """
            limits:
              - { tenant: acme, cpu.weight: 50, drift: alert }
            ladders:
              - { id: mild, steps: [ { at: 80, do: warn } ] }
            budgets:
              - { tenant: acme, amount: "5.00", ladder: mild }
            """)
        let lines = try apply([file], reason: "contract 7")
        #expect(
            lines == [
                "drift of tenant acme: alert", "limit of tenant acme: cpu.weight 50",
                "new ladder mild", "new budget of tenant acme",
            ])
        let sets = try firm.app.limitHistory()
        #expect(sets.map(\.target) == ["acme", "apply", "acme"])
        #expect(sets.map(\.action) == [.set, .budget, .budget])
        #expect(sets.allSatisfy { $0.reason?.hasSuffix(": contract 7") == true })
        #expect(sets.allSatisfy { $0.user == firm.app.requester.user && $0.changes.isEmpty })
        #expect(try apply([file], reason: "again") == [])
        #expect(try firm.app.limitHistory().count == 3)
    }

    /// A limit that can do nothing here is granted all the same: other hosts may have more.
    @Test func limitsWithoutAnEffectHereAreSaid() throws {
        let file = try firm.file(
            "limits.yaml",
            """
            limits:
              - tenant: acme
                cpu: "999999"
                memory.high: 2G
                memory.max: 1G
                io.max: { "251:7777": "wbps=5M" }
              - { tenant: lab, pids.max: 5 }
            """)
        #expect(try apply([file]).count == 5)
        let said = firm.notices.take()
        #expect(said.count { $0.hasPrefix("limits of tenant acme: cpu.max: 999999 cores") } == 1)
        #expect(said.count { $0.contains("memory.high never takes hold") } == 1)
        #expect(said.count { $0.contains("io.max 251:7777") && $0.contains("no such device") } == 1)
        #expect(!said.contains { $0.contains("lab") })
    }

    @Test func aDeviceThatIsNotThereIsRefusedAtItsLine() throws {
        let file = try firm.file(
            "limits.yaml",
            "limits:\n  - tenant: acme\n    io.max: { /dev/no-such-disk: \"wbps=5M\" }\n")
        let fault = try refusal(.badData) { try apply([file]) }
        #expect(fault.location.hasPrefix("\(file):3"), "\(fault)")
    }

    /// The host's own slices would make all its services one tenant's.
    @Test(arguments: ["/system.slice", "/user.slice", "/init.scope", "/user.slice/user-7.slice"])
    func theHostsOwnSlicesNeedForce(root: String) throws {
        let file = try firm.file(
            "all.yaml", "tenants: [ { id: all, match: [ { root: \"\(root)\" } ] } ]\n")
        let fault = try refusal(.failed, at: "tenant all, root") { try apply([file]) }
        #expect(fault.problem.contains(root) && fault.suggestion.contains("--force"))
        #expect(try firm.app.tenants().count == 2)
        #expect(try apply([file], isForced: true) == ["new tenant all"])
        // A rule that was accepted is not asked about again.
        #expect(try apply([file]) == [])
    }

    /// A rule behind another tenant's, which fits all that it fits, never decides anything.
    @Test(arguments: [true, false])
    func rulesThatNeverMatchAreSaid(isPlan: Bool) throws {
        let file = try firm.file(
            "t.yaml", "tenants: [ { id: new, match: [ { cgroup: \"/acme/web\" } ] } ]\n")
        _ = try apply([file], isPlan: isPlan)
        let said = firm.notices.take()
        #expect(said.count == (isPlan ? 2 : 1), "\(said)")
        #expect(said[0].hasPrefix("tenant new, cgroup: /acme/web: it can never match"))
        #expect(said[0].contains("tenant acme comes first"))
    }

    /// Nobody writes a price for after the next year on purpose.
    @Test func aBookThatBeginsLateIsSaid() throws {
        let late = Firm.prices.replacing("2020-01-01", with: "2925-01-01")
        #expect(
            try apply([firm.file("p.yaml", late)])
                == ["new price book standard from 2925-01-01T00:00:00Z"])
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].contains("2925-01-01T00:00:00Z"))
    }

    /// A copy of a store must not change the host, and a plan changes nothing anyway.
    @Test func accountingIsTurnedOnForTheHostsOwnStoreOnly() throws {
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        let app = firm.other(store: copy)
        var request = ApplyRequest()
        request.turnsAccountingOn = true
        let fault = try refusal(.failed, at: copy) { try app.apply(request) }
        #expect(fault.suggestion.contains("store adopt"))
        request.isPlan = true
        #expect(try app.apply(request).lines == [])
    }
}
