import CgroupFS
import Daemon
import Foundation
import GRDB
import Metering
import Store
import TestSupport
import Testing
import Units

@Suite struct RecordingTests {
    private let rig: Rig
    private var file: String { "\(rig.folder.path)/recording" }

    init() throws { rig = try Rig() }

    /// All that a collector wrote into a store, but for whose it is.
    private func ledger(_ path: String) throws -> [String] {
        let tables = [
            "boot", "run", "tick", "tick_failure", "container", "sample", "sample_io", "absence",
            "gap", "anomaly", "position", "position_io", "position_net", "usage", "usage_open",
            "control", "control_total", "capacity", "completeness", "sample_block",
            "sample_io_block", "ledger_entry",
        ]
        return try DatabaseQueue(path: path).read { db in
            try tables.flatMap { table in
                try Row.fetchAll(db, sql: "SELECT '\(table)', * FROM \(table) ORDER BY 1, 2, 3")
                    .map { "\($0)" }.sorted()
            }
        }
    }

    private func write(_ name: String, _ text: String) throws {
        try rig.folder.write(text, to: "tree/\(name)")
    }

    /// A few ticks in which everything happens: births, ends, io, memory, malformed text.
    private func record() throws {
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.root("/t"), .cgroup("/web*")])
        try rig.store.adoptTenants([acme], at: Instant(seconds: 0))
        let recorder = try RecordingKernel(
            rig.kernel(), into: file, tenants: [acme], intervalMilliseconds: 1000)
        var collector = try Collector(
            source: recorder, store: rig.store, intervalMilliseconds: 1000, in: .utc)
        try write("t/cpu.stat", "usage_usec 1000\n")
        for name in ["t/a", "t/b", "web"] { try rig.set(name, cpu: 100) }
        try write("web/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n")
        try write("web/memory.current", "4096\n")
        try write("web/cpu.max", "50000 100000\n")
        _ = try collector.tick()
        try rig.set("t/a", cpu: 300)
        try rig.set("t/new", cpu: 50)
        try write("t/cpu.stat", "usage_usec 1300\n")
        try write("web/io.stat", "8:0 rbytes=10 wbytes=20 rios=30 wios=40\n8:16 rbytes=5\n")
        try write("web/memory.current", "8192\n")
        _ = try collector.tick()
        try rig.folder.remove("tree/t/b")
        try write("t/cpu.stat", "usage_usec 1777\n")
        try write("web/cpu.stat", "usage_usec x\n")
        _ = try collector.tick()
        try rig.folder.remove("tree/web")
        _ = try collector.tick()
        try recorder.finish()
    }

    private func replayed(_ name: String) throws -> [String] {
        let kernel = try ReplayKernel(file)
        let store = try Store(at: "\(rig.folder.path)/\(name)", for: .write)
        try store.adoptTenants(kernel.header.tenants, at: Instant(seconds: 0))
        try replay(kernel, into: store)
        return try ledger(store.path)
    }

    @Test func aReplayGivesTheSameLedger() throws {
        try record()
        let original = try ledger(rig.store.path)
        #expect(original.count > 60)
        #expect(try replayed("one.db") == original)
        #expect(try replayed("two.db") == original)
    }

    /// A recording of a Debian guest with systemd and Docker: two containers that stay, two that
    /// end, a slice of a tenant.
    @Test func aDockerHostReplaysToWhatItWas() throws {
        var ledgers: [[String]] = []
        for name in ["one", "two"] {
            let kernel = try ReplayKernel("\(repository)/Tests/Fixtures/docker-guest.octroi")
            let store = try Store(at: "\(rig.folder.path)/\(name).db", for: .write)
            try store.adoptTenants(kernel.header.tenants, at: Instant(seconds: 0))
            try replay(kernel, into: store)
            ledgers.append(try ledger(store.path))
            #expect(kernel.ticks == 16 && !kernel.isCutShort)
            let audit = try store.audit(over: nil)
            #expect(audit.allSatisfy { $0.difference == 0 })
            let kernelSays = audit.reduce(into: [:]) { $0[$1.meter.name] = $1.kernel }
            #expect(
                kernelSays == [
                    "cpu": 5_624_547, "io_read_bytes": 0, "io_write_bytes": 3_342_336,
                    "io_read_ops": 0, "io_write_ops": 7,
                ])
            let below = try store.containers(all: true).filter {
                $0.path.hasPrefix("/tenant.slice/tenant-acme.slice/docker-")
            }
            #expect(below.count == 4 && below.allSatisfy { $0.tenant == "acme" })
        }
        #expect(ledgers[0] == ledgers[1] && ledgers[0].count > 400)
    }

    /// A file that lost its end, or whose bytes changed on the way, does not pass for a whole one.
    @Test func aDamagedRecordingIsSaidToBeCutShort() throws {
        let recording = URL(fileURLWithPath: "\(repository)/Tests/Fixtures/docker-guest.octroi")
        let whole = try [UInt8](Data(contentsOf: recording))
        func isCutShort(_ bytes: [UInt8]) throws -> Bool {
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let kernel = try ReplayKernel(file)
            while try kernel.advance() {}
            return kernel.isCutShort
        }
        #expect(try !isCutShort(whole))
        // The checksum and the length of gzip are the last eight bytes.
        var changed = whole
        changed[whole.count - 8] ^= 1
        #expect(try isCutShort(changed))
        #expect(try isCutShort(Array(whole.dropLast(8))))
        #expect(try isCutShort(Array(whole.dropLast(20))))
    }

    @Test func theRecordingIsTheKernelsOwnText() throws {
        try record()
        let zcat = Process()
        let output = Pipe()
        zcat.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        zcat.arguments = ["gzip", "-dc", file]
        zcat.standardOutput = output
        try zcat.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(text.hasPrefix("octroi-recording 1\n"))
        #expect(text.contains("8:0 rbytes=10 wbytes=20 rios=30 wios=40\n8:16 rbytes=5\n"))
    }

    @Test func aRecordingCutShortEndsWithItsLastWholeTick() throws {
        try record()
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        let ticks = try ticksOf(whole)
        #expect(ticks == 4)
        for length in stride(from: 20, to: whole.count, by: 97) {
            let cut = (try? ticksOf(whole.prefix(length))) ?? 0
            #expect(cut <= ticks)
        }
    }

    private func ticksOf(_ data: Data) throws -> Int {
        try data.write(to: URL(fileURLWithPath: file))
        let kernel = try ReplayKernel(file)
        while try kernel.advance() {}
        return kernel.ticks
    }

    @Test(arguments: [
        "", "hello\n", "octroi-recording 2\n{}\n", "octroi-recording 1\nnonsense\n",
        "octroi-recording 1\n",
    ])
    func whatIsNoRecordingIsRefused(text: String) throws {
        try rig.folder.write(text, to: "recording")
        #expect { _ = try ReplayKernel(file) } throws: { ($0 as? Fault)?.kind == .badData }
    }
}
