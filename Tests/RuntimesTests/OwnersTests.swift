import CgroupFormat
import Foundation
import Limits
import TestSupport
import Testing
import Units

@testable import Runtimes

private let id = String(repeating: "0a", count: 32)

/// Who owns limits, and what happens where the owner cannot be reached.
@Suite struct OwnersTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Owners of this host, whose systemd has a bus that nobody answers at.
    private func owners(docker: FakeEngine? = nil, podman: FakeEngine? = nil) -> Owners {
        Owners(
            isHost: true, address: "unix:path=\(folder.path)/no-bus", units: folder.path,
            sockets: RuntimeSockets(
                docker: ["/nowhere.sock"] + (docker.map { [$0.socket] } ?? []),
                podman: podman.map { [$0.socket] } ?? []))
    }

    private func setting(_ word: String) throws -> LimitSetting {
        guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
            throw CancellationError()
        }
        return LimitSetting(key, value)
    }

    /// In a tree that is not the host's, an engine's name is only a name.
    @Test(arguments: [
        "/docker/\(id)", "/system.slice/docker-\(id).scope", "/tenant-acme.slice", "/a",
    ])
    func aForeignTreeHasNoOwners(path: String) throws {
        let engine = try FakeEngine()
        let owners = Owners(
            isHost: false,
            sockets: RuntimeSockets(docker: [engine.socket], podman: [engine.socket]))
        #expect(try owners.owner(of: path) == .file)
        #expect(owners.container("web") == nil && engine.asked.isEmpty)
        #expect(owners.passing == nil && owners.version == nil && owners.unitsLoaded == nil)
        #expect(!owners.hasUnit("web.service") && owners.canFreeze)
        let fault = #expect(throws: Fault.self) { try owners.freeze(true, "web.service") }
        #expect(fault?.kind == .unavailable && fault?.location == "web.service")
    }

    /// Where systemd runs and does not answer, nothing may be written past it.
    @Test func asLongAsSystemdIsSilentNobodyOwnsAnything() throws {
        let owners = owners()
        for path in ["/docker/\(id)", "/a"] {
            let fault = #expect(throws: Fault.self) { try owners.owner(of: path) }
            #expect(fault?.kind == .unavailable && fault?.suggestion.isEmpty == false)
        }
        #expect(owners.version == nil && owners.unitsLoaded == nil && !owners.hasUnit("a.slice"))
        let words = try [setting("pids.max=7"), setting("memory.max=0")]
        #expect(throws: Fault.self) { try owners.set(words, of: "a.slice", lasting: true) }
        // What systemd has no words for needs no systemd.
        let left = try owners.set([words[1]], of: "a.slice", lasting: true)
        #expect(left == [words[1]])
    }

    @Test func aContainerIsLookedForInBothEngines() throws {
        let (docker, podman) = (try FakeEngine(), try FakeEngine())
        let owners = owners(docker: docker, podman: podman)
        podman.answer("GET /containers/web/json", FakeEngine.json(#"{"Id":"1f","Name":"web"}"#))
        let found = try #require(owners.container("web"))
        #expect(found == (id: "1f", name: "podman/web"))
        #expect(docker.asked.count == 1 && podman.asked.count == 1)
        docker.answer("GET /containers/web/json", FakeEngine.json(#"{"Id":"2e","Name":"/web"}"#))
        #expect(owners.container("web")?.name == "docker/web")
        #expect(podman.asked.count == 1, "the first that knows it counts")
        #expect(owners.container("none") == nil)
    }

    /// A word becomes part of a request, so that only a name is asked for.
    @Test(arguments: ["../info", "web/json?x=", "", "web\r\nX: y", "a b", "é", "-web"])
    func noOtherWordReachesAnEngine(word: String) throws {
        let engine = try FakeEngine()
        #expect(owners(docker: engine).container(word) == nil)
        #expect(engine.asked.isEmpty)
    }

    @Test func eachOwnerIsAskedInItsOwnEngine() throws {
        let (docker, podman) = (try FakeEngine(), try FakeEngine())
        let owners = owners(docker: docker, podman: podman)
        for engine in [docker, podman] {
            engine.answer("GET ", FakeEngine.json(#"{"State":{"Paused":true},"HostConfig":{}}"#))
            engine.answer("POST ", FakeEngine.json("{}"))
        }
        let words = [try setting("pids.max=7")]
        for (owner, engine) in [
            (LimitOwner.docker(id: id, unit: nil), docker), (.podman(id: id, unit: nil), podman),
        ] {
            #expect(owners.isPaused(owner))
            #expect(try owners.pause(true, owner))
            #expect(try owners.update(words, of: owner, swap: nil).isEmpty)
            #expect(engine.asked.count == 4)
        }
        for owner in [LimitOwner.file, .systemd(unit: "a.slice")] {
            #expect(!owners.isPaused(owner))
            #expect(try !owners.pause(true, owner))
            #expect(try owners.update(words, of: owner, swap: nil) == words)
        }
        #expect(docker.asked.count == 4 && podman.asked.count == 4)
    }

    @Test func anEngineThatIsGoneOwnsNothing() throws {
        let owners = owners()
        let owner = LimitOwner.podman(id: id, unit: nil)
        let words = [try setting("pids.max=7")]
        #expect(!owners.isPaused(owner))
        #expect(try !owners.pause(true, owner))
        #expect(try owners.update(words, of: owner, swap: nil) == words)
        #expect(owners.kept(.pidsMax, by: owner) == nil && owners.kept(.pidsMax, by: .file) == nil)
    }

    @Test func dockerTellsWhatItKeeps() throws {
        let docker = try FakeEngine()
        docker.answer("GET ", FakeEngine.json(#"{"HostConfig":{"PidsLimit":9}}"#))
        let owner = LimitOwner.docker(id: id, unit: nil)
        #expect(owners(docker: docker).kept(.pidsMax, by: owner) == .number(.at(9)))
        #expect(owners(docker: docker).kept(.memoryMax, by: owner) == nil)
    }

    /// What a boost sets is a drop-in with the last name of all, and goes without a trace.
    @Test func passingLimitsAreADropIn() throws {
        let owners = owners()
        let unit = "tenant-acme.slice"
        let words = try ["cpu=1.5", "pids.max=7", "memory.max=0", "memory.high=max"].map(setting)
        #expect(!owners.keepsPassing(of: unit))
        #expect(owners.keepPassing(words, of: unit) && owners.keepsPassing(of: unit))
        let path = "\(folder.path)/\(unit).d/zz-octroi.conf"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.first?.hasPrefix("#") == true)
        #expect(
            lines.dropFirst() == [
                "[Slice]", "CPUQuotaPeriodSec=100000us", "CPUQuota=150%", "TasksMax=7",
                "MemoryHigh=infinity",
            ])
        // A drop-in of another hand beside it stays.
        try folder.write("[Slice]\n", to: "\(unit).d/50-admin.conf")
        #expect(owners.keepPassing([], of: unit) && !owners.keepsPassing(of: unit))
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/\(unit).d/50-admin.conf"))
        #expect(owners.keepPassing([try setting("pids.max=7")], of: "web.service"))
        #expect(owners.keepPassing([], of: "web.service"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/web.service.d"))
        #expect(!owners.keepPassing(words, of: "web.scope"), "a scope has no file")
    }

    @Test func aTimerNeedsASystemd() throws {
        let timer = DeadManSwitch(
            "octroi-boost-1", at: Instant(seconds: 5), argv: ["/bin/true", "$x"])
        #expect(timer.unit == "octroi-boost-1.timer")
        #expect(try !timer.arm(by: Owners(isHost: false)), "none runs there")
        let fault = #expect(throws: Fault.self) { try timer.arm(by: owners()) }
        #expect(fault?.kind == .unavailable)
        timer.disarm(by: owners())
    }
}
