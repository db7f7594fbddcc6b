import GRDB
import TestSupport
import Testing

/// `top` and `containers` as they print, of a collector that has ended.
@Suite struct LiveCommandTests {
    private let desk: Desk

    init() throws {
        desk = try Desk()
        let collected = try desk.run(
            "collect", "--root", desk.tree, "--interval", "20ms", "--for", "100ms")
        try #require(collected.status == 0, "\(collected.errors)")
    }

    /// Lets ticks be so many seconds later since boot, and of a wall clock that is wrong by years.
    private func moveTicks(by seconds: Int64) throws {
        try desk.database().write {
            try $0.execute(
                sql: """
                    UPDATE tick SET wall_ms = wall_ms - (SELECT max(wall_ms) FROM tick) + 1700000000000,
                        boottime_us = boottime_us + \(seconds) * 1000000
                    """)
        }
    }

    @Test(arguments: ["top", "containers"])
    func ratesOfACollectorThatStandsStillAreNotShown(command: String) throws {
        // A tick of a time to come is not old, however slow the machine is.
        try moveTicks(by: 1_000_000)
        let fresh = try desk.run(command, "--format", "csv")
        #expect(try table(fresh.output).contains { $0["cpu_us_per_s"] == "0" })
        #expect(fresh.errors.isEmpty)

        try moveTicks(by: -1_010_000)
        let old = try desk.run(command, "--format", "csv")
        let rows = try table(old.output)
        #expect(!rows.isEmpty && rows.allSatisfy { $0["cpu_us_per_s"] == "" })
        let said = "Nothing has been read since 2023-11-14T22:13:20Z"
        #expect(old.errors.contains(said), "\(old.errors)")
        let shown = try desk.run(command)
        #expect(shown.output.contains(said) && !shown.output.contains("%"), "\(shown.output)")
    }
}
