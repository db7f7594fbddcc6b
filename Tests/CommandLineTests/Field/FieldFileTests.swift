import Foundation
import TestSupport
import Testing

private let fixtures = "\(repository)/Tests/Fixtures/field"

/// Files as spreadsheets and people save them, and what is said of them.
@Suite struct FieldFileTests {
    /// Imports a file; a refused one leaves nothing behind.
    ///
    /// - Returns: the items that are billed then, and what was said.
    private func take(_ path: String) throws -> (status: Int32, items: Int, said: String) {
        let host = try FieldHost()
        let result = try host.run("usage", "import", path)
        return (result.status, try host.quantity("2025-10"), result.errors)
    }

    /// With a byte order mark, carriage returns, other columns first, quotes, commas and ends of lines
    /// in names, and times of another zone.
    @Test(arguments: [
        ("bom-and-quotes.csv", 17), ("all-quoted.csv", 23), ("carriage-returns.csv", 31),
    ])
    func aSpreadsheetsExportIsRead(name: String, items: Int) throws {
        let (status, billed, said) = try take("\(fixtures)/spreadsheets/\(name)")
        #expect(status == 0 && billed == items, "\(said)")
    }

    @Test func aFileThatCannotBeReadRightIsRefusedWhole() throws {
        let host = try FieldHost()
        for (name, said) in [
            ("semicolons.csv", "line 1: columns \"start;end;tenant;"),
            ("tabs.csv", "line 1: columns \"start\\u{9}end"),
            ("utf-16.csv", "line 1: bytes that are not UTF-8"),
            ("latin-1.csv", "line 3: bytes that are not UTF-8"),
            ("separator-first.csv", "line 1: columns \"sep=,\""),
            ("blank-rows.csv", "line 4, start: \"\""),
            ("thousands.csv", "line 3, quantity: \"1,200\""),
            ("decimals.csv", "line 3, quantity: \"9.0\""),
            ("local-times.csv", "line 3, start: \"05/10/2025 02:00\""),
            ("same-row-twice.csv", "line 3: the same start, end, tenant, container and meter"),
        ] {
            let path = "\(fixtures)/spreadsheets/\(name)"
            let result = try host.run("usage", "import", path)
            #expect(result.status == 65, "\(name)")
            #expect(result.errors.hasPrefix("octroi: \(path), \(said)"), "\(result.errors)")
        }
        // Nine items stand on a good row of most of them.
        #expect(try host.quantity("2025-10") == 0)
    }

    private let long = String(repeating: "rope", count: 1250)

    @Test func aComplaintAboutALongNameIsShort() throws {
        let host = try FieldHost()
        for (column, cells) in [
            ("tenant", "\(long),hold,crate,3"), ("container", "harbor,\(long),crate,3"),
            ("meter", "harbor,hold,\(long),3"), ("quantity", "harbor,hold,crate,\(long)"),
        ] {
            let path = try host.file(
                "long.csv", usageHeader + "2025-10-01T00:00:00Z,2025-10-01T01:00:00Z,\(cells)\n")
            let result = try host.run("usage", "import", path)
            #expect(result.status == 65)
            #expect(result.errors.hasPrefix("octroi: \(path), line 2, \(column): \"roperope"))
            #expect(result.errors.contains("… (5000 characters) …") && result.errors.count < 400)
        }
    }

    /// Whatever a word of the command line is taken for.
    @Test func aComplaintAboutALongWordIsShort() throws {
        let host = try FieldHost()
        let words: [([String], Int32)] = [
            (["limit", "set", "harbor", "cpu=\(long)"], 64),
            (["limit", "set", "harbor", "\(long)=1"], 64),
            (["limit", "set", "harbor", "io.max=/dev/vda:\(long)"], 64),
            (["limit", "unset", "harbor", long], 64), (["usage", "--tenant", long], 65),
            (["usage", "--by", long], 64), (["usage", "--month", long], 64),
            (["usage", "--\(long)"], 64), (["invoice", "show", long], 65),
            (["invoice", "explain", long, "1"], 65), (["report", long], 64),
            (["tenant", "add", long], 64), (["price", "show", long], 64),
            (["samples", "--container", long], 65),
        ]
        for (words, status) in words {
            let result = try octroi(words, store: host.store, config: host.config)
            #expect(result.status == status, "\(result.errors)")
            #expect(result.errors.contains("characters) …"), "\(result.errors)")
            #expect(result.errors.count < 800, "\(result.errors.count): \(result.errors)")
        }
    }

    /// The path of a cgroup may be 4,096 bytes long.
    @Test func aComplaintAboutALongPathIsShort() throws {
        let host = try FieldHost(["harbor": "{ cgroup: \"/yard/**\" }"])
        let path =
            "/yard/"
            + Array(repeating: String(long.prefix(250)), count: 12)
            .joined(separator: "/")
        try host.cgroup(path, ["io.stat": "8:0 rbytes=x\n"])
        let said = try host.collect()
        #expect(said.contains("/yard/roperope") && said.contains("8:0 rbytes"), "\(said)")
        #expect(said.count < 1000, "\(said.count)")
    }

    /// A rule that a new file has no more takes a tenant's containers away: that is said.
    @Test func applyingAChangedTenantSaysWhatChanged() throws {
        let host = try FieldHost(["harbor": "{ label: pier=1 }, { unit: x.service }", "quarry": ""])
        try host.folder.write(
            """
            tenants:
              - { id: quarry, price_book: tide }
              - { id: harbor, name: Port, price_book: tide, match: [ { unit: x.service } ] }
            """, to: "config/tenants.yaml")
        let lines = [
            "changed tenant harbor", "tenant harbor: name \"harbor\" → \"Port\"",
            "tenant harbor: rule removed: label \"pier=1\"",
            "tenants in another order: the first whose rule fits wins: quarry, harbor",
        ]
        let csv = try table(host.must("apply", "--plan", "--format", "csv").output)
        #expect(csv.compactMap { $0["change"] } == lines)
        let json = try host.must("apply", "--plan", "--format", "json").output
        #expect(json.contains("rule removed: label \\\"pier=1\\\""), "\(json)")
        #expect(try host.must("apply").lines == lines)
        #expect(try host.must("apply").output == "no change\n")
    }

    /// As `samples` and the limits take it.
    @Test(arguments: [
        ("/machines/web", 0, ""), ("web", 0, ""), ("machines/web", 0, ""),
        ("eb", 65, "no container"),
        ("db", 64, "2 containers whose path ends so"), ("other/db", 0, ""),
    ])
    func aContainerIsNamedByTheEndOfItsPath(word: String, status: Int32, said: String) throws {
        let host = try FieldHost(["harbor": "", "quarry": "{ cgroup: \"/**\" }"])
        let paths = ["/machines/web", "/machines/db", "/other/db"]
        _ = try host.meter(rises: Dictionary(uniqueKeysWithValues: paths.map { ($0, 7000) }))
        for command in [
            ["tenant", "assign", "harbor", "--from", "2020-01-01", "--plan"], ["samples"],
        ] {
            let done = try octroi(
                command + ["--container", word], store: host.store, config: host.config)
            #expect(done.status == status, "\(done.errors)")
            #expect(said.isEmpty || done.errors.contains(said), "\(done.errors)")
        }
    }
}
