import Foundation
import GRDB
import Store
import TestSupport
import Testing
import Units

@Suite struct ThrottlingTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
    }

    /// Counters only rise: after a clock that was set back, an hour before another may come after it.
    @Test(arguments: ["throttling", "enforcement"])
    func whatRoseIsCountedInTheOrderOfTheCounters(report: String) throws {
        try DatabaseQueue(path: store.path).write { db in
            try db.execute(
                sql: """
                    INSERT INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
                    INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms,
                        last_seen_ms) VALUES (1, 'container', 1, 7, '/web', 'cgroup', 0, 0);
                    INSERT INTO throttle_hour VALUES (1, 36000, 0, 100, 0, 10);
                    INSERT INTO throttle_hour VALUES (1, 28800, 100, 250, 10, 30);
                    INSERT INTO throttle_hour VALUES (1, 39600, 250, 300, 30, 35)
                    """)
        }
        #expect(try throttled(report).reduce(0, +) == 300)
    }

    /// A counter that is shown, and not billed, may say anything: a report with it goes on.
    @Test(arguments: ["throttling", "enforcement"])
    func whatNoHostCanHaveThrottledBreaksNoReport(report: String) throws {
        try DatabaseQueue(path: store.path).write { db in
            for row in 1...3 {
                try db.execute(
                    sql: """
                        INSERT OR IGNORE INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
                        INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms,
                            last_seen_ms) VALUES (\(row), 'container', 1, \(row), '/\(row)', 'cgroup', 0, 0);
                        INSERT INTO throttle_hour VALUES (\(row), 36000, 0, \(Int64.max), 0, \(Int64.max));
                        """)
            }
        }
        #expect(try throttled(report).allSatisfy { $0 == .max })
        #expect(try !throttled(report).isEmpty)
    }

    private func throttled(_ report: String) throws -> [Int64] {
        let sql = try String(contentsOfFile: "\(repository)/reports/\(report).sql", encoding: .utf8)
        let day = try #require(Period(start: Instant(seconds: 0), end: Instant(seconds: 86_400)))
        let found = try store.report(sql, over: day, place: report)
        let column = try #require(found.columns.firstIndex(of: "throttled_us"))
        return found.rows.compactMap { row in
            if case .integer(let value) = row[column] { value } else { nil }
        }
    }
}
