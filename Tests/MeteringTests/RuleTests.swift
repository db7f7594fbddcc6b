import Metering
import Testing
import Units

@Suite struct RuleTests {
    @Test(arguments: [
        (Rule.slice("tenant-acme.slice"), "/tenant.slice/tenant-acme.slice/docker-1.scope", true),
        (.slice("tenant-acme.slice"), "/tenant-acme.slice/web", true),
        (.slice("tenant-acme.slice"), "/tenant.slice/tenant-acme.slice", true),
        // A workload can make a cgroup of any name inside its own: that gives it nothing.
        (.slice("tenant-acme.slice"), "/system.slice/evil.service/tenant-acme.slice/x", false),
        (.slice("tenant-acme.slice"), "/tenant.slice/tenant-acme2.slice/x", false),
        (.root("/tenants/acme"), "/tenants/acme/a/b", true),
        (.root("/tenants/acme"), "/tenants/acme2", false),
        (.unit("acme-*.service"), "/system.slice/acme-web.service", true),
        (.unit("acme-*.service"), "/system.slice/acme-web.service/inner", true),
        (.unit("acme-*.service"), "/system.slice/x.service/acme-web.service", false),
        (.unit("acme-*.service"), "/docker/0123/acme-web.service", false),
        (.cgroup("/machines/acme/**"), "/machines/acme/a/b", true),
        (.cgroup("/machines/acme/**"), "/machines/acme", false),
        (.cgroup("/machines/*/web"), "/machines/a/web", true),
        (.cgroup("/machines/*/web"), "/machines/a/b/web", false),
        // A path shows what is not ASCII by its bytes; a rule may be written as people write.
        (.root("/caf\u{E9}"), #"/caf\xC3\xA9/web"#, true),
        (.cgroup("/caf\u{E9}/*"), #"/caf\xC3\xA9/web"#, true),
        (.root("/cafe\u{301}"), #"/caf\xC3\xA9/web"#, false),
        (.cgroup("/m?/x"), "/m1/x", true),
        (.cgroup("/m?x"), "/m/x", false),
        (.label("octroi.tenant=acme"), "/a", false),
        (.namespace("acme"), "/a", false),
    ])
    func rulesFit(rule: Rule, path: String, fits: Bool) {
        #expect(rule.matches(ContainerFacts(path: path)) == fits)
    }

    private static func tenant(
        _ name: String = "Acme", _ book: String? = "standard", vatID: String? = nil,
        _ match: [Rule] = [.label("a=1"), .root("/acme")], until: Instant? = nil
    ) -> Tenant {
        Tenant(
            id: "acme", name: name, priceBook: book, invoiceTo: InvoiceAddress(vatID: vatID),
            match: match, until: until)
    }

    @Test(arguments: [
        (tenant(), []),
        (tenant("Acme SA"), ["name \"Acme\" → \"Acme SA\""]),
        (
            tenant("Acme", nil, vatID: "FR1"),
            ["price_book \"standard\" → none", "invoice_to.vat_id none → \"FR1\""]
        ),
        (tenant(until: Instant(seconds: 0)), ["until none → \"1970-01-01T00:00:00Z\""]),
        (tenant("Acme", "standard", [.root("/acme")]), ["rule removed: label \"a=1\""]),
        (
            tenant("Acme", "standard", [.root("/acme"), .label("a=2")]),
            ["rule removed: label \"a=1\"", "rule added: label \"a=2\""]
        ),
        (
            tenant("Acme", "standard", [.root("/acme"), .label("a=1")]),
            ["rules in another order: the first that fits wins"]
        ),
        (
            tenant("Acme", "standard", [.root("/acme"), .unit("x"), .label("a=1")]),
            ["rule added: unit \"x\"", "rules in another order: the first that fits wins"]
        ),
    ])
    func aNewVersionOfATenantSaysWhatIsOther(new: Tenant, changes: [String]) {
        #expect(Self.tenant().changes(to: new) == changes)
    }

    /// What lies right in a container is the container.
    @Test(arguments: [
        ("/lxc/101/**", "/lxc/101", true), ("/lxc/101/*", "/lxc/101", true),
        ("/lxc/101/ns/**", "/lxc/101", true), ("/lxc/101/ns", "/lxc/101", true),
        ("/lxc/*/**", "/lxc/101", true), ("/lxc/10/**", "/lxc/101", false),
        ("/lxc/101/ns/x", "/lxc/101", false), ("/lxc/101/n", "/lxc/101", false),
        ("/machines/acme/**", "/machines/acme", true), ("/machines/acme", "/machines/acme", true),
        ("/machines/acme/ns", "/machines/acme", false), ("/machines/*/x", "/machines/acme", false),
        ("/machines", "/machines/acme", false), ("/machines/acm", "/machines/acme", false),
    ])
    func aRuleForWhatLiesInAContainerIsForIt(glob: String, path: String, fits: Bool) {
        let facts = ContainerFacts(path: path, isWhole: true)
        #expect(Rule.cgroup(glob).matches(facts) == fits)
    }

    @Test func labelsAndNamespacesFitOnceTheyAreKnown() {
        let facts = ContainerFacts(
            path: "/a", labels: ["octroi.tenant": "acme", "tier": ""], namespace: "prod")
        #expect(Rule.label("octroi.tenant=acme").matches(facts))
        #expect(Rule.label("tier").matches(facts))
        #expect(!Rule.label("octroi.tenant=lab").matches(facts))
        #expect(Rule.namespace("prod").matches(facts))
    }

    @Test func theFirstTenantWhoseRuleFitsWins() {
        let tenants = ["a", "b"].map {
            Tenant(
                id: $0, name: $0, priceBook: nil, invoiceTo: InvoiceAddress(),
                match: [.cgroup("/x/**")])
        }
        #expect(attribute(ContainerFacts(path: "/x/y"), among: tenants) == "a")
        #expect(attribute(ContainerFacts(path: "/y"), among: tenants) == nil)
    }

    @Test func slicesNestAsSystemdNestsThem() {
        #expect(
            Rule.slice("a-b-c.slice").rootPaths == [
                "/a.slice/a-b.slice/a-b-c.slice", "/a-b-c.slice",
            ])
        #expect(Rule.slice("a.slice").rootPaths == ["/a.slice"])
    }
}
