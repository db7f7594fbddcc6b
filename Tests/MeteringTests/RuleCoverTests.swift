import Metering
import TestSupport
import Testing

/// Which rules are named as hidden by those of an earlier tenant.
@Suite struct RuleCoverTests {
    private static func tenants(_ rules: [[Rule]]) -> [Tenant] {
        rules.enumerated().map { number, match in
            Tenant(
                id: "t\(number)", name: "", priceBook: nil, invoiceTo: InvoiceAddress(),
                match: match)
        }
    }

    private static func isHidden(_ rule: Rule, by earlier: Rule) -> Bool {
        let hiding = RuleCover(tenants([[.label("other"), earlier], [rule]]))
            .hiding(rule, of: "t1")
        return hiding.map { $0.tenant == "t0" && $0.rule == earlier } ?? false
    }

    @Test(arguments: [
        (Rule.cgroup("/web"), Rule.cgroup("/web"), true), (.cgroup("/**"), .cgroup("/web"), true),
        (.cgroup("/**"), .cgroup("/web-*"), true), (.cgroup("/**"), .label("a=b"), true),
        (.cgroup("/**"), .namespace("n"), true), (.cgroup("/**"), .unit("a*"), true),
        (.cgroup("/**"), .slice("tenant-a.slice"), true), (.cgroup("/**"), .root("/t"), true),
        (.cgroup("/w*"), .cgroup("/web"), true), (.cgroup("/?eb"), .cgroup("/web"), true),
        (.cgroup("/t/**"), .cgroup("/t/*/x"), true), (.root("/t"), .cgroup("/t/*/x"), true),
        (.root("/t"), .cgroup("/t"), true), (.root("/t"), .cgroup("/t/a"), true),
        (.slice("a.slice"), .cgroup("/a.slice/x"), true),
        (.unit("a.service"), .cgroup("/system.slice/a.service"), true),
        (.cgroup("/lxc/*"), .cgroup("/lxc/101/ns"), false),
        (.cgroup("/lxc/*/**"), .cgroup("/lxc/101/ns"), true),
        (.unit("a-*"), .unit("a-*.service"), true), (.unit("*.service"), .unit("a.service"), true),
        (.unit("a-*.service"), .unit("a-*"), false), (.unit("a*e"), .unit("a*ce"), false),
        (.label("k"), .label("k=v"), true), (.label("k"), .label("k="), true),
        (.label("k=v"), .label("k"), false), (.label("k"), .label("kk"), false),
        (.label("k=v"), .label("k=v=w"), false), (.namespace("n"), .namespace("n"), true),
        (.namespace("n"), .namespace("m"), false), (.cgroup("/t/**"), .cgroup("/t*"), false),
        (.cgroup("/t/**"), .root("/t"), false), (.cgroup("/t**"), .root("/t"), true),
        (.root("/t"), .cgroup("/t*"), false), (.root("/t"), .cgroup("/tt"), false),
        (.cgroup("/web"), .cgroup("/web/**"), false), (.cgroup("/t/*"), .cgroup("/t/**"), false),
        (.cgroup("/system.slice/**"), .unit("a.service"), false),
    ])
    func whatIsHiddenIsKnown(earlier: Rule, rule: Rule, isHidden: Bool) {
        #expect(Self.isHidden(rule, by: earlier) == isHidden)
    }

    /// Who gets a container need not be who hides the rule.
    @Test func everyEarlierTenantMayHide() {
        let cover = RuleCover(
            Self.tenants([
                [.cgroup("/a/one")], [.cgroup("/b")], [.cgroup("/a/**")], [.root("/a/one")],
            ]))
        let hiding = cover.hiding(.root("/a/one"), of: "t3")
        #expect(hiding?.tenant == "t2" && hiding?.rule == .cgroup("/a/**"))
        #expect(cover.hiding(.cgroup("/a/**"), of: "t2") == nil)
    }

    /// Nobody is told of a rule of the same tenant, or of one that comes later.
    @Test func onlyEarlierTenantsHide() {
        let cover = RuleCover(Self.tenants([[.cgroup("/web")], [.cgroup("/**"), .cgroup("/x")]]))
        #expect(cover.hiding(.cgroup("/web"), of: "t0") == nil)
        #expect(cover.hiding(.cgroup("/x"), of: "t1") == nil)
        #expect(cover.hiding(.cgroup("/**"), of: "t1") == nil)
    }

    private static let names = [
        "t", "a", "ab", "x", "lxc", "101", "ns", "a.service", "a-1.service", "s.scope",
        "system.slice", "tenant.slice", "tenant-a.slice", "a.slice",
    ]
    private static let wild = ["*", "**", "a*", "?", "*.service", "a-?.service", "1*"]

    private static func path(_ words: [String], _ random: inout SeededRandom) -> String {
        (0...Int.random(in: 0...3, using: &random)).reduce(into: "") { path, _ in
            path += "/" + (words.randomElement(using: &random) ?? "")
        }
    }

    private static func rule(_ random: inout SeededRandom) -> Rule {
        let fixed: [Rule] = [
            .slice("tenant-a.slice"), .slice("a.slice"), .unit("a-*"), .unit("*.service"),
            .unit("a.service"), .unit("a-?.service"), .unit("*"), .label("k"), .label("k=v"),
            .label("k="), .namespace("n"), .namespace("m"), .cgroup("/**"), .cgroup("/lxc/101"),
            .cgroup("/lxc/101/ns"), .cgroup("/lxc/*/**"), .cgroup("/lxc/101/**"),
        ]
        switch Int.random(in: 0...3, using: &random) {
        case 0: return fixed.randomElement(using: &random) ?? .cgroup("/**")
        case 1: return .root(path(names, &random))
        case 2: return .cgroup(path(names, &random))
        default: return .cgroup(path(names + wild, &random))
        }
    }

    /// What a hidden rule fits is always an earlier tenant's, by the rule that tries all.
    @Test func aHiddenRuleDecidesNothing() {
        var random = SeededRandom(seed: 74)
        let containers = (0..<400).map { _ in
            ContainerFacts(
                path: Self.path(Self.names, &random),
                labels: [[:], ["k": "v"], ["k": ""]].randomElement(using: &random) ?? [:],
                namespace: ["n", "m", nil].randomElement(using: &random) ?? nil,
                isWhole: Bool.random(using: &random))
        }
        var (hidden, fitted) = (0, 0)
        for _ in 0..<1500 {
            let tenants = Self.tenants(
                (0..<4).map { _ in (0..<3).map { _ in Self.rule(&random) } })
            let cover = RuleCover(tenants)
            for (place, tenant) in tenants.enumerated() {
                for rule in tenant.match where cover.hiding(rule, of: tenant.id) != nil {
                    hidden += 1
                    for container in containers where rule.matches(container) {
                        fitted += 1
                        let first = attribute(container, among: Array(tenants[..<place]))
                        #expect(first != nil, "\(rule) \(container) \(tenants.map(\.match))")
                    }
                }
            }
        }
        #expect(hidden > 500 && fitted > 5000)
    }
}
