import Foundation
import TestSupport
import Testing
import Units

/// The host's cgroup2 mount, if this user may make cgroups in it.
private let mount: String? = {
    let info = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    let line = info.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
    guard let path = line?.split(separator: " ")[4] else { return nil }
    let probe = "/octroi-probe-\(getpid())"
    guard mkdir(probe, 0o755) == 0 else { return nil }
    rmdir(probe)
    return String(path)
}()

private let hasMount: Bool = {
    if mount == nil {
        print("skipped: the tests on real cgroups need a cgroup2 mount this user may write")
    }
    return mount != nil
}()

/// Each test has a cgroup of its own, and most collectors read nothing but that: they run side by side.
@Suite(.enabled(if: hasMount, "needs a cgroup2 mount that this user may write"))
struct RealKernelTests {
    private let desk: Desk
    private let top: String

    init() throws {
        desk = try Desk()
        top = try #require(mount) + "/octroi-test-\(UUID().uuidString.prefix(8))"
    }

    /// What the kernel has counted of a cgroup until now, in µs.
    private func counter(_ cgroup: String) throws -> Int {
        let text = try String(contentsOfFile: "\(top)/\(cgroup)/cpu.stat", encoding: .utf8)
        return try #require(
            text.split(separator: "\n").first.flatMap { Int($0.dropFirst("usage_usec ".count)) })
    }

    /// Starts a collector.
    ///
    /// - Parameter isOfHost: whether all cgroups of the host are collected, as without `--root`.
    private func collector(
        every interval: String = "100ms", isOfHost: Bool = false
    ) throws -> RunningProcess {
        let root = isOfHost ? [] : ["--root", top]
        return try startOctroi(["collect", "--interval", interval] + root, store: desk.store)
    }

    /// Lets a collector take its last reading.
    ///
    /// - Returns: between which values the counter of each cgroup was at that reading: once its processes
    ///   have ended, the two are the same.
    private func stop(
        _ collector: RunningProcess, reading cgroups: String...
    ) throws -> [ClosedRange<Int>] {
        let before = try cgroups.map(counter)
        #expect(collector.stop() == 0, "\(collector.said())")
        return try zip(before, cgroups).map { $0...(try counter($1)) }
    }

    /// The rows of cpu that a container and all below it are billed by.
    ///
    /// - Parameter place: where the tests' cgroup lies in what is collected.
    private func billed(
        _ cgroup: String, below place: String = ""
    ) throws -> [(path: String, cpu: Int)] {
        let top = "\(place)/\(cgroup)"
        let lines = try desk.run("usage", "--by", "container", "--format", "csv").lines
        let rows: [[String]] = lines.map { $0.split(separator: ",").map(String.init) }
        return try rows.filter { row in
            row.count > 5 && row[4] == "cpu" && (row[3] == top || row[3].hasPrefix(top + "/"))
        }.map { row in (row[3], try #require(Int(row[5]))) }
    }

    /// A process that works in a cgroup until it is killed, or for a minute of CPU time.
    private func work(in cgroup: String) throws -> Process {
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = [
            "-c",
            "ulimit -c 0; ulimit -t 60; echo $$ > \"$0/cgroup.procs\" && while :; do :; done",
            "\(top)/\(cgroup)",
        ]
        try shell.run()
        return shell
    }

    private func kill(_ process: Process) {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    private func awaitWork(_ cgroup: String, line: Int = #line) throws {
        try eventually("\(cgroup) has worked", line: line) { try counter(cgroup) > 300_000 }
    }

    /// Short lives below a cgroup.
    private func lives(
        _ count: Int, parallel: Int, in cgroup: String, seed: Int = 7
    ) throws -> Process {
        let lives = Process()
        lives.executableURL = URL(fileURLWithPath: builtPath("octroi-churn"))
        lives.arguments = [top + cgroup, String(count), String(parallel), String(seed)]
        lives.standardOutput = FileHandle.nullDevice
        try lives.run()
        return lives
    }

    private func end(_ process: Process) {
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    private func make(_ cgroups: String...) throws {
        for name in cgroups { try #require(mkdir(top + name, 0o755) == 0) }
    }

    /// Applies tenants whose roots are cgroups of their own names.
    private func apply(tenants: String..., below place: String = "") throws {
        let lines = tenants.map { "  - { id: \($0), match: [{ root: \(place)/\($0) }] }\n" }
        let file = try desk.file("t.yaml", "tenants:\n" + lines.joined())
        #expect(try desk.run("apply", file).status == 0)
    }

    @Test(arguments: [false, true])
    func meteredCPUIsTheKernelsCounterToTheMicrosecond(isOfHost: Bool) throws {
        let place = isOfHost ? "/" + (top.split(separator: "/").last ?? "") : ""
        try make("", "/red", "/blue", "/red/a", "/blue/b")
        defer {
            for name in ["/red/a", "/blue/b", "/blue/c", "/red", "/blue", ""] { rmdir(top + name) }
        }
        try apply(tenants: "red", "blue", below: place)
        let collector = try collector(isOfHost: isOfHost)
        defer { collector.kill() }
        // The collector must have looked once before the workloads begin.
        for name in ["/red/a", "/blue/b"] { try desk.awaitBaseline(of: place + name) }
        #expect(try counter("red/a") == 0 && counter("blue/b") == 0)
        var work = [try work(in: "red/a"), try work(in: "blue/b")]
        defer { for process in work { kill(process) } }
        for name in ["red/a", "blue/b"] { try awaitWork(name) }
        // One that is born under the eyes of the collector.
        try make("/blue/c")
        work.append(try self.work(in: "blue/c"))
        try awaitWork("blue/c")
        for process in work { kill(process) }
        let names = ["red/a", "blue/b", "blue/c"]
        let bounds = try stop(collector, reading: "red/a", "blue/b", "blue/c")
        for (name, bounds) in zip(names, bounds) {
            let rows = try billed(name, below: place)
            #expect(bounds.contains(rows.reduce(0) { $0 + $1.cpu }), "\(rows) of \(bounds)")
        }
    }

    @Test func aWorkloadCannotHideInAChildCgroup() throws {
        try make("", "/app")
        defer { for name in ["/app/hole", "/app", ""] { rmdir(top + name) } }
        let collector = try collector()
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/app")
        let work = try work(in: "app")
        defer { kill(work) }
        try awaitWork("app")
        try desk.awaitTicks(2)
        try make("/app/hole")
        try Data("\(work.processIdentifier)".utf8)
            .write(to: URL(fileURLWithPath: top + "/app/hole/cgroup.procs"))
        try awaitWork("app/hole")
        kill(work)
        let bounds = try stop(collector, reading: "app")
        let rows = try billed("app")
        #expect(rows.map(\.path) == ["/app"])
        #expect(rows.allSatisfy { bounds[0].contains($0.cpu) }, "\(rows) of \(bounds)")
    }

    /// Checks that a tenant is billed its root's counter, once all that ran below it has ended.
    private func expectWhole(_ collector: RunningProcess) throws {
        let before = try counter("t")
        #expect(collector.stop() == 0, "\(collector.said())")
        // What ran while the tree was last read is pending: another reading bills it.
        #expect(try desk.run("collect", "--root", top, "--for", "1ms").status == 0)
        let bounds = before...(try counter("t"))
        let audit = try desk.run("audit", "--format", "csv")
        #expect(audit.status == 0, "\(audit.errors)")
        let row = try #require(audit.lines.last).split(separator: ",").map(String.init)
        #expect(
            row.count == 7 && row.prefix(3) == ["t", "/t", "cpu"]
                && row[5...6] == ["0", "0"])
        for column in [3, 4] {
            #expect(Int(row[column]).map(bounds.contains) == true, "\(row) of \(bounds)")
        }
    }

    /// Ten thousand short lives, the collector killed midway: the tenant is billed the root's
    /// counter, to the microsecond.
    ///
    /// How many are billed from a reading of their own depends on the host: `make bench` measures it.
    @Test func shortLivesAreBilledWholeOverAKill() throws {
        try make("", "/t")
        defer { for name in ["/t", ""] { rmdir(top + name) } }
        try apply(tenants: "t")
        let first = try collector()
        defer { first.kill() }
        try desk.awaitBaseline(of: "/t")
        let lives = try lives(10_000, parallel: 24, in: "/t")
        try eventually("a thousand lives are metered") {
            try !lives.isRunning || desk.sql("SELECT path FROM container").count > 1000
        }
        first.kill()
        let second = try collector()
        defer { second.kill() }
        end(lives)
        try desk.awaitTicks(1)
        // No life works for less than 200 µs.
        #expect(try counter("t") >= 10_000 * 200)
        try expectWhole(second)
        let report = try desk.run("report", "completeness", "--format", "csv")
        let header = report.lines.first?.split(separator: ",") ?? []
        let column = try #require(header.firstIndex(of: "last_readings"))
        let read = report.lines.dropFirst().reduce(0) {
            $0 + (Int($1.split(separator: ",")[column]) ?? 0)
        }
        print("short lives: \(read) of 10,000 containers billed from a last reading of their own")
        #expect(read <= 10_000, "no end is counted twice")
    }

    /// Killed at fifty random moments while containers come and go: nothing lost, nothing twice.
    @Test func fiftyKillsLoseNothing() throws {
        try make("", "/t")
        defer { for name in ["/t", ""] { rmdir(top + name) } }
        try apply(tenants: "t")
        var random = SeededRandom(seed: 50)
        var running = try collector(every: "50ms")
        defer { running.kill() }
        try desk.awaitBaseline(of: "/t")
        let lives = try lives(4000, parallel: 12, in: "/t")
        var kills = 0
        while kills < 50 || lives.isRunning {
            pauseAtRandom(upToMilliseconds: 250, using: &random)
            running.kill()
            kills += 1
            running = try collector(every: "50ms")
        }
        end(lives)
        #expect(try counter("t") >= 4000 * 200)
        // It has started once it has read what the one before left.
        try desk.awaitTicks(1)
        try expectWhole(running)
    }

    /// A plain parent whose children come and go is not billed what they used.
    @Test func aParentIsNotBilledForChildrenThatAreGone() throws {
        try make("", "/pod")
        defer { for name in ["/pod/known", "/pod", ""] { rmdir(top + name) } }
        let collector = try collector(every: "200ms")
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/pod")
        for seed in 1...4 {
            end(try lives(12, parallel: 2, in: "/pod", seed: seed))
            try desk.awaitTicks(1)
        }
        // One that is there until it is billed.
        try make("/pod/known")
        let work = try work(in: "pod/known")
        defer { kill(work) }
        try awaitWork("pod/known")
        kill(work)
        let bounds = try stop(collector, reading: "pod", "pod/known")
        let rows = try billed("pod")
        let all = rows.reduce(0) { $0 + $1.cpu }
        #expect(all >= bounds[1].lowerBound && all <= bounds[0].upperBound, "\(rows) of \(bounds)")
        let known = rows.filter { $0.path == "/pod/known" }
        #expect(known.count == 1 && known.allSatisfy { bounds[1].contains($0.cpu) })
        #expect(!rows.contains { $0.path == "/pod" })
    }

    /// A tenant root that is removed was read before; made anew, it is an account of its own at 0.
    @Test func aTenantRootMayGoAndComeBack() throws {
        try make("")
        defer { for name in ["/t", ""] { rmdir(top + name) } }
        try apply(tenants: "t")
        let collector = try collector()
        defer { collector.kill() }
        try desk.awaitTicks(1)
        var wanted: [String] = []
        for _ in 0..<3 {
            try make("/t")
            end(try lives(8, parallel: 2, in: "/t", seed: 3))
            try eventually("the root's last reading is kept") {
                let kernel = try counter("t")
                let row = "t,/t,cpu,\(kernel),\(kernel),0,0"
                let rows = try desk.run("audit", "--format", "csv").lines.dropFirst()
                guard rows.sorted() == (wanted + [row]).sorted() else { return false }
                wanted.append(row)
                return true
            }
            try #require(rmdir(top + "/t") == 0)
        }
        #expect(collector.stop() == 0)
        let said = collector.said()
        #expect(!said.contains("went away"), "\(said)")
        let audit = try desk.run("audit", "--format", "csv")
        #expect(audit.lines.dropFirst().sorted() == wanted.sorted())
    }

    /// A file that the kernel takes away from a cgroup that lives on ends no account: here those of its
    /// pressure, in the guest those of a controller.
    @Test func aFileThatGoesAwayEndsNoAccount() throws {
        try make("", "/t", "/t/a")
        defer { for name in ["/t/a", "/t", ""] { rmdir(top + name) } }
        guard access("\(top)/t/cgroup.pressure", W_OK) == 0 else {
            print("skipped: aFileThatGoesAwayEndsNoAccount needs cgroup.pressure (Linux 6.1)")
            return
        }
        try apply(tenants: "t")
        let collector = try collector()
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/t/a")
        let work = try work(in: "t/a")
        defer { kill(work) }
        try awaitWork("t/a")
        for state in ["0", "1", "0"] {
            for name in ["/t", "/t/a"] {
                try Data(state.utf8).write(
                    to: URL(fileURLWithPath: "\(top)\(name)/cgroup.pressure"))
            }
            try desk.awaitTicks(2)
            let listed = try desk.run("containers", "--format", "csv").lines
            for name in ["/t", "/t/a"] {
                #expect(listed.contains { $0.contains(",\(name),") }, "\(name) \(state)")
            }
        }
        kill(work)
        let bounds = try stop(collector, reading: "t/a")
        #expect(!collector.said().contains("went away"), "\(collector.said())")
        let rows = try billed("t/a")
        #expect(rows.count == 1 && rows.allSatisfy { bounds[0].contains($0.cpu) }, "\(rows)")
    }

    /// Names that no shell would like (a newline the kernel itself refuses), and a tree forty levels deep, on the kernel itself.
    @Test func hostileNamesAreMeteredToTheMicrosecond() throws {
        try #require(mkdir(top, 0o755) == 0)
        let names: [[UInt8]] = [
            Array("esc\u{1B}[2J".utf8), [0xFF, 0xFE, 0x80],
            Array("dev-\\x2d".utf8), Array("=cmd|' calc'!A0".utf8),
            Array("'; DROP TABLE usage; --".utf8),
            [UInt8](repeating: UInt8(ascii: "n"), count: 255),
        ]
        let paths = names.map { Array((top + "/").utf8) + $0 + [0] }
        let deep = (1...40).map { top + String(repeating: "/d", count: $0) }
        defer {
            for path in paths {
                _ = path.withUnsafeBytes {
                    rmdir($0.baseAddress!.assumingMemoryBound(to: CChar.self))
                }
            }
            for path in deep.reversed() { rmdir(path) }
            rmdir(top)
        }
        let collector = try collector()
        defer { collector.kill() }
        try desk.awaitTicks(1)
        for path in paths {
            let made = path.withUnsafeBytes {
                mkdir($0.baseAddress!.assumingMemoryBound(to: CChar.self), 0o755)
            }
            try #require(made == 0)
        }
        for path in deep { try #require(mkdir(path, 0o755) == 0) }
        let all = try ["", String(repeating: "/d", count: 39)].map {
            try lives(3, parallel: 1, in: $0, seed: 1)
        }
        for life in all { end(life) }
        let wanted = [
            "esc\\x1B[2J", "\\xFF\\xFE\\x80", "dev-\\x2d", "DROP TABLE usage",
            String(repeating: "n", count: 255), String(repeating: "/d", count: 40),
        ]
        var seen = ""
        try eventually("all names are listed") {
            seen = try desk.run("containers", "--all", "--format", "csv").output
            return wanted.allSatisfy(seen.contains)
        }
        #expect(collector.stop() == 0)
        #expect(!seen.contains("\u{1B}"))
    }

    /// Descriptors are kept as long as the process may open more; the rest is opened anew.
    @Test func fewDescriptorsAreEnough() throws {
        let idle = (0..<80).map { "/idle\($0)" }
        for name in ["", "/app"] + idle { try make(name) }
        defer { for name in idle + ["/app", ""] { rmdir(top + name) } }
        let collector = try RunningProcess(
            "/usr/bin/env",
            [
                "prlimit", "--nofile=300:300", octroiPath, "collect", "--db", desk.store,
                "--root", top, "--interval", "100ms",
            ], environment: ProcessInfo.processInfo.environment)
        defer { collector.kill() }
        for name in ["/app"] + idle { try desk.awaitBaseline(of: name) }
        let work = try work(in: "app")
        defer { kill(work) }
        try awaitWork("app")
        kill(work)
        let bounds = try stop(collector, reading: "app")
        let said = collector.said()
        #expect(!said.contains("cannot"), "\(said)")
        let rows = try billed("app")
        #expect(rows.count == 1 && rows.allSatisfy { bounds[0].contains($0.cpu) }, "\(rows)")
    }
}
