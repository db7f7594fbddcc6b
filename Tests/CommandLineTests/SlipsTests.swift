import TestSupport
import Testing

/// Slips in files and options, and what is said of them.
@Suite struct SlipsTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    @Test(arguments: [
        (
            "limits:\n  - tenant: acme\n    io.max:\n      /dev/nope: \"wbps=5M\"\n",
            ":4: limits[0].io.max./dev/nope: there is no such device"
        ),
        (
            "limits:\n  - tenant: acme\n    io.max:\n      8:0: \"wbps=5M\"\n"
                + "      08:0: \"wbps=6M\"\n",
            ":5: limits[0].io.max.08:0: io.max 8:0 is named twice"
        ),
        (
            "limits:\n  - tenant: acme\n    io.max:\n      8:0: \"wbps=5M,wbps=6M\"\n",
            ":4: limits[0].io.max.8:0: wbps twice"
        ),
    ])
    func aDeviceOfAFileIsNamedWithItsLine(text: String, said: String) throws {
        let file = try desk.file("limits.yaml", text)
        #expect(try desk.run("apply").status == 0)
        for words in [["apply", file], ["apply", file, "--plan"]] {
            let result = try octroi(words, store: desk.store)
            #expect(result.status == 65 && result.errors.contains(file + said), "\(result.errors)")
        }
    }

    @Test func rulesThatAnEarlierTenantsRuleHidesAreNamed() throws {
        let file = try desk.file(
            "hidden.yaml",
            """
            tenants:
              - { id: one, match: [ { cgroup: /machines/** }, { cgroup: /web }, { label: team } ] }
              - { id: two, match: [ { cgroup: /web }, { cgroup: /machines/two } ] }
              - { id: three, match: [ { label: team=x }, { cgroup: /webs } ] }

            """)
        let hidden = ["two, cgroup: /web", "two, cgroup: /machines/two", "three, label: team=x"]
        func check(_ text: String) {
            for rule in hidden { #expect(text.contains("tenant \(rule)"), "\(text)") }
            #expect(!text.contains("/webs") && !text.contains("tenant one, "), "\(text)")
            #expect(text.contains("tenant one comes first"), "\(text)")
        }
        for words in [["apply", file, "--plan"], ["apply", file]] {
            let result = try octroi(words, store: desk.store)
            #expect(result.status == 0)
            check(result.errors)
        }
        check(try desk.run("doctor", "--root", desk.tree, "--format", "csv").output)
        let added = try desk.run("tenant", "assign", "three", "--cgroup", "/machines/*/x")
        #expect(added.status == 0 && added.errors.contains("three, cgroup: /machines/*/x: it can"))
        #expect(!added.errors.contains("tenant two, "))
        let rules = try desk.run(
            "tenant", "assign", "three", "--cgroup", "/machines/*/x", "--format", "json")
        #expect(rules.status == 0 && rules.output.hasPrefix("["), "\(rules.output)")
        // In another order nothing is hidden but by whom comes first then.
        let other = try desk.file("other.yaml", "tenants: [ { id: one, match: [] } ]\n")
        #expect(try !desk.run("apply", other).errors.contains("can never match"))
    }

    @Test(arguments: [
        (["collect", "--for", "876000h"], "876000h"), (["collect", "--for", "367d"], "367d"),
        (["collect", "--interval", "999999999999h"], "999999999999h"),
        (["collect", "--interval", "99999999999999999999s"], "99999999999999999999s"),
        (["limit", "boost", "acme", "cpu=1", "--for", "9000h"], "9000h"),
    ])
    func aDurationThatIsTooLongIsSaidToBe(words: [String], found: String) throws {
        let result = try octroi(words + ["--root", desk.tree], store: desk.store)
        #expect(result.status == 64 && result.errors.contains("\"\(found)\""), "\(result.errors)")
        #expect(result.errors.contains("366d at most"), "\(result.errors)")
    }

    @Test func aDurationOfAFileThatIsTooLongIsSaidToBe() throws {
        try desk.folder.write("interval: 876000h\n", to: "config/octroi.yaml")
        let result = try octroi(
            ["collect", "--for", "1s", "--root", desk.tree], store: desk.store,
            config: "\(desk.folder.path)/config")
        #expect(result.status == 65 && result.errors.contains("octroi.yaml:1"), "\(result.errors)")
        #expect(result.errors.contains("366d at most"), "\(result.errors)")
    }

    @Test(arguments: ["--db", "--config"])
    func anEmptyPathIsSaidToBe(option: String) throws {
        let result = try desk.run("usage", option, "")
        #expect(result.status == 64 && result.errors.contains(option), "\(result.errors)")
        #expect(result.errors.contains("is empty"), "\(result.errors)")
    }

    @Test(arguments: ["store", "cgroup_root"])
    func anEmptyPathOfTheSettingsIsNamedWithItsLine(key: String) throws {
        try desk.folder.write("interval: 10s\n\(key): \"\"\n", to: "config/octroi.yaml")
        let result = try octroi(
            ["collect", "--for", "1s"], store: desk.store, config: "\(desk.folder.path)/config")
        #expect(result.status == 65, "\(result.errors)")
        #expect(result.errors.contains("octroi.yaml:2: \(key): \"\""), "\(result.errors)")
    }

    @Test(arguments: [
        ["collect", "--for", "1s", "--root", ""], ["doctor", "--root", ""],
        ["limit", "doctor", "--root", ""], ["limit", "show", "acme", "--root", ""],
        ["record", "x", "--for", "1s", "--root", ""],
    ])
    func anEmptyRootIsSaidToBe(words: [String]) throws {
        #expect(try desk.run("apply").status == 0)
        let result = try octroi(words, store: desk.store)
        #expect(result.status == 64 && result.errors.contains("--root"), "\(result.errors)")
        #expect(result.errors.contains("is empty"), "\(result.errors)")
    }
}
