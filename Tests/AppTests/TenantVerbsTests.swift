import App
import BigInt
import Invoicing
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Tenants that are added, get rules and are removed, one by one.
@Suite struct TenantVerbsTests {
    private let firm: Firm

    init() throws { firm = try Firm() }

    @Test func aTenantIsAddedWithItsRules() throws {
        let rules = [Rule.root("/new"), .label("team=new")]
        let changes = try firm.app.addTenant("new", rules: rules, keeping: [])
        #expect(changes.lines == ["new tenant new"])
        let tenant = try firm.app.tenant("new")
        #expect(tenant.name == "new" && tenant.priceBook == nil && tenant.match == rules)
        _ = try firm.app.addTenant(
            "other", name: "Other & Sons", priceBook: "standard", rules: [], keeping: [])
        // New tenants come last, so they take no container from the others.
        let all = try firm.app.tenants()
        #expect(all.map(\.id) == ["acme", "lab", "new", "other"])
        #expect(
            tenantSheet(all).rows == [
                [.text("acme"), .text("ACME SARL"), .text("standard"), .integer(1)],
                [.text("lab"), .text("lab"), .text("standard"), .integer(1)],
                [.text("new"), .text("new"), .none, .integer(2)],
                [.text("other"), .text("Other & Sons"), .text("standard"), .integer(0)],
            ])
        #expect(firm.notices.take() == [])
    }

    @Test(arguments: [
        "", "New", "1a", "a_b", "a b", "unattributed", "caf\u{E9}", "-a", "a\u{1B}",
        String(repeating: "a", count: 64),
    ])
    func anIdThatNobodyCanHaveIsRefused(id: String) throws {
        try refusal(.wrongUse, at: "tenant id") {
            try firm.app.addTenant(id, rules: [], keeping: [])
        }
        #expect(try firm.app.tenants().count == 2)
    }

    @Test func theLongestIdIsAccepted() throws {
        let id = "a-" + String(repeating: "0", count: 61)
        #expect(
            try firm.app.addTenant(id, rules: [], keeping: []).lines == ["new tenant \(id)"])
    }

    @Test func whatTheStoreRefusesIsNotAdded() throws {
        try refusal(.badData, at: "tenant acme") {
            try firm.app.addTenant("acme", name: "Another", rules: [], keeping: [])
        }
        try refusal(.badData, at: "tenant new") {
            try firm.app.addTenant("new", priceBook: "gold", rules: [], keeping: [])
        }
        try refusal(.badData, at: "tenant new") {
            try firm.app.addTenant("new", rules: [.root("/acme/inner")], keeping: [])
        }
        #expect(try firm.app.tenants().map(\.name) == ["ACME SARL", "lab"])
    }

    @Test func rulesAreAddedOnce() throws {
        let added = try firm.app.addRules(
            to: "acme", [.root("/acme"), .namespace("acme")], keeping: [])
        #expect(
            added.lines == ["changed tenant acme", "tenant acme: rule added: namespace \"acme\""])
        #expect(try firm.app.tenant("acme").match == [.root("/acme"), .namespace("acme")])
        #expect(try firm.app.addRules(to: "acme", [.namespace("acme")], keeping: []).lines == [])
        try refusal(.badData, at: "tenant \"nobody\"") {
            try firm.app.addRules(to: "nobody", [.namespace("acme")], keeping: [])
        }
    }

    /// A rule behind another tenant's can never match, and is said to whoever adds either of them.
    @Test func aRuleThatIsHiddenIsSaid() throws {
        _ = try firm.app.addRules(to: "lab", [.cgroup("/acme/job")], keeping: [])
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("tenant lab, cgroup: /acme/job: it can never"))
    }

    /// A copy of the store makes no unit files on a host that is not its own.
    @Test func aCopyMakesNoUnits() throws {
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        let app = firm.other(store: copy)
        _ = firm.notices.take()
        let slice = "tenant-octroi-test.slice"
        #expect(
            try app.addTenant("new", rules: [.slice(slice)], keeping: [slice]).lines
                == ["new tenant new"])
        let said = firm.notices.take().filter { $0.hasPrefix("\(slice): ") }
        #expect(said.count == 1 && said[0].contains("no unit file") && said[0].contains("backup"))
    }

    /// What a removed tenant has used is still its own, and is billed.
    @Test func aRemovedTenantStillPays() throws {
        try firm.use("lab", "job", 10 * coreHour, over: month(1))
        #expect(try firm.app.removeTenant("lab").lines == ["removed tenant lab"])
        #expect(try firm.app.tenants().map(\.id) == ["acme"])
        try refusal(.badData, at: "tenant \"lab\"") { try firm.app.tenant("lab") }
        try refusal(.badData, at: "tenant \"lab\"") { try firm.app.removeTenant("lab") }
        // Its usage can still be asked for.
        #expect(
            try firm.app.usage(over: month(1), by: .tenant, tenant: "lab").usage.map(\.quantity)
                == [10 * coreHour])
        let issued = try firm.app.issueInvoices(over: month(1))
        #expect(issued.map(\.draft.tenant) == ["lab"] && issued.map(\.draft.net) == [360])
        #expect(
            try firm.app.addTenant("lab", name: "Labor", rules: [], keeping: []).lines
                == ["new tenant lab"])
        #expect(try firm.app.tenant("lab").name == "Labor")
    }

    @Test func unknownTenantsAreNamedInOneLine() throws {
        for id in ["nobody", "", "a\u{1B}[2J\nb", String(repeating: "x", count: 5000)] {
            for call in [
                { _ = try firm.app.tenant(id) }, { _ = try firm.app.removeTenant(id) },
                { _ = try firm.app.usage(over: month(1), by: .meter, tenant: id) },
                { _ = try firm.app.invoices(tenant: id) },
                { _ = try firm.app.containers(LiveQuery(tenant: id)) },
            ] as [() throws -> Void] {
                let fault = try refusal(.badData) { try call() }
                #expect(fault.location.hasPrefix("tenant \""))
                #expect("\(fault)".utf8.allSatisfy { $0 >= 0x20 } && "\(fault)".count < 600)
            }
        }
    }

    @Test(arguments: [
        ("slice", "tenant-acme.slice", Rule.slice("tenant-acme.slice")),
        ("root", "/tenants/acme", .root("/tenants/acme")), ("label", "a=b", .label("a=b")),
        ("namespace", "acme", .namespace("acme")),
        ("unit", "acme-*.service", .unit("acme-*.service")),
        ("cgroup", "/a/**", .cgroup("/a/**")),
    ])
    func aRuleIsReadFromItsOption(kind: String, pattern: String, rule: Rule) throws {
        #expect(try tenantRule(kind: kind, pattern: pattern, isForced: false) == rule)
    }

    @Test(arguments: [
        ("slice", "acme"), ("slice", "a*.slice"), ("slice", "-.slice"), ("root", "acme"),
        ("root", "/"), ("root", "/a/../b"), ("label", ""), ("label", "=b"), ("namespace", "A"),
        ("unit", "acme"), ("cgroup", "a/**"), ("pot", "a"), ("", ""),
    ])
    func aPatternThatCanNeverMatchIsRefused(kind: String, pattern: String) throws {
        for isForced in [false, true] {
            try refusal(.wrongUse, at: "--\(kind)") {
                try tenantRule(kind: kind, pattern: pattern, isForced: isForced)
            }
        }
    }

    /// The host's services and logins are somebody's only on purpose.
    @Test(arguments: [
        ("slice", "system.slice", false), ("slice", "user.slice", false),
        ("slice", "user-1000.slice", false), ("root", "/init.scope", false),
        ("root", "/init.scope/x", false), ("root", "/user.slice/user-0.slice", false),
        ("slice", "system-web.slice", false), ("slice", "tenant.slice", true),
        ("root", "/system.slice/web.service", true), ("cgroup", "/system.slice/**", true),
        ("root", "/users", true),
    ])
    func theHostsOwnSlicesNeedForce(kind: String, pattern: String, isPlain: Bool) throws {
        #expect(try tenantRule(kind: kind, pattern: pattern, isForced: true).pattern == pattern)
        guard !isPlain else {
            let rule = try tenantRule(kind: kind, pattern: pattern, isForced: false)
            #expect(rule.pattern == pattern)
            return
        }
        let fault = try refusal(.failed, at: "--\(kind)") {
            try tenantRule(kind: kind, pattern: pattern, isForced: false)
        }
        #expect(fault.problem.hasPrefix(pattern) && fault.suggestion.contains("--force"))
    }

    @Test func aTenantsRulesAreListedInTheirOrder() throws {
        var tenant = try firm.app.tenant("lab")
        tenant.name = "La\u{1B}b"
        tenant.match.append(.label("b"))
        let sheet = ruleSheet(tenant)
        #expect(sheet.columns == ["rule", "pattern"])
        #expect(
            sheet.rows == [[.text("cgroup"), .text("/lab/*")], [.text("label"), .text("b")]])
        #expect(sheet.title == "lab: La\\u{1B}b, price book standard")
        tenant.priceBook = nil
        #expect(ruleSheet(tenant).title?.hasSuffix("price book none") == true)
    }
}
