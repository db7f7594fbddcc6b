import Foundation
import GRDB
import Store
import TestSupport
import Testing
import Units

@Suite struct ThrottlingTests {
    /// Counters only rise: after a clock that was set back, an hour before another may come after it.
    @Test(arguments: ["throttling", "enforcement"])
    func whatRoseIsCountedInTheOrderOfTheCounters(report: String) throws {
        let folder = try TemporaryFolder()
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
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
        let sql = try String(contentsOfFile: "\(repository)/reports/\(report).sql", encoding: .utf8)
        let day = try #require(Period(start: Instant(seconds: 0), end: Instant(seconds: 86_400)))
        let found = try store.report(sql, over: day, place: report)
        let column = try #require(found.columns.firstIndex(of: "throttled_us"))
        let sum = found.rows.reduce(into: Int64(0)) { sum, row in
            if case .integer(let value) = row[column] { sum += value }
        }
        #expect(sum == 300)
    }
}
