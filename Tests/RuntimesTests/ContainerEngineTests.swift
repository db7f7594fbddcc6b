import CgroupFormat
import Limits
import TestSupport
import Testing
import Units

@testable import Runtimes

private let id = String(repeating: "0a", count: 32)

/// What passes over an engine's socket when limits are set, asked for and taken away.
@Suite struct ContainerEngineTests {
    private let server: FakeEngine
    private var docker: ContainerEngine {
        ContainerEngine(kind: .docker, socket: server.socket)
    }
    private var podman: ContainerEngine {
        ContainerEngine(kind: .podman, socket: server.socket)
    }

    init() throws { server = try FakeEngine() }

    private func inspected(_ config: String) {
        server.answer(
            "GET /containers/\(id)/json", FakeEngine.json(#"{"HostConfig":{\#(config)}}"#))
    }

    private func settings(_ words: String...) throws -> [LimitSetting] {
        try words.map { word in
            guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
                throw CancellationError()
            }
            return LimitSetting(key, value)
        }
    }

    @Test func dockerIsToldAtItsOwnPlace() throws {
        inspected("")
        server.answer("POST /containers/\(id)/update", FakeEngine.json(#"{"Warnings":null}"#))
        let left = try docker.update(settings("pids.max=7", "cpu.weight=30"), of: id, swap: nil)
        #expect(left.map(\.key) == [.cpuWeight])
        #expect(
            server.asked == [
                "GET /containers/\(id)/json", #"POST /containers/\#(id)/update {"PidsLimit":7}"#,
            ])
    }

    @Test func podmanIsToldByItsOwnAPI() throws {
        inspected("")
        server.answer(
            "POST /v4.0.0/libpod/containers/\(id)/update", FakeEngine.json("", status: 201))
        #expect(try podman.update(settings("cpu=0.5", "pids.max=7"), of: id, swap: nil).isEmpty)
        #expect(
            server.asked.last
                == "POST /v4.0.0/libpod/containers/\(id)/update "
                + #"{"cpu":{"period":100000,"quota":50000},"pids":{"limit":7}}"#)
    }

    /// What an engine has no words for is not sent.
    @Test func nothingToSayIsNoRequest() throws {
        inspected("")
        #expect(try docker.update(settings("cpu.weight=30"), of: id, swap: nil).count == 1)
        #expect(server.asked == ["GET /containers/\(id)/json"])
    }

    /// Docker's own way of keeping a quota decides which fields it takes.
    @Test func whatIsStoredDecidesWhatIsSent() throws {
        inspected(#""CpuQuota":20000,"CpuPeriod":50000"#)
        server.answer("POST ", FakeEngine.json("{}"))
        _ = try docker.update(settings("cpu=0.5"), of: id, swap: nil)
        #expect(server.asked.last?.hasSuffix(#" {"CpuPeriod":100000,"CpuQuota":50000}"#) == true)
    }

    @Test(
        arguments: [
            (#""NanoCpus":1500000000"#, .cpuMax, .cpu(CPUMax(quota: .at(150_000)))),
            (
                #""CpuQuota":20000,"CpuPeriod":50000"#, .cpuMax,
                .cpu(CPUMax(quota: .at(20_000), period: 50_000))
            ),
            (
                #""CpuQuota":20000"#, .cpuMax,
                .cpu(CPUMax(quota: .at(20_000), period: 100_000))
            ),
            (#""CpuQuota":-1,"CpuPeriod":50000"#, .cpuMax, nil),
            (#""NanoCpus":0,"CpuQuota":0"#, .cpuMax, nil),
            (#""Memory":4096"#, .memoryMax, .number(.at(4096))), (#""Memory":0"#, .memoryMax, nil),
            (#""PidsLimit":9"#, .pidsMax, .number(.at(9))), (#""PidsLimit":-1"#, .pidsMax, nil),
            (#""PidsLimit":null"#, .pidsMax, nil),
            (#""MemoryReservation":5"#, .memoryLow, .number(.at(5))),
            (#""CpusetCpus":"""#, .cpusetCpus, nil), (#""CpusetCpus":"1-x""#, .cpusetCpus, nil),
            // It stores nothing of these, whatever it says.
            (#""Memory":4096"#, .memoryHigh, nil), (#""CpuShares":2"#, .cpuWeight, nil),
            // Numbers of another kind are no answer.
            (#""Memory":"4096""#, .memoryMax, nil), (#""Memory":1e30"#, .memoryMax, nil),
        ] as [(String, LimitKey, LimitValue?)])
    func whatAnEngineKeeps(config: String, key: LimitKey, value: LimitValue?) {
        inspected(config)
        #expect(docker.kept(key, of: id) == value)
    }

    @Test func keptCPUsAreAList() throws {
        inspected(#""CpusetCpus":"0-1,3""#)
        #expect(docker.kept(.cpusetCpus, of: id) == .cpus(try #require(CPUList("0-1,3"))))
    }

    @Test(
        arguments: [
            (#"{"Id":"1f","Name":"/web"}"#, "web"), (#"{"Id":"1f","Name":"web"}"#, "web"),
            (#"{"Id":"1f","Name":"//web"}"#, "/web"), (#"{"Id":"1f"}"#, nil), ("[]", nil),
            ("", nil), (#"{"Id":7,"Name":"web"}"#, nil), (#"{"Name":"web""#, nil),
        ] as [(String, String?)])
    func namesAreAskedFor(answer: String, name: String?) {
        server.answer("GET /containers/web/json", FakeEngine.json(answer))
        let found = docker.identity("web")
        #expect(found?.name == name && found?.id == (name == nil ? nil : "1f"))
        #expect(docker.identity("other") == nil, "it is not found")
    }

    @Test(arguments: [
        (#"{"State":{"Paused":true}}"#, true), (#"{"State":{"Paused":false}}"#, false),
        (#"{"State":{}}"#, false), ("{}", false), ("x", false), (#"{"State":{"Paused":1}}"#, false),
    ])
    func whetherItIsPaused(answer: String, isPaused: Bool) {
        server.answer("GET /containers/\(id)/json", FakeEngine.json(answer))
        #expect(podman.isPaused(id) == isPaused)
    }

    /// An engine says 304 of a container that is in that state already.
    @Test(arguments: [200, 204, 304]) func pausingTakesTheWordOfTheEngine(status: Int) throws {
        server.answer("POST ", FakeEngine.json("", status: status))
        try docker.pause(true, id)
        try podman.pause(false, id)
        #expect(
            server.asked == [
                "POST /containers/\(id)/pause", "POST /v4.0.0/libpod/containers/\(id)/unpause",
            ])
    }

    @Test(
        arguments: [
            (404, #"{"message":"No such container"}"#, .unavailable, "No such container"),
            (409, #"{"message":"it is \u001b[2Jpaused\n"}"#, .failed, #"\u{1B}[2Jpaused\u{A}"#),
            (500, "rubbish", .failed, "500: no reason"), (301, "{}", .failed, "301: no reason"),
            (100, #"{"message":5}"#, .failed, "100: no reason"),
        ] as [(Int, String, Fault.Kind, String)])
    func aRefusalSaysWhatTheEngineSaid(
        status: Int, answer: String, kind: Fault.Kind, words: String
    ) {
        server.answer("POST ", FakeEngine.json(answer, status: status))
        let fault = #expect(throws: Fault.self) { try docker.pause(true, id) }
        #expect(fault?.kind == kind && fault?.location == "container \(id.prefix(12))")
        #expect(fault?.problem.contains(words) == true && fault?.suggestion.isEmpty == false)
        server.answer("GET ", FakeEngine.json(answer, status: status))
        let update = #expect(throws: Fault.self) {
            try docker.update(settings("pids.max=7"), of: id, swap: nil)
        }
        #expect(update?.kind == kind)
    }

    /// A message may be as long as an engine likes; an error is one line that fits a screen.
    @Test func aLongRefusalIsShort() {
        let long = String(repeating: "x", count: 100_000)
        server.answer("POST ", FakeEngine.json(#"{"message":"\#(long)"}"#, status: 500))
        let fault = #expect(throws: Fault.self) { try docker.pause(true, id) }
        #expect((300..<1000).contains(fault?.problem.count ?? 0))
    }

    /// What is no answer at all may still come later; nothing is known to be refused.
    @Test(arguments: ["", "rubbish", "SSH-2.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "long"])
    func whatIsNoAnswerIsUnavailable(answer: String) {
        let long = FakeEngine.json(String(repeating: "x", count: 4 << 20))
        server.answer("POST ", answer == "long" ? long : answer)
        let fault = #expect(throws: Fault.self) { try docker.pause(true, id) }
        #expect(fault?.kind == .unavailable && fault?.location == server.socket)
    }

    @Test func aSocketThatIsNotThereIsUnavailable() {
        for path in ["/nowhere.sock", "/" + String(repeating: "x", count: 200)] {
            let engine = ContainerEngine(kind: .podman, socket: path)
            let fault = #expect(throws: Fault.self) { try engine.pause(true, id) }
            #expect(fault?.kind == .unavailable && fault?.problem.contains("Podman") == true)
            #expect(engine.kept(.pidsMax, of: id) == nil && !engine.isPaused(id))
            #expect(engine.identity("web") == nil)
        }
    }

    @Test func theDriverAndTheAPIAreWhatTheEngineTells() throws {
        let sockets = RuntimeSockets(docker: ["/nowhere.sock", server.socket], podman: [])
        #expect(Engines.docker(sockets) == nil)
        server.answer("GET /info", FakeEngine.json(#"{"CgroupDriver":"systemd","X":1}"#))
        #expect(Engines.docker(sockets) == nil, "half an answer is none")
        server.answer("GET /version", FakeEngine.json(#"{"ApiVersion":"1.47"}"#))
        let found = try #require(Engines.docker(sockets))
        #expect(found == (driver: "systemd", api: "1.47"))
        server.answer("GET /info", FakeEngine.json(#"{"CgroupDriver":null}"#))
        #expect(Engines.docker(sockets) == nil)
        #expect(Engines.docker(RuntimeSockets(docker: [], podman: [server.socket])) == nil)
    }
}
