import Foundation
import GRDB
import TestSupport
import Testing

/// Looking after the store from the command line.
@Suite struct StoreCommandTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    /// A store as an older Octroi left it.
    private func unpack(schema: Int) throws {
        try TestSupport.unpack("schemas/v\(schema).db.gz", to: desk.store)
    }

    private func sql(_ sql: String) throws -> [String] { try desk.sql(sql) }

    private func folder() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: desk.folder.path)
    }

    /// Every schema that was released comes to the newest with all it holds, and a copy is kept.
    @Test(arguments: 1...2)
    func anOlderStoreGoesOn(_ schema: Int) throws {
        try unpack(schema: schema)
        let state = """
            SELECT (SELECT count(*) FROM grdb_migrations) || ' ' || (SELECT sum(quantity) FROM usage)
                || ' ' || (SELECT count(*) FROM sample)
            """
        let before = try sql(state)
        #expect(try desk.run("usage").status == 65, "reading does not migrate")
        let invoices = try sql("SELECT number || net_minor || total_minor FROM invoice ORDER BY 1")
        #expect(invoices.count == 2)
        let samples = try sql("SELECT count(*) FROM sample")
        let prices = try sql("SELECT DISTINCT unit_price FROM invoice_line ORDER BY 1")
        let applied = try desk.run("apply", desk.file("t.yaml", "tenants: []\n"))
        #expect(applied.status == 0 && applied.errors.contains("newer schema"), "\(applied.errors)")
        let copy = try #require(try folder().first { $0.contains("schema-000\(schema)") })
        let kept = try DatabaseQueue(path: "\(desk.folder.path)/\(copy)")
            .read { try String.fetchAll($0, sql: state) }
        #expect(kept == before && before[0].hasPrefix("\(schema) "))
        let usage = try desk.run(
            "usage", "--by", "container", "--month", "2026-11", "--format", "csv")
        let wanted = try String(
            contentsOfFile: "\(repository)/Tests/Fixtures/schemas/v\(schema).usage.csv",
            encoding: .utf8)
        #expect(usage.output == wanted)
        #expect(
            try sql("SELECT number || net_minor || total_minor FROM invoice ORDER BY 1") == invoices
        )
        #expect(try sql("SELECT count(*) FROM sample") == samples)
        let export = try desk.run("invoice", "export", "--format", "csv").lines.dropFirst()
            .compactMap { line in
                let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                return fields.count > 11 ? String(fields[11]) : nil
            }
        #expect(Set(export).sorted() == prices && prices.contains("0.004445"))
        #expect(try desk.run("store", "check").status == 0)
        let verified = try desk.run("invoice", "verify")
        #expect(verified.status == 0)
        #expect(verified.errors.contains("2 of them are of an older Octroi"))
        #expect(try desk.run("audit").status == 0)
        let schemas = try sql(
            "SELECT replace(group_concat(sql, ';'), char(10), ' ') FROM sqlite_schema")
        // Issuing again changes nothing, and metering goes on: the old hours close.
        #expect(
            try desk.run(
                "invoice", "issue", "--month", "2026-11", "--until", "now", "--format", "csv"
            ).lines.count
                == 3)
        try desk.folder.write("usage_usec 5\n", to: "tree/a/cpu.stat")
        try desk.folder.write("1\n", to: "tree/a/cgroup.procs")
        let root = "\(desk.folder.path)/tree"
        #expect(
            try desk.run("collect", "--for", "1ms", "--root", root).status == 0)
        // The beginning, the tenants and prices that were found, the hours, and that they came late.
        #expect(
            try sql("SELECT kind FROM ledger_entry ORDER BY id")
                == ["genesis", "terms", "hour", "terms"])
        #expect(try sql("SELECT count(*) FROM sample WHERE tick <= 10") == ["0"])
        #expect(try desk.run("store", "check").status == 0)
        #expect(
            try desk.run("usage", "--by", "container", "--month", "2026-11", "--format", "csv")
                .lines.prefix(wanted.split(separator: "\n").count - 1)
                == wanted.split(separator: "\n").map(String.init).dropLast()[...])
        #expect(
            schemas
                == (try sql(
                    "SELECT replace(group_concat(sql, ';'), char(10), ' ') FROM sqlite_schema")))
    }

    /// Invoices of schema 3 had no references and no pinned usage: what comes late is corrected once.
    @Test func anOlderStoreIsCorrectedOnce() throws {
        try unpack(schema: 3)
        #expect(try desk.run("apply", desk.file("t.yaml", "tenants: []\n")).status == 0)
        func nets() throws -> [String] {
            try sql("SELECT number || ' ' || net_minor FROM invoice ORDER BY 1")
        }
        let old = ["OCT-000001 360", "OCT-000002 36", "OCT-000003 108"]
        #expect(try nets() == old)
        // 1 h came to light in September since October was issued with 2 h of corrections.
        let issued = try desk.run(
            "invoice", "issue", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z")
        #expect(issued.status == 0, "\(issued.errors)")
        #expect(try nets() == old + ["OCT-000004 36"])
        let next = try desk.run(
            "invoice", "issue", "--from", "2026-11-02T00:00:00Z", "--to", "2026-11-03T00:00:00Z")
        #expect(next.status == 0)
        #expect(try nets().count == 4)
        // Credited and issued again, each month costs what it costs.
        for words in [
            ["invoice", "credit", "OCT-000001"], ["invoice", "credit", "OCT-000003"],
            ["invoice", "issue", "--month", "2026-09", "--again"],
            ["invoice", "issue", "--month", "2026-10", "--again"], ["invoice", "verify"],
        ] {
            let result = try octroi(words, store: desk.store)
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
        #expect(
            try sql("SELECT sum(net_minor) || '' FROM invoice WHERE tenant = 'acme'") == ["504"])
    }

    /// The limits of schema 4 were lines of a log: they stay, before the chain of changes.
    @Test func anOlderStoresLimitsStayInItsLog() throws {
        try unpack(schema: 4)
        let log = """
            SELECT id || path || file || before || wanted || after || verified FROM limit_change
            WHERE change_set IS NULL ORDER BY id
            """
        #expect(try desk.run("apply", desk.file("t.yaml", "tenants: []\n")).status == 0)
        let old = [
            "1/acmecpu.maxmax 100000100000 100000100000 1000001", "2/acmepids.maxmax40401",
        ]
        #expect(try sql(log) == old)
        #expect(try desk.run("limit", "history", "--format", "csv").lines.count == 1)
        try desk.folder.write("40\n", to: "tree/acme/pids.max")
        let set = try octroi(
            ["limit", "set", "acme", "pids.max=30", "--root", desk.tree], store: desk.store)
        #expect(set.status == 0, "\(set.errors)")
        #expect(try desk.run("limit", "history", "--verify").status == 0)
        #expect(try sql(log) == old)
        #expect(try desk.run("store", "check").status == 0)
        #expect(try desk.run("invoice", "verify").status == 0)
    }

    @Test func aBackupIsAStoreAndOverwritesNothing() throws {
        try unpack(schema: 2)
        #expect(try desk.run("apply", desk.file("t.yaml", "tenants: []\n")).status == 0)
        let file = "\(desk.folder.path)/copy.db"
        let backup = try desk.run("store", "backup", file)
        #expect(backup.status == 0, "\(backup.errors)")
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        let other = try desk.run("usage", "--db", file, "--month", "2026-11", "--format", "csv")
        #expect(
            other.output == (try desk.run("usage", "--month", "2026-11", "--format", "csv").output))
        let again = try desk.run("store", "backup", file)
        #expect(again.status == 1 && again.errors.contains("the file exists already"))
        let nowhere = try desk.run("store", "backup", "/proc/nowhere/x.db")
        #expect(
            nowhere.status == 69
                && nowhere.errors.hasPrefix("octroi: /proc/nowhere/x.db: it cannot"))
        #expect(try !folder().contains { $0.contains(".partial") })
    }

    @Test func damageIsNamedAndEndsWithOne() throws {
        try unpack(schema: 2)
        #expect(try desk.run("apply", desk.file("t.yaml", "tenants: []\n")).status == 0)
        try desk.folder.write("usage_usec 5\n", to: "tree/a/cpu.stat")
        let root = "\(desk.folder.path)/tree"
        #expect(
            try desk.run("collect", "--for", "1ms", "--root", root).status == 0)
        let sound = try desk.run("store", "verify")
        #expect(sound.status == 0 && sound.errors.contains("3 ledger entries"))
        try DatabaseQueue(path: desk.store).write {
            try $0.execute(sql: "DROP TRIGGER usage_is_final")
            try $0.execute(
                sql: """
                    UPDATE usage SET quantity = quantity - 1000
                    WHERE container = (SELECT id FROM container WHERE path = 'job-1')
                        AND hour_s = (SELECT max(hour_s) FROM usage JOIN container c
                            ON c.id = container WHERE path = 'job-1')
                    """)
            try $0.execute(sql: "UPDATE sample_block SET data = zeroblob(100) WHERE id = 1")
        }
        let found = try desk.run("store", "verify", "--format", "csv")
        #expect(found.status == 1)
        #expect(found.output.contains("container=job-1") && found.output.contains("2026-11-20T12"))
        #expect(found.output.contains("sample_block of "))
        #expect(try desk.run("store", "check").status == 1)
        let backup = try desk.run("store", "backup", "\(desk.folder.path)/copy.db")
        #expect(backup.status == 1 && backup.errors.contains("damaged as the store is"))
        // The one container whose block is damaged cannot be read; the place is named.
        let path = try sql(
            "SELECT path FROM container c JOIN sample_block b ON b.container = c.id AND b.id = 1")
        let samples = try desk.run("samples", "--container", path[0])
        #expect(samples.status == 65 && samples.errors.contains("sample_block of 2026"))
    }

    @Test func infoAndPruneSayWhatThereIs() throws {
        try unpack(schema: 2)
        #expect(try desk.run("apply", desk.file("t.yaml", "tenants: []\n")).status == 0)
        let info = try desk.run("store", "info", "--format", "csv")
        #expect(info.status == 0)
        let sample = try #require(info.lines.first { $0.hasPrefix("sample,") }).split(
            separator: ",")
        #expect(sample[1] == "340" && sample[3] == "340" && sample[5].hasPrefix("2026-11-23T"))
        let plan = try desk.run("store", "prune", "--older-than", "1h", "--plan", "--format", "csv")
        #expect(
            plan.lines.last?.hasPrefix("0,0,0,0,") == true
                && plan.lines.last?.hasSuffix("false") == true)
        #expect(try desk.run("store", "prune", "--older-than", "soon").status == 64)
    }

    /// Whoever reads for long sees one moment, and delays no tick; ticks delay no reader.
    @Test func readersAndTheCollectorDoNotWaitForEachOther() throws {
        try desk.folder.write("usage_usec 5\n", to: "tree/a/cpu.stat")
        try desk.folder.write("1\n", to: "tree/a/cgroup.procs")
        let collector = try desk.startCollector(every: "50ms")
        defer { collector.kill() }
        func ticks(_ db: Database) throws -> Int {
            try Int.fetchOne(db, sql: "SELECT count(*) FROM tick") ?? 0
        }
        try desk.awaitBaseline(of: "/a")
        let (first, last) = try desk.database().read { db in
            let first = try ticks(db)
            // Ticks go on while it reads.
            try desk.awaitTicks(6)
            return (first, try ticks(db))
        }
        #expect(first == last, "one moment")
        // A second collector is told who is there.
        let second = try desk.run("collect", "--for", "1s", "--root", "\(desk.folder.path)/tree")
        #expect(
            second.status == 1
                && second.errors.contains("process \(collector.pid)"))
        #expect(try desk.run("store", "check").status == 0)
    }
}
