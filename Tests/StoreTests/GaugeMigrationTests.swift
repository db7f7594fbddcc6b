import Foundation
import GRDB
import Metering
import TestSupport
import Testing
import Units

@testable import Store

/// Schema 13: positions of gauges move from a column each into one text.
@Suite struct GaugeMigrationTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/octroi.db" }

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    /// Makes a store as the version before made it, and lets `fill` write into it.
    private func makeOld(_ fill: (Database) throws -> Void) throws {
        let queue = try Store.connect(path, .write)
        try queue.writeWithoutTransaction(Store.setUpJournal)
        try Store.migrator(for: path).migrate(queue, upTo: "0012_day_sums")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
                    INSERT INTO run (boot, root, interval_ms, started_ms) VALUES (1, '/', 1000, 0)
                    """)
            try fill(db)
        }
        try queue.close()
    }

    /// Inserts an account whose position has the given columns.
    private func insert(_ db: Database, _ id: Int64, _ columns: [String: Int64?]) throws {
        try db.execute(
            sql: """
                INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms,
                    last_seen_ms) VALUES (?, 'container', 1, ?, ?, 'cgroup', 0, 0)
                """, arguments: [id, id + 100, "/c\(id)"])
        let names = columns.keys.sorted()
        let marks = names.map { _ in ", ?" }.joined()
        try db.execute(
            sql: "INSERT INTO position (container\(names.map { ", \($0)" }.joined())) "
                + "VALUES (?\(marks))",
            arguments: StatementArguments([id] + names.map { columns[$0] ?? nil }))
    }

    private func gauges() throws -> [Int64: String] {
        try DatabaseQueue(path: path).read { db in
            try Row.fetchAll(db, sql: "SELECT container, gauges FROM position")
                .reduce(into: [:]) { $0[$1[0] as Int64] = $1[1] as String }
        }
    }

    /// The text that the columns of an old position stand for.
    private func text(_ columns: [String: Int64?]) -> String {
        func value(_ name: String) -> Int64? { columns[name] ?? nil }
        let groups: [(code: Int, time: String, value: String, carry: String)] = [
            (0, "memory_boottime_us", "current_bytes", "current_carry"),
            (1, "memory_boottime_us", "working_set_bytes", "working_set_carry"),
            (2, "memory_boottime_us", "unreclaimable_bytes", "unreclaimable_carry"),
            (3, "reserved_boottime_us", "cpu_reserved_nanocores", "cpu_reserved_carry"),
            (4, "reserved_boottime_us", "memory_reserved_bytes", "memory_reserved_carry"),
        ]
        return groups.compactMap { group in
            value(group.time).map { time in
                let held = value(group.value).map(String.init) ?? "-"
                return "\(group.code) \(held) \(time) \(value(group.carry) ?? 0)"
            }
        }.joined(separator: " ")
    }

    @Test func allOrPartOfAPositionIsKept() throws {
        try makeOld { db in
            try insert(
                db, 1,
                [
                    "memory_boottime_us": 50, "current_bytes": 4096, "current_carry": 7,
                    "working_set_bytes": 0, "working_set_carry": 1_999_999,
                    "unreclaimable_bytes": nil, "unreclaimable_carry": 3,
                    "reserved_boottime_us": 60, "cpu_reserved_nanocores": 500_000_000,
                    "cpu_reserved_carry": 999, "memory_reserved_bytes": nil,
                ])
            try insert(db, 2, ["memory_boottime_us": 0, "current_bytes": .max])
            try insert(db, 3, ["reserved_boottime_us": 9, "memory_reserved_bytes": 1 << 30])
            try insert(db, 4, ["cpu_usage_us": 5, "cpu_boottime_us": 6])
        }
        _ = try Store(at: path, for: .write)
        #expect(
            try gauges() == [
                1: "0 4096 50 7 1 0 50 1999999 2 - 50 3 3 500000000 60 999 4 - 60 0",
                2: "0 9223372036854775807 0 0 1 - 0 0 2 - 0 0",
                3: "3 - 9 0 4 1073741824 9 0", 4: "",
            ])
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func everyPositionIsLoadedAsItWas(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let nullable = [
            "memory_boottime_us", "current_bytes", "working_set_bytes", "unreclaimable_bytes",
            "reserved_boottime_us", "cpu_reserved_nanocores", "memory_reserved_bytes",
            "io_boottime_us", "net_boottime_us",
        ]
        let carries = [
            "current_carry", "working_set_carry", "unreclaimable_carry", "cpu_reserved_carry",
            "memory_reserved_carry", "cpu_ahead_us",
        ]
        var old: [Int64: [String: Int64?]] = [:]
        for id in 1...20 as ClosedRange<Int64> {
            var columns: [String: Int64?] = [:]
            for name in nullable {
                let isThere = Int.random(in: 0..<4, using: &random) > 0
                columns[name] = .some(isThere ? .random(in: 0 ... .max, using: &random) : nil)
            }
            for name in carries {
                columns[name] = .some(.random(in: -2_000_000...2_000_000, using: &random))
            }
            columns["cpu_usage_us"] = .some(.random(in: 0 ... .max, using: &random))
            columns["cpu_boottime_us"] = .some(.random(in: 0 ... .max, using: &random))
            old[id] = columns
        }
        try makeOld { db in
            for (id, columns) in old.sorted(by: { $0.key < $1.key }) { try insert(db, id, columns) }
        }
        let store = try Store(at: path, for: .write)
        let accounts = try store.beginRun(
            bootID: "b", root: "/", intervalMilliseconds: 1000, at: Instant(seconds: 1)
        ).accounts
        #expect(accounts.count == old.count)
        for (id, columns) in old {
            let position = try #require(accounts[id + 100]?.position)
            #expect(position.gauges == GaugeStates(stored: text(columns)))
            #expect(position.cpu?.value == columns["cpu_usage_us"] ?? nil)
            #expect(position.cpu?.ahead == columns["cpu_ahead_us"] ?? nil)
            #expect(position.cpu?.bootMicroseconds == columns["cpu_boottime_us"] ?? nil)
            #expect(position.ioSince == columns["io_boottime_us"] ?? nil)
            #expect(position.networkSince == columns["net_boottime_us"] ?? nil)
        }
        // The way back: a copy of the store as it was lies beside it.
        let copy = try #require(store.copyOfOld)
        let kept = try DatabaseQueue(path: copy).read {
            try Int.fetchOne($0, sql: "SELECT count(current_carry) FROM position")
        }
        #expect(kept == old.count)
    }

    /// Stores that older versions of Octroi wrote on real hosts.
    @Test(arguments: [1, 2])
    func positionsOfRealHostsAreKept(schema: Int) throws {
        try unpack("schemas/v\(schema).db.gz", to: path)
        let before = try DatabaseQueue(path: path).read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM position").map { row in
                var columns: [String: Int64?] = [:]
                for (name, value) in row { columns[name] = .some(Int64.fromDatabaseValue(value)) }
                return (row["container"] as Int64, text(columns))
            }
        }
        _ = try Store(at: path, for: .write)
        let after = try gauges()
        #expect(after.count == before.count && before.contains { !$0.1.isEmpty })
        for (container, text) in before { #expect(after[container] == text) }
    }

    @Test func rulesKeepTheirOrderAndMayNameFolders() throws {
        try makeOld { db in
            try db.execute(
                sql: """
                    INSERT INTO tenant (id, place, name, invoice_to) VALUES
                        ('acme', 0, 'Acme', '{}'), ('lab', 1, 'Lab', '{}');
                    INSERT INTO tenant_rule (tenant, place, kind, pattern, since_ms, until_ms)
                    VALUES ('acme', 1, 'unit', 'a.service', 5, NULL),
                        ('acme', 0, 'root', '/acme', 5, NULL), ('lab', 0, 'label', 'k', 5, NULL),
                        ('acme', 0, 'cgroup', '/past', 1, 5)
                    """)
        }
        let store = try Store(at: path, for: .write)
        let rules = try store.tenants().map(\.match)
        #expect(rules == [[.root("/acme"), .unit("a.service")], [.label("k")]])
        try store.adoptTenants(
            [
                Tenant(
                    id: "lab", name: "Lab", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: [.storage("/srv/lab"), .label("k")])
            ], at: Instant(seconds: 10))
        #expect(try store.tenants().last?.match == [.storage("/srv/lab"), .label("k")])
        let ended = try DatabaseQueue(path: path).read {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT pattern || ' ' || until_ms FROM tenant_rule
                    WHERE until_ms IS NOT NULL ORDER BY rowid
                    """)
        }
        #expect(ended == ["k 10000", "/past 5"])
    }

    /// Somebody may have imported usage of a meter that is called so.
    @Test func aMeterOfThatNameStaysAsItIs() throws {
        try makeOld {
            try $0.execute(
                sql: "INSERT INTO meter (name, shown_as, unit) VALUES ('storage', 'storage', 'GB')")
        }
        let store = try Store(at: path, for: .write)
        let meters = try store.read {
            try String.fetchAll($0, sql: "SELECT unit FROM meter WHERE name = 'storage'")
        }
        #expect(meters == ["GB"])
    }
}
