import Foundation
import TestSupport
import Testing

/// What signals do to the collecting loop.
@Suite struct SignalTests {
    private let desk: Desk
    private let slice = "tree/tenant-acme.slice"

    init() throws { desk = try Desk() }

    private func pids() throws -> String {
        try String(contentsOfFile: "\(desk.folder.path)/\(slice)/pids.max", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }

    private func configure(_ text: String) throws {
        _ = try desk.file(
            "config/octroi.yaml", "interval: 100ms\ncgroup_root: \(desk.tree)\n" + text)
    }

    /// SIGHUP takes over the settings; with a mistake in the file all stays as it was.
    @Test func aHangupReadsTheSettingsAgainAndEndsNothing() throws {
        try desk.folder.write("max\n", to: "\(slice)/pids.max")
        let limits = try desk.file("limits.yaml", "limits: [ { tenant: acme, pids.max: 40 } ]\n")
        #expect(try desk.run("apply").status == 0 && desk.run("apply", limits).status == 0)
        try configure("enforcement: { limits: off }\n")
        let daemon = try startOctroi(
            ["daemon"], store: desk.store, config: "\(desk.folder.path)/config")
        defer { daemon.process.terminate() }
        func hangUp() { kill(daemon.process.processIdentifier, SIGHUP) }
        try waitFor {
            try desk.run("containers", "--format", "csv").output.contains("/web")
        }
        hangUp()
        usleep(500_000)
        #expect(try pids() == "max", "limits are off")
        try configure("enforcement: { limits: on }\n")
        hangUp()
        try waitFor { try pids() == "40" }
        for text in ["enforcement: { limits: perhaps }\n", "enforcement: [", "nonsense: 1\n"] {
            try configure(text)
            hangUp()
            usleep(300_000)
            #expect(daemon.process.isRunning)
        }
        try desk.folder.write("9\n", to: "\(slice)/pids.max")
        try waitFor { try pids() == "40" }
        try configure("enforcement: { limits: off }\n")
        hangUp()
        usleep(500_000)
        try desk.folder.write("9\n", to: "\(slice)/pids.max")
        usleep(500_000)
        #expect(try pids() == "9", "off again")
        daemon.process.terminate()
        daemon.process.waitUntilExit()
        #expect(daemon.process.terminationReason == .exit && daemon.process.terminationStatus == 0)
        let log = String(
            decoding: daemon.errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(log.contains("was read again") && log.contains("the settings stay as they were"))
    }

    /// A log that nobody reads any more ends nothing.
    @Test func aLostStandardErrorIsNoReasonToStop() throws {
        let collector = try startOctroi(
            ["collect", "--root", desk.tree, "--interval", "50ms", "--for", "1s"],
            store: desk.store)
        try collector.errors.fileHandleForReading.close()
        collector.process.waitUntilExit()
        #expect(collector.process.terminationReason == .exit)
        #expect(collector.process.terminationStatus == 0)
        #expect(try desk.run("containers", "--format", "csv").output.contains("/web"))
    }

    /// Whoever pipes into head gets no complaint.
    @Test func aReaderThatHasSeenEnoughIsNoFault() throws {
        #expect(try desk.run("apply").status == 0)
        let reader = try startOctroi(["tenant", "list", "--format", "csv"], store: desk.store)
        try reader.output.fileHandleForReading.close()
        reader.process.waitUntilExit()
        let said = reader.errors.fileHandleForReading.readDataToEndOfFile()
        #expect(said.isEmpty && reader.process.terminationStatus == SIGPIPE)
    }
}
