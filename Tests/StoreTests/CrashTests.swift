import Foundation
import GRDB
import Store
import TestSupport
import Testing
import Units

/// Kills and failing writes at every kind of moment: what is in the store afterwards is what an
/// undisturbed run leaves.
@Suite struct CrashTests {
    private let folder: TemporaryFolder
    /// What an undisturbed run leaves, made once.
    private static let calm = Result {
        let tests = try CrashTests()
        _ = try tests.rehearse("calm")
        return try tests.content("calm")
    }

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    private func path(_ name: String) -> String { "\(folder.path)/\(name).db" }

    /// Runs the rehearsal; its output, or `nil` if it was killed.
    private func rehearse(
        _ name: String, _ kind: String = "none", at: Int = 0, every: Int = 0, ticks: Int = 400
    ) throws -> String? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: builtPath("octroi-rehearse"))
        process.arguments = [path(name), String(ticks), kind, String(at), String(every)]
        process.standardOutput = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        if process.terminationReason == .uncaughtSignal {
            #expect(process.terminationStatus == SIGKILL)
            return nil
        }
        #expect(process.terminationStatus == 0)
        return String(decoding: said, as: UTF8.self)
    }

    /// All that a store says, but for which life of the collector wrote it.
    private func content(_ name: String) throws -> [String] {
        let store = try Store(at: path(name), for: .read)
        #expect(try store.verify().damage == [])
        #expect(try store.integrity() == [])
        #expect(try store.audit(over: nil).allSatisfy { $0.difference == 0 })
        let queries = [
            "SELECT id, wall_ms, boottime_us, seen, read, failed, epoch FROM tick",
            "SELECT id, kind, cgroup_id, path, import_tenant, root FROM container",
            "SELECT * FROM sample", "SELECT * FROM sample_io",
            "SELECT container, first_tick, last_tick, hour_s, samples, hex(data) FROM sample_block",
            "SELECT container, major, first_tick, last_tick, hour_s, samples, hex(data) FROM sample_io_block",
            "SELECT * FROM usage", "SELECT * FROM usage_open", "SELECT * FROM control",
            "SELECT * FROM control_total", "SELECT * FROM capacity",
            "SELECT hour_s, sum(ticks), sum(seen), sum(read) FROM completeness_hour GROUP BY 1",
            "SELECT id, kind, hour_s, closed_ms, last_tick FROM ledger_entry",
            "SELECT * FROM gap", "SELECT * FROM unmetered", "SELECT * FROM anomaly",
            "SELECT * FROM usage_import", "SELECT * FROM attribution", "SELECT * FROM position",
            "SELECT * FROM invoice", "SELECT * FROM invoice_line", "SELECT * FROM invoice_segment",
        ]
        return try DatabaseQueue(path: path(name)).read { db in
            try queries.flatMap { sql in
                try Row.fetchAll(db, sql: sql).map { "\(sql.suffix(16)): \($0)" }.sorted()
            }
        }
    }

    private func expectSame(_ name: String) throws {
        let calm = try Self.calm.get()
        let content = try content(name)
        #expect(content.count > 1000)
        let difference = content.difference(from: calm)
        #expect(difference.isEmpty, "\(difference.prefix(6))")
    }

    @Test func killedAtTwoHundredPointsItIsAsIfItNeverWas() throws {
        var random = SeededRandom(seed: 200)
        var kills = 0
        func moment() -> Int {
            // Most lives are short; making the store takes one of five hundred steps.
            let longest = [60, 60, 60, 60, 60, 600].randomElement(using: &random) ?? 60
            return Int.random(in: 1...longest, using: &random)
        }
        while try rehearse("killed", "kill", at: moment()) == nil {
            kills += 1
            try #require(kills < 2000)
        }
        print("crash: killed \(kills) times")
        #expect(kills >= 200)
        try expectSame("killed")
    }

    @Test(arguments: [("io", 211), ("io", 127), ("full", 97)])
    func writesThatFailLoseNothing(_ kind: String, _ every: Int) throws {
        // More steps than lie between two failures would never be done in one transaction.
        _ = try rehearse("failing", ticks: 0)
        let said = try #require(try rehearse("failing", kind, at: 30, every: every))
        let words = said.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        try #require(words.count == 2)
        print("crash: of \(words[0]) steps each \(every)th failed (\(kind)); \(words[1]) faults")
        #expect(words[1] > 20)
        try expectSame("failing")
    }

    /// A store whose making fails at any step is made by the next attempt.
    @Test func aStoreThatCouldNotBeMadeIsMadeLater() throws {
        _ = try rehearse("calm", ticks: 3)
        let calm = try content("calm")
        for at in stride(from: 1, through: 213, by: 9) {
            for kind in ["kill", "io"] {
                let name = "\(kind)-\(at)"
                _ = try rehearse(name, kind, at: at, ticks: 0)
                _ = try rehearse(name, ticks: 3)
                #expect(try content(name) == calm, "\(name)")
            }
        }
    }
}
