import Metering
import Settings
import TestSupport
import Testing
import Units

/// The rules of tenants.yaml and of the command line, folders among them.
@Suite struct TenantRulesFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    private func tenants(_ text: String) throws -> [Tenant] {
        try folder.write(text, to: "x.yaml")
        let files = try ContractFiles(reading: ["\(folder.path)/x.yaml"], in: .utc)
        return try #require(files.tenants)
    }

    @Test func everyKindOfRuleIsReadInItsOrder() throws {
        let tenant = try #require(
            try tenants(
                """
                tenants:
                  - id: acme
                    match:
                      - storage: /srv/acme
                      - slice: tenant-acme.slice
                      - root: /tenants/acme
                      - label: octroi.tenant=acme
                      - namespace: acme
                      - unit: "acme-*.service"
                      - cgroup: /machines/acme/**
                      - { storage: "/srv/more space" }
                """
            ).first)
        #expect(
            tenant.match == [
                .storage("/srv/acme"), .slice("tenant-acme.slice"), .root("/tenants/acme"),
                .label("octroi.tenant=acme"), .namespace("acme"), .unit("acme-*.service"),
                .cgroup("/machines/acme/**"), .storage("/srv/more space"),
            ])
        // What is left out: the name is the id, and nothing else is known.
        #expect(tenant.name == "acme" && tenant.priceBook == nil && tenant.since == nil)
        #expect(tenant.invoiceTo == InvoiceAddress() && tenant.until == nil)
    }

    @Test func aTenantIsReadWithAllItsFields() throws {
        let read = try tenants(
            """
            tenants:
              - id: a-1
                name: "Caf\u{E9} A"
                price_book: standard
                invoice_to: { address: x, country: FR, vat_id: FR1, email: a@b }
                since: 2026-01-01
                until: 2026-01-01T01:00:00Z
              - { id: b, match: [] }
            """)
        let first = Tenant(
            id: "a-1", name: "Caf\u{E9} A", priceBook: "standard",
            invoiceTo: InvoiceAddress(address: "x", country: "FR", vatID: "FR1", email: "a@b"),
            match: [], since: Instant(seconds: 1_767_225_600),
            until: Instant(seconds: 1_767_229_200))
        #expect(read.first == first && read.map(\.id) == ["a-1", "b"])
    }

    private static func rule(_ text: String) -> String {
        "tenants:\n  - id: a\n    match:\n      - \(text)\n"
    }

    @Test(arguments: [
        (rule("storage: srv"), ":4: tenants[0].match[0].storage", "\"srv\"", "absolute path"),
        (rule("storage: /"), ":4: tenants[0].match[0].storage", "\"/\"", "absolute path"),
        (rule("storage: /srv/"), ":4: tenants[0].match[0].storage", "\"/srv/\"", "/srv/acme"),
        (rule("storage: /a/../b"), ":4: tenants[0].match[0].storage", "/a/../b", "absolute"),
        (rule("storage: \"\""), ":4: tenants[0].match[0].storage", "\"\"", "absolute path"),
        (rule("storage: [/srv]"), ":4: tenants[0].match[0].storage", "not a single", "one value"),
        (rule("storag: /srv"), ":4: tenants[0].match[0].storag", "the unknown rule", "slice"),
        (
            rule("{ storage: /srv, root: /a }"), ":4: tenants[0].match[0]", "2 keys in one rule",
            "in each rule"
        ),
        (rule("{}"), ":4: tenants[0].match[0]", "0 keys in one rule", "in each rule"),
        (rule("/srv"), ":4: tenants[0].match[0]", "not a mapping", "key: value"),
        (
            "tenants:\n  - id: a\n    match: { storage: /srv }\n", ":3: tenants[0].match",
            "not a list", "- "
        ),
        (
            "tenants:\n  - id: a\n    invoice_to: { vat: x }\n", ":3: tenants[0].invoice_to.vat",
            "unknown key", "vat_id"
        ),
        (
            "tenants:\n  - { id: a, since: 2026-02-01, until: 2026-02-01 }\n", ":2: tenants[0]",
            "not after since", "later"
        ),
        (
            "tenants:\n  - { id: a, since: 2026-01-01T00:30:00Z }\n", ":2: tenants[0].since",
            "00:30", "whole UTC hour"
        ),
        ("tenants:\n  - { id: \"\" }\n", ":2: tenants[0].id", "\"\"", "a-z"),
        ("tenants:\n  - { id: a_b }\n", ":2: tenants[0].id", "\"a_b\"", "a-z"),
        (
            "tenants:\n  - { id: \(String(repeating: "a", count: 64)) }\n", ":2: tenants[0].id",
            "aaaa", "63"
        ),
        ("tenants:\n  - id: [a]\n", ":2: tenants[0].id", "not a single", "one value"),
        ("tenant:\n  - id: a\n", ":2: tenant", "unknown key \"tenant\"", "tenants"),
    ])
    func aMistakeNamesLineAndKey(
        text: String, place: String, found: String, suggestion: String
    ) throws {
        let fault = try #require(throws: Fault.self) { try tenants(text) }
        #expect(fault.kind == .badData)
        #expect(fault.location == "\(folder.path)/x.yaml\(place)", "\(fault)")
        #expect(fault.problem.contains(found), "\(fault)")
        #expect(fault.suggestion.contains(suggestion), "\(fault)")
    }

    /// On the command line the place is the option.
    @Test(arguments: [
        ("storage", "/srv/acme", true), ("storage", "srv", false), ("slice", "a.slice", true),
        ("slice", "a", false), ("folder", "/srv", false), ("label", "", false),
    ])
    func anOptionIsARule(kind: String, pattern: String, isSound: Bool) throws {
        if isSound {
            let rule = try checkedRule(kind: kind, pattern: pattern)
            #expect(rule.kind == kind && rule.pattern == pattern)
            return
        }
        let fault = try #require(throws: Fault.self) {
            try checkedRule(kind: kind, pattern: pattern)
        }
        #expect(fault.kind == .wrongUse && fault.location == "--\(kind)")
        #expect(fault.problem == "\"\(pattern)\"" && !fault.suggestion.isEmpty)
    }
}
