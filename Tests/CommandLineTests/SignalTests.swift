import Foundation
import GRDB
import TestSupport
import Testing

/// What signals do to the collecting loop.
@Suite struct SignalTests {
    private let desk: Desk
    private let pids = "tenant-acme.slice/pids.max"

    init() throws { desk = try Desk() }

    private func configure(_ text: String) throws {
        _ = try desk.file(
            "config/octroi.yaml", "interval: 100ms\ncgroup_root: \(desk.tree)\n" + text)
    }

    /// SIGHUP takes over the settings; with a mistake in the file all stays as it was.
    @Test func aHangupReadsTheSettingsAgainAndEndsNothing() throws {
        try desk.folder.write("max\n", to: "tree/\(pids)")
        let limits = try desk.file("limits.yaml", "limits: [ { tenant: acme, pids.max: 40 } ]\n")
        #expect(try desk.run("apply").status == 0 && desk.run("apply", limits).status == 0)
        try configure("enforcement: { limits: off }\n")
        let daemon = try startOctroi(
            ["daemon"], store: desk.store, config: "\(desk.folder.path)/config")
        defer { daemon.kill() }
        func hangUp() { kill(daemon.pid, SIGHUP) }
        func reload(_ settings: String, untilItSays text: String) throws {
            let before = daemon.count(of: text)
            try configure(settings)
            hangUp()
            try eventually("it says \(text)") { daemon.count(of: text) > before }
        }
        let isOff = "limits are no longer enforced"
        try desk.awaitBaseline(of: "/tenant-acme.slice/web")
        hangUp()
        try eventually("it has heard the signal") { daemon.count(of: isOff) > 0 }
        try desk.awaitTicks(3)
        #expect(try desk.read(pids) == "max", "limits are off")
        try reload("enforcement: { limits: on }\n", untilItSays: "limits are enforced")
        try eventually("the limit is set") { try desk.read(pids) == "40" }
        for text in ["enforcement: { limits: perhaps }\n", "enforcement: [", "nonsense: 1\n"] {
            try reload(text, untilItSays: "the settings stay as they were")
        }
        try desk.folder.write("9\n", to: "tree/\(pids)")
        try eventually("the limit is still kept") { try desk.read(pids) == "40" }
        try reload("enforcement: { limits: off }\n", untilItSays: isOff)
        try desk.folder.write("9\n", to: "tree/\(pids)")
        try desk.awaitTicks(3)
        #expect(daemon.stop() == 0)
        #expect(try desk.read(pids) == "9", "off again")
        #expect(daemon.said().contains("was read again"))
    }

    /// A daemon that still waits for its store has begun with settings that were changed since.
    @Test func aHangupBeforeTheFirstReadingIsNotLost() throws {
        #expect(try desk.run("apply").status == 0)
        try configure("")
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
        let holder = try DatabaseQueue(path: desk.store, configuration: configuration)
        try holder.write { try $0.execute(sql: "UPDATE tenant SET name = name") }
        let daemon = try startOctroi(
            ["daemon"], store: desk.store, config: "\(desk.folder.path)/config")
        defer { daemon.kill() }
        let files = "/proc/\(daemon.pid)/fd"
        try eventually("it opens its store") {
            try FileManager.default.contentsOfDirectory(atPath: files).contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(files)/\($0)"))
                    == desk.store
            }
        }
        kill(daemon.pid, SIGHUP)
        try holder.close()
        try daemon.waitUntilItSays("octroi.yaml was read again")
        // Before it meters, it may be told to stop before it listens for that.
        try desk.awaitTicks(1)
        #expect(daemon.stop() == 0)
    }

    /// A log that nobody reads any more ends nothing.
    @Test func aLostStandardErrorIsNoReasonToStop() throws {
        let collector = try desk.startCollector(every: "50ms", "--for", "300ms")
        try collector.errors.fileHandleForReading.close()
        #expect(collector.end() == 0)
        #expect(try desk.run("containers", "--format", "csv").output.contains("/web"))
    }

    /// Whoever pipes into head gets no complaint.
    @Test func aReaderThatHasSeenEnoughIsNoFault() throws {
        #expect(try desk.run("apply").status == 0)
        let reader = try startOctroi(
            ["tenant", "list", "--format", "csv"], store: desk.store, isRead: false)
        reader.process.waitUntilExit()
        #expect(reader.said().isEmpty && reader.process.terminationStatus == SIGPIPE)
    }
}
