import Metering
import TestSupport
import Testing

/// Rules for folders beside all other rules: the index, the search for hidden rules, the checks.
@Suite struct FolderRuleTests {
    private static func tenants(_ rules: [[Rule]]) -> [Tenant] {
        rules.enumerated().map { number, match in
            Tenant(
                id: "t\(number)", name: "", priceBook: nil, invoiceTo: InvoiceAddress(),
                match: match)
        }
    }

    private static let names = ["a", "ab", "srv", "x.service", "lxc", "ns", "t.slice", "s.scope"]
    private static let wild = names + ["*", "**", "a*", "?", "*.service"]

    private static func path(_ words: [String], _ random: inout SeededRandom) -> String {
        (0...Int.random(in: 0...2, using: &random)).reduce(into: "") { path, _ in
            path += "/" + (words.randomElement(using: &random) ?? "")
        }
    }

    private static func rule(_ random: inout SeededRandom) -> Rule {
        switch Int.random(in: 0...6, using: &random) {
        case 0, 1: .storage(path(names, &random))
        case 2: .cgroup(path(wild, &random))
        case 3: .root(path(names, &random))
        case 4: .unit(["x.service", "*.scope", "x*", "*"].randomElement(using: &random) ?? "*")
        case 5: .label(["k", "k=v", "k="].randomElement(using: &random) ?? "k")
        default: .slice("t.slice")
        }
    }

    /// A folder or a cgroup of any path.
    private static func facts(_ random: inout SeededRandom) -> ContainerFacts {
        let isFolder = Bool.random(using: &random)
        return ContainerFacts(
            path: (isFolder ? StorageReading.prefix : "") + path(names, &random),
            labels: isFolder || Bool.random(using: &random) ? [:] : ["k": "v"],
            isWhole: Bool.random(using: &random))
    }

    @Test func theIndexSaysWhatTryingEveryRuleSays() {
        var random = SeededRandom(seed: 81)
        var folders = 0
        for _ in 0..<400 {
            let tenants = Self.tenants(
                (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in Self.rule(&random) }
                })
            let index = TenantIndex(tenants)
            for _ in 0..<40 {
                let facts = Self.facts(&random)
                let owner = attribute(facts, among: tenants)
                #expect(index.tenant(of: facts) == owner, "\(facts) \(tenants.map(\.match))")
                guard let owner, facts.path.hasPrefix(StorageReading.prefix) else { continue }
                folders += 1
                // Only a rule that names exactly this folder gave it to its tenant.
                let own = tenants.first { $0.id == owner }?.match ?? []
                #expect(own.contains { StorageReading.prefix + ($0.folder ?? "") == facts.path })
            }
        }
        #expect(folders > 50)
    }

    /// Of two tenants that name one folder, the second never gets it; nothing else hides a folder.
    @Test(arguments: [
        (Rule.storage("/srv/a"), Rule.storage("/srv/a"), true),
        (.storage("/srv"), .storage("/srv/a"), false), (.cgroup("/**"), .storage("/srv"), false),
        (.cgroup("/srv/**"), .storage("/srv/a"), false), (.root("/srv"), .storage("/srv/a"), false),
        (.unit("*"), .storage("/x.service"), false), (.label("k"), .storage("/srv"), false),
        (.namespace("n"), .storage("/srv"), false), (.storage("/srv"), .cgroup("/srv"), false),
        (.storage("/srv"), .root("/srv"), false), (.storage("/srv"), .cgroup("/srv/*"), false),
    ])
    func aFolderIsHiddenByItselfAlone(earlier: Rule, rule: Rule, isHidden: Bool) {
        let hiding = RuleCover(Self.tenants([[earlier], [rule]])).hiding(rule, of: "t1")
        #expect((hiding != nil) == isHidden)
        #expect(hiding.map { $0.tenant == "t0" && $0.rule == earlier } ?? true)
    }

    @Test func aRuleForAFolderIsReadFromItsWords() throws {
        let rule = try #require(Rule(kind: "storage", pattern: "/srv/acme"))
        #expect(rule == .storage("/srv/acme") && rule.kind == "storage")
        #expect(rule.pattern == "/srv/acme" && rule.folder == "/srv/acme")
        #expect(rule.rootPaths.isEmpty && rule.suggestion == nil)
        #expect(Rule.cgroup("/srv").folder == nil && Rule(kind: "folder", pattern: "/srv") == nil)
    }

    /// Paths of folders are written as they are: what would be a pattern elsewhere is a name here.
    @Test(arguments: [
        ("/a", true), ("/srv/acme data", true), ("/srv/*", true), ("/srv/?", true),
        ("/srv/caf\u{E9}", true), ("/...", true), ("/a..b", true), ("/.hidden", true),
        ("/" + String(repeating: "x", count: 255), true),
        ("/" + String(repeating: "x", count: 256), false),
        (String(repeating: "/\u{E9}", count: 1364), true),
        (String(repeating: "/\u{E9}", count: 1366), false), ("", false), ("a", false),
        ("/", false), ("//", false), ("/a/", false), ("/a//b", false), ("/.", false),
        ("/a/..", false), ("/../a", false), ("/a\t", false), ("/a\u{7F}", false), ("/a\0b", false),
        ("~/a", false), ("./a", false),
    ])
    func aFolderIsOneAbsolutePath(pattern: String, isSound: Bool) {
        #expect((Rule.storage(pattern).suggestion == nil) == isSound)
    }
}
