import Foundation
import GRDB
import TestSupport
import Testing
import Units

@Suite struct CommandTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    @Test func fromKernelFilesToAnIssuedInvoice() throws {
        #expect(try desk.run("apply").status == 0)
        let collector = try desk.startCollector()
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/tenant-acme.slice/web")
        try desk.set("tenant-acme.slice/web", 3_601_000)
        #expect(collector.stop() == 0)

        let usage = try desk.run("usage", "--format", "csv")
        #expect(
            usage.lines[0]
                == "period_start,period_end,tenant,container,meter,quantity,unit,assurance")
        #expect(
            usage.lines.dropFirst().map {
                $0.split(separator: ",", omittingEmptySubsequences: false).dropFirst(2).joined(
                    separator: ",")
            } == ["acme,,cpu,3600000,us,sampled"])

        let month = String(usage.lines[1].prefix(7))
        let issued = try desk.run(
            "invoice", "issue", "--month", month, "--until", "now", "--format", "csv")
        #expect(
            issued.lines[0]
                == "invoice,tenant,period_start,period_end,net,tax,total,currency,status,issued_at")
        #expect(issued.lines[1].hasPrefix("OCT-000001,acme,"))
        #expect(
            try desk.run(
                "--format", "csv", "invoice", "issue", "--month", month, "--until", "now"
            ).output
                == issued.output)
        #expect(try desk.run("invoice", "list", "--format", "csv").output == issued.output)

        let export = try desk.run("invoice", "export")
        #expect(
            export.lines[0]
                == "invoice,line,tenant,kind,meter,tier,container,period_start,period_end,quantity,unit,unit_price,per,exact_amount,amount,currency"
                + ",priced_quantity,reference"
        )
        #expect(export.lines[1].contains(",usage,cpu,,/tenant-acme.slice/web,"))
        #expect(
            export.lines[1].hasSuffix(
                ",3600000,us,0.04048,1 vCPU-hour,0.00004048,0.00,EUR,3600000,"))
        let report = try desk.run("report", "usage-by-tenant", "--format=csv")
        #expect(
            report.lines == [
                "tenant,meter,containers,hours,quantity,unit", "acme,cpu,1,1,3600000,us",
            ])
    }

    @Test func everyFormatOfEveryListIsThereAndJSONParses() throws {
        _ = try desk.run("apply")
        _ = try desk.run("collect", "--root", desk.tree, "--for", "100ms")
        for words in [
            ["usage"], ["usage", "--by", "hour"], ["containers"], ["tenant", "list"],
            ["tenant", "show", "acme"],
            ["price", "show"], ["invoice", "list"], ["invoice", "draft"], ["report", "list"],
            ["report", "usage-by-tenant"], ["doctor", "--root", desk.tree],
            ["limit", "show", "acme"],
        ] {
            for format in ["table", "csv", "json"] {
                let result = try octroi(words + ["--format", format], store: desk.store)
                #expect(result.status == 0, "\(words) \(format): \(result.errors)")
                if format == "json" {
                    #expect(throws: Never.self, "\(words)") {
                        try JSONSerialization.jsonObject(with: Data(result.output.utf8))
                    }
                }
            }
        }
    }

    @Test(
        arguments: [
            (["collect", "--root", "/proc/nowhere", "--for", "1s"], 69),
            (["collect", "--interval", "soon"], 64),
            (["usage", "--month", "2026-13"], 64), (["usage", "--by", "moon"], 64),
            (["nonsense"], 64),
            (["usage", "--from", "2026-01-01T00:30:00Z"], 64), (["invoice", "issue"], 64),
            (["invoice", "issue", "--month", "2999-01"], 64),
            (["invoice", "show", "OCT-999999"], 65),
            (["invoice", "draft", "--tenant", "nobody"], 65),
            (["usage", "--tenant", "nobody"], 65), (["tenant", "show", "nobody"], 65),
            (["report", "nothing"], 64), (["limit", "set", "acme", "cpu=lots"], 64),
            (["limit", "set", "acme"], 64),
            (["apply", "/proc/nowhere/x.yaml"], 69),
            (["usage", "import", "/proc/nowhere.csv"], 69),
            (["price", "check", "/proc/nowhere.yaml"], 69),
            (["collect", "--interval", "106751991167d"], 64), (["collect", "--for", "400d"], 64),
        ] as [([String], Int32)])
    func wrongUseHasItsExitCodeAndThreeParts(words: [String], status: Int32) throws {
        _ = try desk.run("apply")
        let result = try octroi(words, store: desk.store)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.output.isEmpty)
        // Octroi's own faults: where: what was found. what to do.
        if words != ["nonsense"], !words.contains("moon") {
            #expect(
                result.errors.hasPrefix("octroi: ") && result.errors.hasSuffix(".\n"),
                "\(result.errors)")
        }
    }

    @Test(
        arguments: [
            (["--from", "2999-01-01"], "--from: 2999-01-01T00:00:00Z, which is still to come"),
            (
                ["--from", "2026-01-02", "--to", "2026-01-01"],
                "--to: 2026-01-01T00:00:00Z, which is not"
            ),
            (
                ["--from", "2026-01-02", "--to", "2026-01-02"],
                "--to: 2026-01-02T00:00:00Z, which is not"
            ),
            (["--from", "2026-01-01T00:30:00Z"], "--from: 2026-01-01T00:30:00Z, which cuts"),
            (
                ["--from", "2026-01-01", "--to", "2026-01-01T00:30:00Z"],
                "--to: 2026-01-01T00:30:00Z, which cuts"
            ),
            (["--from", "soon", "--to", "2026-01-01"], "--from: \"soon\""),
            (["--to", "2026-01-01"], "--to: no --from"),
        ])
    func aPeriodThatIsNoneIsBlamedOnTheOptionThatIsWrong(words: [String], said: String) throws {
        _ = try desk.run("apply", desk.file("t.yaml", "tenants: []\n"))
        let result = try octroi(["usage"] + words, store: desk.store)
        #expect(result.status == 64)
        #expect(result.errors.contains("octroi: \(said)"), "\(result.errors)")
    }

    @Test func withoutAStoreReadersSaySo() throws {
        let result = try desk.run("usage")
        #expect(result.status == 69)
        #expect(result.errors.contains(desk.store) && result.errors.contains("octroi apply"))
        try desk.folder.write(
            "no database, but long enough to look at: " + String(repeating: "x", count: 4096),
            to: "octroi.db")
        #expect(try desk.run("usage").status == 65)
        #expect(try desk.run("collect", "--root", desk.tree, "--for", "1s").status == 65)
    }

    @Test func aBadRowKeepsTheWholeImportOut() throws {
        _ = try desk.run("apply")
        let header = "start,end,tenant,container,meter,quantity\n"
        let good = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,gpu-1,cpu,3600\n"
        let bad = try desk.file(
            "bad.csv",
            header + good + good.replacing("gpu-1", with: "x").replacing("3600", with: "3,600"))
        let result = try desk.run("usage", "import", bad)
        #expect(result.status == 65)
        #expect(result.errors.contains("bad.csv, line 3"))
        #expect(try desk.run("usage", "--month", "2026-10", "--format", "csv").lines.count == 1)
        let file = try desk.file("good.csv", header + good)
        #expect(
            try desk.run("usage", "import", file, "--format", "csv").output
                == "added,there_already\n1,0\n")
        #expect(
            try desk.run("usage", "import", file, "--format", "csv").output
                == "added,there_already\n0,1\n")
    }

    @Test func aSecondCollectorIsRefusedAndTheFirstStopsCleanly() throws {
        let first = try desk.startCollector(every: "60s")
        defer { first.kill() }
        try desk.awaitBaseline(of: "/other")
        let second = try desk.run("collect", "--root", desk.tree, "--for", "1s")
        #expect(second.status == 1)
        #expect(second.errors.contains("process \(first.pid)"))
        // What was used until the signal is in the last reading.
        try desk.set("other", 60)
        #expect(first.stop() == 0)
        #expect(try desk.run("usage", "--format", "csv").output.contains("unattributed,,cpu,10,us"))
    }

    @Test func killedAndRestartedItLosesNothing() throws {
        var random = SystemRandomNumberGenerator()
        for round in 1...6 {
            let collector = try desk.startCollector(every: "20ms")
            defer { collector.kill() }
            try desk.awaitTicks(1)
            for step in 0..<5 {
                try desk.set("other", 50 + round * 1000 + step * 100)
                pauseAtRandom(upToMilliseconds: 40, using: &random)
            }
        }
        try desk.set("other", 50 + 777_777)
        #expect(try desk.run("collect", "--root", desk.tree, "--for", "50ms").status == 0)
        let usage = try desk.run("usage", "--format", "csv").output
        #expect(usage.contains("unattributed,,cpu,777777,us"), "\(usage)")
    }

    /// What is in doubt of a period's metering stands on the invoice, or blocks it.
    @Test func doubtsAreSaidOrBlock() throws {
        #expect(try desk.run("apply").status == 0)
        for cpu in [2000, 3000] {
            #expect(
                try desk.run("collect", "--root", desk.tree, "--for", "1ms")
                    .status == 0)
            try desk.set("tenant-acme.slice/web", cpu * 1_000_000)
        }
        #expect(
            try desk.run("collect", "--root", desk.tree, "--for", "1ms")
                .status == 0)
        let month = String(
            try desk.run("usage", "--format", "csv").lines[1].prefix(7))
        let start = Instant(rfc3339: try desk.run("usage", "--format", "csv").lines[1].prefix(20))
        let since = try #require(start).milliseconds
        try DatabaseQueue(path: desk.store).write {
            try $0.execute(
                sql: "INSERT INTO gap (since_ms, until_ms, reason) VALUES (?, ?, 'not_running')",
                arguments: [since + 1000, since + 61_000])
        }
        let issue = ["invoice", "issue", "--month", month, "--until", "now"]
        _ = try desk.file("strict/octroi.yaml", "closing: { gap: block }\n")
        let blocked = try octroi(
            issue, store: desk.store, config: "\(desk.folder.path)/strict")
        #expect(blocked.status == 65 && blocked.errors.contains("not_running"), "\(blocked.errors)")
        #expect(try desk.run("invoice", "list", "--format", "csv").lines.count == 1)
        let issued = try octroi(issue, store: desk.store)
        #expect(issued.status == 0 && issued.errors.contains("gap: "), "\(issued.errors)")
        let shown = try desk.run("invoice", "show", "OCT-000001").errors
        #expect(shown.contains("assurance: cpu: ") && shown.contains("gap: "))
        #expect(shown.contains("open: the last reading is of"))
        #expect(try desk.run("invoice", "verify").status == 0)
        // The line leads to the counter's first and last reading.
        let explained = try desk.run("invoice", "explain", "OCT-000001", "1").output
        #expect(explained.contains("kernel     cpu_usage_us: "), "\(explained)")
        let page = try desk.run("invoice", "export", "OCT-000001", "--format", "html").output
        #expect(page.contains(": nothing was read in this time") && !page.contains("not_running"))
        #expect(page.contains("Conserved"))
    }

    @Test func twoProcessesIssueAtOnceWithoutAGap() throws {
        let tenants = (1...12).map { "  - { id: t\($0), price_book: standard }\n" }.joined()
        let file = try desk.file("t.yaml", "tenants:\n" + tenants)
        #expect(try desk.run("apply", "\(repository)/config/prices.yaml", file).status == 0)
        let rows = (1...12).map {
            "2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,t\($0),c,cpu,99999999999\n"
        }.joined()
        let csv = try desk.file("u.csv", "start,end,tenant,container,meter,quantity\n" + rows)
        #expect(try desk.run("usage", "import", csv).status == 0)
        let runs = try (1...12).flatMap { tenant in
            try (0..<2).map { _ in
                try startOctroi(
                    ["invoice", "issue", "--month", "2026-10", "--tenant", "t\(tenant)"],
                    store: desk.store)
            }
        }
        for run in runs {
            #expect(run.end() == 0, "\(run.said())")
        }
        let numbers = try desk.run("invoice", "list", "--format", "csv").lines.dropFirst().map {
            $0.prefix(10)
        }
        #expect(numbers.sorted() == (1...12).map { "OCT-0000" + ($0 < 10 ? "0\($0)" : "\($0)") })
    }

    @Test func limitsAreWrittenReadBackAndRecorded() throws {
        _ = try desk.run("apply")
        for (file, text) in [
            ("cpu.max", "max 100000\n"), ("memory.max", "max\n"), ("memory.current", "8192\n"),
            ("pids.max", "max\n"),
        ] {
            try desk.folder.write(text, to: "tree/tenant-acme.slice/\(file)")
        }
        let path = "\(desk.tree)/tenant-acme.slice"
        let plan = try desk.run(
            "limit", "set", "acme", "cpu=1.5", "--root", desk.tree, "--plan", "--format", "csv")
        #expect(
            plan.lines == [
                "cgroup,limit,before,wanted,after,verified,owner,effect,cost_per_hour,unit,"
                    + "before_quantity,wanted_quantity,used_quantity,throttled_percent,"
                    + "reclaimable_bytes,cost_most,cost_before,cost_now,currency",
                "/tenant-acme.slice,cpu.max,max 100000,150000 100000,,,file,,"
                    + "at most 0.0607 EUR; was without bound,core,,1.5,,,,0.06072,,,EUR",
            ])
        #expect(try String(contentsOfFile: "\(path)/cpu.max", encoding: .utf8) == "max 100000\n")

        let set = try desk.run(
            "limit", "set", "acme", "cpu=1.5", "memory.max=1M", "pids.max=9", "--root", desk.tree,
            "--format", "csv", "--reason", "quota")
        #expect(set.status == 0, "\(set.errors)")
        #expect(
            set.lines.dropFirst().allSatisfy { $0.contains(",true,file,") } && set.lines.count == 4)
        #expect(try String(contentsOfFile: "\(path)/cpu.max", encoding: .utf8) == "150000 100000")
        #expect(
            try desk.run("limit", "show", "tenant-acme.slice", "--root", desk.tree).output.contains(
                "1048576"))

        let low = try desk.run(
            "limit", "set", "acme", "memory.max=4K", "pids.max=3", "--root", desk.tree)
        #expect(low.status == 1 && low.errors.contains("would reclaim, then kill"))
        #expect(
            try String(contentsOfFile: "\(path)/pids.max", encoding: .utf8) == "9",
            "nothing is written if one is refused")
        #expect(
            try desk.run("limit", "set", "acme", "memory.max=4K", "--force", "--root", desk.tree)
                .status == 0)
        let off = try desk.run("limit", "set", "acme", "memory.high=1G", "--root", desk.tree)
        #expect(off.status == 69 && off.errors.contains("memory controller is not on"))
        #expect(try desk.run("limit", "set", "nowhere", "cpu=1", "--root", desk.tree).status == 69)
    }

    @Test func aLimitOfTwoRootsIsCheckedWholeBeforeItIsWritten() throws {
        let file = try desk.file(
            "t.yaml", "tenants: [ { id: two, match: [ { root: /one }, { root: /other } ] } ]\n")
        #expect(try desk.run("apply", file).status == 0)
        try desk.folder.write("max 100000\n", to: "tree/one/cpu.max")
        let result = try desk.run("limit", "set", "two", "cpu=1", "--root", desk.tree)
        #expect(result.status == 69 && result.errors.contains("/other/cpu.max"))
        let kept = try String(contentsOfFile: "\(desk.tree)/one/cpu.max", encoding: .utf8)
        #expect(kept == "max 100000\n")
        #expect(try desk.run("limit", "set", "/..", "cpu=1", "--root", desk.tree).status == 69)
    }

    @Test func commonOptionsStandBeforeTheCommandToo() throws {
        for words in [
            ["apply"], ["price", "check", "\(repository)/config/prices.yaml"], ["tenant", "list"],
            ["usage"],
        ] {
            let result = try octroi(
                ["--db", desk.store, "--format", "csv"] + words, store: "/proc/nowhere/x.db")
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
    }

    @Test func manyProcessesMayOpenANewStoreAtOnce() throws {
        let runs = try (0..<16).map { _ in try startOctroi(["apply"], store: desk.store) }
        for run in runs {
            #expect(run.end() == 0, "\(run.said())")
        }
        #expect(try desk.run("tenant", "list", "--format", "csv").lines.count == 3)
        let files = try FileManager.default.contentsOfDirectory(atPath: desk.folder.path)
        #expect(
            !files.contains { $0.contains(".schema-") }, "a new store is none of an older schema")
    }

    @Test func outputThatCannotBeWrittenIsAFailure() throws {
        _ = try desk.run("apply")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "exec \"$0\" --db \"$1\" tenant list >/dev/full 2>/dev/null", octroiPath,
            desk.store,
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
    }

    @Test func aLinkToAStoreIsTheSameStore() throws {
        let first = try desk.startCollector(every: "60s")
        defer { first.kill() }
        try desk.awaitBaseline(of: "/other")
        let link = "\(desk.folder.path)/link.db"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: desk.store)
        let second = try octroi(["collect", "--root", desk.tree, "--for", "1s"], store: link)
        #expect(second.status == 1)
        #expect(second.errors.contains("is collecting into this store already"))
    }

    @Test func reportsAddUpBeyond64Bits() throws {
        _ = try desk.run("apply")
        let row = "2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,acme,c,memory,9223372036854775000\n"
        let file = try desk.file(
            "u.csv",
            "start,end,tenant,container,meter,quantity\n" + row + row.replacing(",c,", with: ",d,"))
        #expect(try desk.run("usage", "import", file).status == 0)
        let report = try desk.run(
            "report", "usage-by-tenant", "--month", "2026-10", "--format", "csv")
        #expect(report.lines.last == "acme,memory,2,744,18446744073709550000,byte-second")
    }

    @Test func aUsersOwnReportIsListedAndRun() throws {
        let config = "\(desk.folder.path)/config"
        _ = try desk.file(
            "config/reports/hosts.sql", "-- title: Roots\nSELECT count(*) AS runs FROM run")
        #expect(
            try octroi(
                ["apply", "\(repository)/config/prices.yaml"], store: desk.store, config: config
            ).status == 0)
        #expect(
            try octroi(["report", "list"], store: desk.store, config: config).output.contains(
                "hosts"))
        #expect(
            try octroi(["report", "hosts", "--format", "csv"], store: desk.store, config: config)
                .output == "runs\n0\n")
        _ = try desk.file("config/reports/bad.sql", "DROP TABLE run")
        #expect(try octroi(["report", "bad"], store: desk.store, config: config).status == 65)
    }

    @Test func hostileNamesStayData() throws {
        for name in [
            "=cmd()", "+1", "a,b\"c", "'; DROP TABLE usage; --", "\u{1B}[31mred", "new\nline",
            "<script>",
        ] {
            try desk.set("x/\(name)", 0)
        }
        let collector = try desk.startCollector()
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/x/<script>")
        for name in ["=cmd()", "\u{1B}[31mred", "new\nline", "'; DROP TABLE usage; --"] {
            try desk.set("x/\(name)", 5)
        }
        #expect(collector.stop() == 0)
        let csv = try desk.run("usage", "--by", "container", "--format", "csv")
        #expect(csv.status == 0)
        #expect(csv.lines.count == 5)
        for format in ["table", "csv", "json"] {
            let text = try desk.run("usage", "--by", "container", "--format", format).output
            #expect(!text.contains("\u{1B}"))
        }
    }

    @Test func helpHasExamplesEverywhere() throws {
        let groups = [["tenant"], ["usage"], ["price"], ["invoice"], ["report"], ["limit"], []]
        for words in groups {
            #expect(try octroi(words + ["--help"], store: desk.store).status == 0)
        }
        for words in [
            "collect", "daemon", "containers", "doctor", "apply", "tenant list", "usage show",
            "usage import", "price check", "invoice draft", "invoice issue", "invoice list",
            "invoice show", "invoice export", "report run", "limit set", "limit show",
        ] {
            let help = try octroi(
                words.split(separator: " ").map(String.init) + ["--help"], store: desk.store)
            #expect(help.status == 0 && help.output.contains("EXAMPLE"), "\(words)")
        }
    }
}
