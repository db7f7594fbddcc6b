import Foundation
import TestSupport
import Testing

@Suite struct EdgesTests {
    /// Memory is led back to the kernel's figures that its formula adds up, on a recorded host.
    @Test(arguments: [
        ("current", ["memory_bytes"]), ("working_set", ["memory_bytes", "inactive_file_bytes"]),
        ("unreclaimable", ["anon_bytes", "shmem_bytes", "kernel_bytes", "sock_bytes"]),
    ])
    func memoryIsExplainedByItsFormula(formula: String, columns: [String]) throws {
        let desk = try Desk()
        let prices = try desk.file(
            "prices.yaml",
            """
            books:
              - id: standard
                currency: EUR
                effective: 2026-01-01T00:00:00Z
                memory: \(formula)
                unpriced: show
                meters: { memory: { price: "1", per: 1 MiB-second } }

            """)
        let tenants = try desk.file(
            "tenants.yaml",
            """
            tenants:
              - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }

            """)
        #expect(try desk.run("apply", prices, tenants).status == 0)
        let recording = "\(repository)/Tests/Fixtures/docker-guest.octroi"
        #expect(try desk.run("replay", recording).status == 0)
        let first = try #require(
            try desk.sql("SELECT date(min(hour_s), 'unixepoch') FROM usage_hour").first)
        let issued = try desk.run(
            "invoice", "issue", "--month", String(first.prefix(7)), "--until", "now")
        #expect(issued.status == 0, "\(issued.errors)")
        // Line 1 is the memory of the first container.
        let text = try desk.run("invoice", "explain", "OCT-000001", "1").output
        let shown = text.matches(of: /kernel +([a-z_]+):/).map { String($0.1) }
        #expect(Set(shown) == Set(columns), "\(text)")
    }

    private let desk: Desk

    init() throws {
        desk = try Desk()
        #expect(try desk.run("apply").status == 0)
    }

    private func importUsage() throws {
        let rows = [("web", "cpu"), ("web", "memory"), ("db", "cpu")].map {
            "2026-10-01T00:00:00Z,2026-10-01T02:00:00Z,acme,\($0),\($1),9007199254740993\n"
        }
        let file = try desk.file(
            "usage.csv", "start,end,tenant,container,meter,quantity\n" + rows.joined())
        let result = try desk.run("usage", "import", file)
        #expect(result.status == 0, "\(result.errors)")
    }

    private func objects(_ json: String) throws -> [[String: Any]] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
    }

    @Test func anExplanationOfAllLinesIsOneDocument() throws {
        try importUsage()
        #expect(try desk.run("invoice", "issue", "--month", "2026-10").status == 0)
        let json = try objects(
            desk.run("invoice", "explain", "OCT-000001", "--format", "json").output)
        #expect(Set(json.compactMap { $0["line"] as? Int }).count > 1)
        let csv = try desk.run("invoice", "explain", "OCT-000001", "--format", "csv").lines
        #expect(csv.count == json.count + 1)
        #expect(csv.filter { $0.hasPrefix("invoice,line,") }.count == 1)
        let one = try objects(
            desk.run("invoice", "explain", "OCT-000001", "2", "--format", "json").output)
        #expect(one.count < json.count && one.allSatisfy { $0["line"] as? Int == 2 })
        let none = try desk.run("invoice", "explain", "OCT-000001", "99", "--format", "json")
        #expect(none.status != 0 && none.output == "")
    }

    @Test func numbersThatAReaderWouldChangeHaveTheirDecimalsBeside() throws {
        try importUsage()
        let usage = try desk.run(
            "usage", "--month", "2026-10", "--by", "container", "--format", "json")
        #expect(
            usage.output.contains(
                "\"quantity\": 9007199254740993, \"quantity_decimal\": \"9007199254740993\""))
        let draft = try objects(
            desk.run("invoice", "draft", "--month", "2026-10", "--format", "json").output)
        for line in draft where (line["exact_amount"] as? String)?.contains("/") == true {
            #expect(line["exact_amount_decimal"] is String)
        }
        #expect(draft.contains { $0["exact_amount_decimal"] is String })
    }

    @Test(arguments: [
        "2026-10-01", "2026-10-01t00:00:00z", "2026-10-01T00:00:00.000000001Z",
        "2026-10-01T02:00:00+02:00",
    ])
    func everyTimeMayBeADateOrRFC3339(time: String) throws {
        let later = time.replacing("2026-10", with: "2999-12")
        let usage = try desk.run("usage", "--from", time, "--to", "2026-11-01")
        #expect(usage.status == 0, "\(usage.errors)")
        let set = try desk.run("budget", "set", "acme", "5", "--exempt-until", later)
        #expect(set.status == 0, "\(set.errors)")
        let list = try desk.run("budget", "list", "--format", "csv").output
        #expect(list.contains(",2999-12-01T00:00:00Z,"))
        _ = try desk.run("collect", "--root", desk.tree, "--for", "100ms")
        let samples = try desk.run("samples", "--container", "web", "--from", time)
        #expect(samples.status == 0 && samples.lines.count > 1, "\(samples.errors)")
    }

    @Test(arguments: ["2026-13-01", "yesterday", "2026-10-01T00:00:00", "1969-12-31"])
    func whatIsNoTimeIsRefused(time: String) throws {
        for words in [
            ["samples", "--container", "web", "--from", time],
            ["budget", "set", "acme", "5", "--exempt-until", time],
            ["usage", "--from", time],
        ] {
            let result = try octroi(words, store: desk.store)
            #expect(result.status == 64 && result.errors.contains("\"\(time)\""), "\(words)")
        }
    }

    @Test(arguments: [
        "slice: system.slice", "slice: user.slice", "slice: user-1000.slice", "root: /system.slice",
        "root: /user.slice/user-1000.slice",
    ])
    func applyRefusesSlicesOfTheHost(rule: String) throws {
        let file = try desk.file(
            "hosts.yaml", "tenants: [ { id: host, match: [ { \(rule) } ] } ]\n")
        for words in [["apply", file], ["apply", "--plan", file]] {
            let refused = try octroi(words, store: desk.store)
            #expect(refused.status == 1 && refused.errors.contains("tenant host, "))
            #expect(refused.errors.contains("the host's own services"), "\(refused.errors)")
        }
        #expect(try !desk.run("tenant", "list", "--format", "csv").output.contains("host,"))
        #expect(try desk.run("apply", "--force", file).status == 0)
        // Who meant it once is not asked again.
        #expect(try desk.run("apply", file).output == "no change\n")
    }

    private static let contract = """
        tenants: [ { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] } ]
        limits: [ { tenant: acme, pids.max: 40 }, { tenant: lab, pids.max: 50 } ]
        budgets: [ { tenant: lab, amount: "5.00", per: month } ]

        """

    @Test func applyWritesDownWhoChangedLimitsAndMoneyAndWhy() throws {
        let file = try desk.file("contract.yaml", Self.contract)
        #expect(try desk.run("apply", file, "--reason", "order 4711").status == 0)
        let rows = try objects(desk.run("limit", "history", "--format", "json").output)
        #expect(rows.map { $0["target"] as? String } == ["apply", "acme", "lab", "lab"])
        #expect(rows.map { $0["action"] as? String } == ["set", "set", "set", "budget"])
        #expect(rows.allSatisfy { ($0["reason"] as? String)?.hasSuffix(": order 4711") == true })
        #expect((rows[1]["reason"] as? String)?.contains("pids.max 40") == true)
        #expect(rows.allSatisfy { $0["uid"] as? Int == Int(getuid()) })
        // The same again changes nothing, and neither does a plan.
        #expect(try desk.run("apply", file, "--reason", "again").output == "no change\n")
        let more = try desk.file("more.yaml", "limits: [ { tenant: acme, pids.max: 41 } ]\n")
        #expect(try desk.run("apply", more, "--plan", "--reason", "plan").status == 0)
        #expect(try objects(desk.run("limit", "history", "--format", "json").output).count == 4)
        // A change of limits is on record without a reason, too.
        #expect(try desk.run("apply", more).status == 0)
        let last = try objects(desk.run("limit", "history", "acme", "--format", "json").output).last
        #expect((last?["reason"] as? String)?.contains("was 40") == true)
        #expect(try desk.run("limit", "history", "--verify").status == 0)
    }

    @Test func aCopyWritesNoUnitFile() throws {
        let copy = "\(desk.folder.path)/copy.db"
        #expect(try desk.run("store", "backup", copy).status == 0)
        let added = try octroi(
            ["tenant", "add", "den", "--slice", "octroi-test-of-a-copy.slice"], store: copy)
        #expect(added.status == 0, "\(added.errors)")
        #expect(added.errors.contains("no unit file is made for it: it is a backup of"))
        let accounting = try octroi(["apply", "--accounting"], store: copy)
        #expect(accounting.status == 1 && accounting.errors.contains("octroi store adopt"))
        #expect(try octroi(["tenant", "remove", "den"], store: copy).status == 0)
        #expect(try octroi(["store", "adopt"], store: copy).status == 0)
        let path = "/etc/systemd/system/octroi-test-of-a-copy.slice"
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aStoreInAPlaceThatCannotHoldItIsNamed() throws {
        let folder = try octroi(["usage"], store: desk.folder.path)
        #expect(
            folder.status == 65 && folder.errors.contains("a folder, where the store should be"))
        let backup = try desk.run("store", "backup", "\(desk.folder.path)/none/x.db")
        #expect(backup.status == 69)
        #expect(
            backup.errors.hasPrefix("octroi: \(desk.folder.path)/none/x.db: it cannot be written"))
    }

    /// Whatever is repeated, a complaint fits a screen.
    @Test func complaintsAboutLongNamesAreShort() throws {
        let long = String(repeating: "x", count: 5000)
        for words in [
            ["tenant", "show", long], ["tenant", "add", long], ["report", long],
            ["invoice", "show", long], ["invoice", "explain", long], ["invoice", "credit", long],
            ["limit", "history", long], ["limit", "show", long, "--root", desk.tree],
            ["limit", "set", "acme", "\(long)=5", "--root", desk.tree], ["budget", "show", long],
            ["budget", "set", long, "5"], ["budget", "set", "acme", "5", "--ladder", long],
            ["usage", "--tenant", long], ["usage", "--month", long], ["usage", "import", long],
            ["samples", "--container", long], ["apply", long], ["price", "check", long],
            ["store", "prune", "--older-than", long], ["store", "backup", "/proc/nowhere/\(long)"],
            ["usage", "--db", "/proc/nowhere/\(long)"], [long], ["usage", "--by", long],
        ] {
            let result = try octroi(words, store: desk.store)
            #expect(!result.errors.isEmpty, "\(words[0])")
            #expect(result.errors.count < 1920, "\(words.map { $0.prefix(20) })")
        }
    }

    @Test func anEndlessReportIsGivenUp() throws {
        try desk.folder.write(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c",
            to: "config/reports/endless.sql")
        let result = try octroi(
            ["report", "endless", "--timeout", "1s"], store: desk.store,
            config: "\(desk.folder.path)/config")
        #expect(result.status == 1 && result.errors.contains("no end after 1 s"))
    }
}
