import Metering
import TestSupport
import Testing

@Suite struct TenantIndexTests {
    private static let rules: [Rule] = [
        .slice("tenant-a.slice"), .slice("b.slice"), .root("/t/a"), .root("/t"), .root("/t/ab"),
        .cgroup("/t/**"), .cgroup("/t/a*/x"), .cgroup("**"), .cgroup("/?/a"), .cgroup("/t/a"),
        .unit("a-*.service"), .unit("*.scope"), .unit("a-1.service"), .label("k=v"), .label("k"),
        .label("k="), .label("k=v=w"), .namespace("n"), .namespace("m"),
    ]
    private static let paths = [
        "/t", "/t/a", "/t/a/x", "/t/ab", "/t/ab/x", "/x", "/tenant.slice/tenant-a.slice/c",
        "/tenant-a.slice", "/b.slice/s.scope", "/system.slice/a-1.service/in", "/b.slicee", "/",
    ]
    private static let labels: [[String: String]] = [
        [:], ["k": "v"], ["k": ""], ["k": "v=w"], ["k=v": "w"], ["j": "v", "k": "u"],
    ]

    /// The index gives each container to the tenant that trying all rules would give it to.
    @Test func itSaysWhatTryingEveryRuleSays() {
        var random = SeededRandom(seed: 21)
        for _ in 0..<3000 {
            let tenants = (0..<Int.random(in: 0...6, using: &random)).map { number in
                let match = (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
                    Self.rules.randomElement(using: &random)
                }
                return Tenant(
                    id: "t\(number)", name: "", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: match)
            }
            let index = TenantIndex(tenants)
            for path in Self.paths {
                let facts = ContainerFacts(
                    path: path, labels: Self.labels.randomElement(using: &random) ?? [:],
                    namespace: ["n", "m", nil].randomElement(using: &random) ?? nil)
                #expect(index.tenant(of: facts) == attribute(facts, among: tenants))
            }
        }
    }

    @Test(arguments: [
        Rule.root("/a/../b"), .root("/.."), .root("/a/."), .root("/a//b"), .root("/a\n"),
        .root("/a\0b"), .root("a"), .root("/"), .root("/a/"), .cgroup("/a/../**"),
        .cgroup("/a/*\n"), .slice("a.slice\n"), .slice("a/b.slice"), .slice(".slice"),
        .slice("tenant-*.slice"), .slice("a"), .unit("a"), .unit("a-*.timer"), .unit("a\n"),
        .unit("x/a.service"), .label(""), .label("=v"), .label("k=v\n"), .namespace("n\n"),
        .namespace(""), .root("/" + String(repeating: "x", count: 256)),
        .slice("tenant--a.slice"), .slice("-a.slice"), .slice("a-.slice"), .slice("-.slice"),
        .namespace("a/b"), .namespace("team-*"), .namespace("Acme"), .namespace("-a"),
        .namespace("a-"), .namespace("a.b"), .namespace(String(repeating: "x", count: 64)),
        .unit(String(repeating: "x", count: 256) + ".service"),
    ])
    func aRuleThatCannotMatchHasACure(rule: Rule) { #expect(rule.suggestion != nil) }

    @Test(
        arguments: rules.filter { $0 != .cgroup("**") } + [
            Rule.root("/a b"), .root("/-x"), .root("/caf\u{E9}"), .root("/a..b"), .cgroup("/**"),
            .unit("*"), .unit("acme-*"), .unit("a*.serv?ce"), .unit("*scope"), .label("a=b c"),
            .slice("tenant-a-b.slice"), .slice("a.slice"), .slice("caf\u{E9}.slice"),
            .namespace("kube-system"), .namespace("0"), .label("a/b=c"),
            .namespace(String(repeating: "x", count: 63)),
        ])
    func aSoundRuleHasNone(rule: Rule) { #expect(rule.suggestion == nil) }
}
