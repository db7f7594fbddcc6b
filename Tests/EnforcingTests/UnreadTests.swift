import Enforcing
import Limits
import Store
import TestSupport
import Testing
import Units

/// What a kernel file that holds no sound text does to a limit: it is not known, and never no limit.
@Suite struct UnreadTests {
    private func acme(_ files: [String: String?] = [:]) throws -> LimitRig {
        let rig = try LimitRig(
            cgroups: ["/acme", "/acme/web"], tenants: [tenant("acme", root: "/acme")])
        for (file, text) in files { try put(rig, file, text) }
        return rig
    }

    private func put(_ rig: LimitRig, _ file: String, _ text: String?) throws {
        if let text { return try rig.write(text + "\n", "/acme", file) }
        try rig.folder.remove("tree/acme/\(file)")
    }

    private func notes(
        _ rig: LimitRig, _ target: String, _ words: [String], isForced: Bool = false
    ) throws -> [String] {
        let targets = try LimitTargets(rig.tree, rig.store)
        let specs = try words.map { try LimitSpec(parsing: $0) }
        return try rig.changer.plan(
            specs, for: targets.find(target), targets, isForced: isForced
        ).items.flatMap(\.notes)
    }

    private static let used: [String: String?] = [
        "memory.stat": "anon 52428800\nfile 0\nkernel 0\nsock 0\nshmem 0\ninactive_file 0"
    ]

    @Test(
        arguments: [
            (["memory.current": "18446744073709551615"], "memory.max=60M", "18446744073709551615"),
            (["memory.current": ""], "memory.max=60M", "is empty"),
            (["memory.current": nil], "memory.max=60M", "cannot be read"),
            (["memory.current": "x", "memory.stat": "y"], "memory.max=4096", "\"x\""),
            (["memory.current": nil, "memory.stat": nil], "memory.max=4096", "cannot be read"),
            (["memory.current": "x", "memory.stat": "y"], "memory.high=4096", "\"x\""),
        ] as [([String: String?], String, String)])
    func memoryThatCannotBeReadIsNotCut(
        files: [String: String?], word: String, said: String
    ) throws {
        let rig = try acme(Self.used.merging(files) { $1 })
        for run in [{ _ = try notes(rig, "acme", [word]) }, { _ = try rig.set("acme", word) }] {
            let fault = #expect(throws: Fault.self) { try run() }
            #expect(fault?.location.hasSuffix("/acme/memory.current") == true, "\(fault as Any)")
            #expect(fault?.problem.contains(said) == true, "\(fault as Any)")
            #expect(fault?.suggestion.contains("--force") == true, "\(fault as Any)")
        }
        let file = word.split(separator: "=")[0].description
        #expect(try rig.read("/acme", file) == "max")
        let forced = try notes(rig, "acme", [word], isForced: true)
        #expect(forced.contains { $0.contains("memory.current") && $0.contains(said) }, "\(forced)")
        try rig.set("acme", word, isForced: true)
        #expect(try rig.read("/acme", file) != "max")
    }

    /// What memory.stat says is enough for memory.high, and raising cuts nothing.
    @Test func whatCannotKillNeedsNoReading() throws {
        let rig = try acme(Self.used.merging(["memory.current": "x"]) { $1 })
        try rig.set("acme", "memory.high=60M")
        try put(rig, "memory.max", "1048576")
        try rig.set("acme", "memory.max=2M")
        #expect(try rig.read("/acme", "memory.max") == "2097152")
    }

    /// Without memory.high there is no way to shrink first.
    @Test(arguments: ["junk", nil])
    func memoryIsNotCutWhereMemoryHighCannotBeRead(high: String?) throws {
        let rig = try acme([
            "memory.high": high, "memory.current": "104857600",
            "memory.stat": "anon 0\nfile 104857600\nkernel 0\nsock 0\nshmem 0\ninactive_file 0",
        ])
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "memory.max=50M") }
        #expect(fault?.location.hasSuffix("/acme/memory.high") == true, "\(fault as Any)")
        #expect(try rig.read("/acme", "memory.max") == "max")
    }

    @Test func whatIsInUseIsNotCalledUnreclaimable() throws {
        let rig = try acme(["memory.current": "104857600", "memory.stat": nil])
        let fault = #expect(throws: Fault.self) { try rig.set("acme", "memory.max=50M") }
        #expect(fault?.problem.contains("104857600 are in use") == true, "\(fault as Any)")
        #expect(fault?.problem.contains("shmem") == false, "\(fault as Any)")
    }

    @Test func whatADeadWriterRaisedStaysWhereUseIsNotKnown() throws {
        let rig = try acme(["memory.max": "1073741824", "memory.current": "x"])
        let id = try #require(rig.tree.cgroup("/acme")?.id)
        _ = try rig.store.beginLimitChange(
            """
            {"lasting":true,"target":"acme","tenant":"acme","writes":[{"path":"/acme",\
            "cgroup":\(id),"key":"memory.max","before":"4096","wanted":"1073741824"}]}
            """, pid: 1, boot: "boot", root: rig.tree.path,
            at: Instant(milliseconds: rig.time.milliseconds))
        try rig.set("acme", "pids.max=50")
        #expect(try rig.read("/acme", "memory.max") == "1073741824")
        let recovered = try #require(try rig.store.limitHistory().first)
        #expect(recovered.reason?.contains("memory.current holds \"x\"") == true)
    }

    private func truth(_ rig: LimitRig, _ target: String, _ key: LimitKey) throws -> LimitStatus {
        let targets = try LimitTargets(rig.tree, rig.store)
        let all = try targets.truth(targets.find(target), rig.store, boot: "boot")
        return try #require(all.first { $0.key == key })
    }

    @Test(arguments: [
        (LimitKey.cpuMax, "18446744073709551615 100000", "cpu=2"),
        (.memoryMax, "junk", "memory.max=2G"), (.memoryHigh, "-1", "memory.high=2G"),
        (.pidsMax, "", "pids.max=7"),
    ])
    func aLimitThatCannotBeReadIsNotNone(key: LimitKey, text: String, word: String) throws {
        let rig = try acme([key.file: text])
        let own = try truth(rig, "acme", key)
        #expect(own.written == nil && own.effective == nil)
        let said = text.isEmpty ? "is empty" : "\"\(text)\""
        #expect(own.trouble.map { $0.contains("/acme/\(key)") && $0.contains(said) } == true)
        // The child has a sound limit of its own, and what holds above it is not known.
        let below = try truth(rig, "/acme/web", key)
        #expect(below.written == key.initial && below.effective == nil)
        #expect(below.trouble.map { $0.contains("/acme/\(key)") && $0.contains(said) } == true)
        let notes = try notes(rig, "/acme/web", [word])
        #expect(notes.filter { $0.contains("/acme/\(key)") && $0.contains(said) }.count == 1)
        #expect(throws: Fault.self) { try rig.set("acme", word) }
        #expect(try rig.read("/acme", key.file) == text)
    }

    @Test func weightsOfTheParentBindNobody() throws {
        let rig = try acme(["cpu.weight": "idle"])
        let below = try truth(rig, "/acme/web", .cpuWeight)
        #expect(below.effective?.value == .weight(100) && below.trouble == nil)
    }

    @Test func aFileThatIsNotThereIsAControllerThatIsOff() throws {
        let rig = try acme(["cpu.max": nil, "io.weight": nil])
        #expect(try truth(rig, "acme", .cpuMax).trouble == "the cpu controller is off here")
        let below = try truth(rig, "/acme/web", .cpuMax)
        #expect(below.effective?.value == LimitKey.cpuMax.initial && below.trouble == nil)
        // The controller is on, and yet this kernel has no such file.
        try rig.write("cpu io\n", "/acme", "cgroup.controllers")
        #expect(try truth(rig, "acme", .ioWeight).trouble == "this kernel has no io.weight here")
    }

    @Test func memoryMaxAboveThatIsOddIsSaidOfMemoryHigh() throws {
        let rig = try acme(["memory.max": "junk"])
        for target in ["acme", "/acme/web"] {
            let notes = try notes(rig, target, ["memory.high=2G"])
            #expect(notes.contains { $0.contains("/acme/memory.max") && $0.contains("\"junk\"") })
        }
    }

    @Test(arguments: [
        (["io.max=8:0:wbps=1M", "io.max=8:0:wbps=2M"], true),
        (["io.max=8:0:max", "io.max=8:0:wbps=2M"], true),
        (["io.max=8:0:rbps=1M,wbps=1M", "cpu=1", "io.max=08:00:wbps=1M"], true),
        (["io.max=8:0:wbps=1M", "io.max=8:0:rbps=2M"], false),
        (["io.max=8:0:wbps=1M", "io.max=8:16:wbps=2M"], false),
    ])
    func aFieldOfADeviceIsNamedOnce(words: [String], isRefused: Bool) throws {
        let rig = try acme()
        guard isRefused else {
            #expect(try !notes(rig, "acme", words).isEmpty)
            return
        }
        let fault = #expect(throws: Fault.self) { try notes(rig, "acme", words) }
        #expect(fault?.kind == .wrongUse && fault?.problem.contains("wbps is named twice") == true)
    }
}
