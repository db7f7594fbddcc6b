import Foundation
import TestSupport
import Testing

private let isRoot: Bool = {
    if getuid() != 0 { print("skipped: the tests of full disks and forbidden trees need root") }
    return getuid() == 0
}()

/// Runs a program to its end and hands back its status.
@discardableResult
private func run(_ program: String, _ words: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + words
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}

/// Writes a file until its disk is full, whoever else writes there meanwhile.
private func fill(_ path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    let page = [UInt8](repeating: 0, count: 4096)
    while write(file, page, page.count) > 0 {}
    try #require(errno == ENOSPC)
}

@Suite(.enabled(if: isRoot, "needs root"), .serialized) struct HostFaultTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    /// Starts a collector on the desk's tree as a user without any rights.
    private func collectAsNobody(_ words: String...) throws -> RunningProcess {
        let tool = "\(desk.folder.path)/octroi"
        try FileManager.default.copyItem(atPath: octroiPath, toPath: tool)
        return try RunningProcess(
            "/usr/bin/env",
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tool, "collect"]
                + ["--db", desk.store, "--root", desk.tree] + words,
            environment: ProcessInfo.processInfo.environment)
    }

    @Test func aFullDiskLosesNothingAndLeavesNothingHalfWritten() throws {
        let small = "\(desk.folder.path)/small"
        try desk.folder.write("", to: "small/mounted-over")
        try #require(try run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small) == 0)
        defer { _ = try? run("umount", small) }
        let store = "\(small)/octroi.db"
        func collect() throws -> ProcessResult {
            try octroi(
                ["collect", "--root", desk.tree, "--interval", "20ms", "--for", "200ms"],
                store: store)
        }
        #expect(try collect().status == 0)
        // The disk fills while the collector runs …
        let running = try startOctroi(
            ["collect", "--root", desk.tree, "--interval", "50ms"], store: store)
        defer { running.kill() }
        try desk.awaitTicks(3, in: store)
        try fill("\(small)/ballast")
        try desk.set("other", 5050)
        try running.waitUntilItSays("the disk is full. Free some space")
        #expect(running.stop() == 1)
        // … and is full when the next one starts, though the first gave back its WAL.
        try fill("\(small)/more")
        let full = try collect()
        #expect(full.status == 1)
        #expect(
            full.errors.contains("\(store): the disk is full. Free some space"), "\(full.errors)")

        for name in ["ballast", "more"] {
            try FileManager.default.removeItem(atPath: "\(small)/\(name)")
        }
        #expect(try collect().status == 0)
        let usage = try octroi(["usage", "--format", "csv"], store: store)
        #expect(usage.output.contains("unattributed,,cpu,5000,us"))
        #expect(
            try octroi(
                [
                    "invoice", "issue", "--month", String(usage.lines[1].prefix(7)), "--until",
                    "now",
                ], store: store
            ).status == 0)
    }

    @Test func aTreeThisUserMayNotReadIsNotPermitted() throws {
        try #require(chmod(desk.tree, 0o700) == 0)
        try #require(chmod(desk.folder.path, 0o777) == 0)
        let collector = try collectAsNobody("--for", "100ms")
        #expect(collector.end() == 77)
        #expect(!FileManager.default.fileExists(atPath: desk.store), "no store is made for nothing")
    }

    @Test func oneForbiddenCgroupDoesNotStopTheOthers() throws {
        for path in [desk.folder.path, desk.tree] { try #require(chmod(path, 0o777) == 0) }
        try #require(chmod("\(desk.tree)/other", 0o000) == 0)
        try #require(chmod("\(desk.tree)/tenant-acme.slice/web/cpu.stat", 0o644) == 0)
        let collector = try collectAsNobody("--for", "100ms")
        #expect(collector.end() == 0)
        let seen = try desk.run("containers", "--format", "csv").output
        #expect(seen.contains("/tenant-acme.slice/web") && !seen.contains("/other"))
    }

    /// What a scan could not see is not new when it comes to light.
    @Test func whatWasHiddenIsNoBirth() throws {
        for path in [desk.folder.path, desk.tree] { try #require(chmod(path, 0o777) == 0) }
        try desk.set("hidden/old", 100_000_000)
        try #require(chmod("\(desk.tree)/hidden", 0o000) == 0)
        let collector = try collectAsNobody("--interval", "100ms")
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/tenant-acme.slice/web")
        try #require(chmod("\(desk.tree)/hidden", 0o755) == 0)
        try desk.awaitBaseline(of: "/hidden/old")
        try desk.set("hidden/old", 100_000_005)
        #expect(collector.stop() == 0)
        let usage = try desk.run("usage", "--format", "csv").lines.last
        #expect(usage?.contains(",cpu,5,us,") == true)
    }
}
