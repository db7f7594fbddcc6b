import Foundation
import TestSupport
import Testing
import Units

/// Whatever a tenant, a container or a file is called: nothing that is printed steers a terminal.
@Suite struct HostileNamesTests {
    private let desk: Desk
    private let name = "\u{1B}[2Jx\u{9B}m\u{202E}"
    private var config: String { "\(desk.folder.path)/config" }

    init() throws {
        desk = try Desk()
        for file in ["octroi", "prices"] {
            try desk.folder.write(
                String(contentsOfFile: "\(repository)/config/\(file).yaml", encoding: .utf8),
                to: "config/\(file).yaml")
        }
        let yaml = #""\x1b[2Jx\x9bm\u202e""#
        try desk.folder.write(
            """
            tenants:
              - { id: acme, name: \(yaml), price_book: standard, invoice_to: { address: \(yaml) },
                  match: [ { unit: \(#""\u202ex.service""#) }, { label: \(#""a=\u202e""#) } ] }
            """, to: "config/tenants.yaml")
        try desk.folder.write(
            "-- title: \(name)\n-- about: \(name)\nSELECT '\(name)' AS \"\(name)\", '=1' AS \"a,\"\"b\"",
            to: "config/reports/own.sql")
        try desk.folder.write(
            "start,end,tenant,container,meter,quantity\n"
                + "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,\(name),cpu,3600000000\n",
            to: "usage.csv")
        for words in [
            ["apply"], ["usage", "import", "\(desk.folder.path)/usage.csv"],
            ["budget", "set", "acme", "5", "--reason", name],
            [
                "tenant", "assign", "acme", "--container", name, "--from", "2026-10-01", "--reason",
                name, "--from-tenant", "acme",
            ],
            ["invoice", "issue", "--month", "2026-10"],
        ] {
            let result = try run(words)
            #expect(result.status == 0 || words[0] == "tenant", "\(words): \(result.errors)")
        }
    }

    private func run(_ words: [String]) throws -> ProcessResult {
        try octroi(words, store: desk.store, config: config)
    }

    private func isSafe(_ text: String) -> Bool {
        escapingTerminalControls(text).utf8.elementsEqual(text.utf8)
    }

    @Test func noListAndNoDocumentSteersATerminal() throws {
        for words in [
            ["tenant", "list"], ["tenant", "show", "acme"],
            ["usage", "--month", "2026-10", "--by", "container"],
            ["invoice", "list"], ["invoice", "show", "OCT-000001"],
            ["invoice", "explain", "OCT-000001"], ["invoice", "draft", "--month", "2026-10"],
            ["report", "invoices", "--month", "2026-10"], ["report", "own"], ["report", "list"],
            ["limit", "history"], ["budget", "list"], ["budget", "show", "acme"],
            ["price", "show"], ["containers", "--all"], ["audit", "--month", "2026-10"],
            ["store", "info"],
        ] {
            for format in ["table", "csv", "json"] {
                let result = try run(words + ["--format", format])
                #expect(result.status == 0, "\(words): \(result.errors)")
                #expect(isSafe(result.output) && isSafe(result.errors), "\(words) \(format)")
            }
        }
        for (words, formats) in [
            (["invoice", "export"], ["csv", "json", "html", "focus"]),
            (["report", "own"], ["html"]),
        ] {
            for format in formats {
                let result = try run(words + ["--format", format])
                #expect(result.status == 0, "\(words): \(result.errors)")
                #expect(isSafe(result.output), "\(words) \(format)")
            }
        }
    }

    @Test func namesComeBackWholeFromCSVAndJSON() throws {
        let csv = try run(["tenant", "list", "--format", "csv"]).output
        #expect(csv.contains("acme,'\\u{1B}[2Jx\\u{9B}m\\u{202E},standard"))
        let json = try run(["tenant", "list", "--format", "json"]).output
        let objects = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]]
        #expect((objects?.first?["name"] as? String)?.utf8.elementsEqual(name.utf8) == true)
        // Columns of a report of one's own.
        let own = try run(["report", "own", "--format", "csv"]).lines
        #expect(
            own == [
                "'\\u{1B}[2Jx\\u{9B}m\\u{202E},\"a,\"\"b\"", "'\\u{1B}[2Jx\\u{9B}m\\u{202E},'=1",
            ])
    }

    @Test func complaintsRepeatNoNameRaw() throws {
        let new = try desk.file("\(name).yaml", "nonsense")
        for words in [
            ["tenant", "list", name], [name], ["tenant", "list", "--\(name)"],
            ["tenant", "show", name], ["report", name], ["limit", "history", name],
            ["usage", "--month", name], ["usage", "--from", name], ["apply", name], ["apply", new],
            ["usage", "import", name], ["samples", "--container", name],
            ["store", "backup", "\(desk.folder.path)/none/\(name)"],
            ["limit", "set", name, "cpu=1", "--root", desk.tree],
            ["limit", "set", "acme", name, "--root", desk.tree], ["invoice", "show", name],
            ["budget", "set", name, "5"],
        ] {
            let result = try run(words)
            #expect(result.status != 0 || words[1] == "history", "\(words)")
            #expect(!result.errors.isEmpty && isSafe(result.errors), "\(words)")
        }
        let elsewhere = try octroi(["usage"], store: "\(desk.folder.path)/none/\(name)")
        #expect(elsewhere.status != 0 && isSafe(elsewhere.errors))
    }

    /// The name of a cgroup is chosen by who may make one.
    @Test func theLogRepeatsNoNameRaw() throws {
        let path = "tenant-acme.slice/a\u{1B}[2J\u{9B}b"
        try desk.set(path, 5)
        try desk.folder.write("usage_usec nonsense\n", to: "tree/\(path)/cpu.stat")
        let result = try run([
            "collect", "--root", desk.tree, "--for", "300ms", "--interval", "100ms",
        ])
        #expect(result.status == 0)
        #expect(result.errors.contains("/a\\x1B[2J"), "\(result.errors.debugDescription)")
        #expect(isSafe(result.errors))
    }
}
