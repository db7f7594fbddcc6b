import CgroupFormat
import Limits
import Store
import TestSupport
import Testing
import Units

@testable import Enforcing

/// How values reach the files of a cgroup, and what is never frozen.
@Suite struct LimitWritingTests {
    private let rig: LimitRig

    init() throws { rig = try LimitRig(cgroups: ["/a", "/a/b"]) }

    private func write(
        _ key: LimitKey, _ value: String, path: String = "/a/b", owner: LimitOwner = .file
    ) throws -> PlannedWrite {
        PlannedWrite(
            path: path, cgroupID: rig.tree.cgroup(path)?.id ?? 0, owner: owner, key: key,
            before: key.initial, wanted: try #require(LimitValue(value, for: key)))
    }

    /// The kernel's form of each value.
    @Test(arguments: [
        (LimitKey.cpuMax, "150000 100000", "150000 100000"), (.cpuWeight, "250", "250"),
        (.cpusetCpus, "0-1,3", "0-1,3"), (.memoryHigh, "1048576", "1048576"),
        (.memoryMax, "0", "0"), (.memorySwapMax, "4096", "4096"), (.memoryLow, "8192", "8192"),
        (.memoryMin, "8192", "8192"), (.ioWeight, "40", "default 40"), (.pidsMax, "7", "7"),
        (
            .ioMax(DeviceNumber(major: 8, minor: 16)), "wbps=1048576",
            "8:16 rbps=max wbps=1048576 riops=max wiops=max"
        ),
    ])
    func aValueIsWrittenAsTheKernelReadsIt(key: LimitKey, value: String, text: String) throws {
        let write = try write(key, value)
        try rig.tree.write([write], lasting: true)
        #expect(try rig.read("/a/b", key.file) == text)
        #expect(try rig.tree.readBack(write).isSame(as: write.wanted, for: key))
    }

    /// What the kernel takes for the same is left as it is: a write may cost a reclaim.
    @Test(arguments: [
        (LimitKey.memoryMax, "5000", "4096", "5000"), (.memoryMax, "5000", "8192", "8192"),
        (.cpuMax, "max 50000", "max 100000", "max 50000"),
        (.cpuMax, "50000 50000", "100000 100000", "100000 100000"), (.pidsMax, "5", "6", "6"),
        (.ioWeight, "default 100", "100", "default 100"),
    ])
    func whatIsTheSameIsNotWritten(
        key: LimitKey, before: String, wanted: String, after: String
    ) throws {
        try rig.write(before, "/a/b", key.file)
        try rig.tree.write([write(key, wanted)], lasting: false)
        #expect(try rig.read("/a/b", key.file) == after)
    }

    @Test func everyValueOfABatchIsWritten() throws {
        try rig.tree.write([], lasting: false)
        try rig.tree.write(
            [write(.pidsMax, "9"), write(.cpuWeight, "50"), write(.memoryHigh, "4096")],
            lasting: false)
        #expect(try rig.read("/a/b", "pids.max") == "9" && rig.read("/a/b", "cpu.weight") == "50")
        #expect(try rig.read("/a/b", "memory.high") == "4096")
        #expect(try rig.read("/a", "pids.max") == "max", "the cgroup above is left alone")
    }

    /// The first write that fails says which file it was.
    @Test func whatCannotBeWrittenIsSaid() throws {
        try rig.folder.remove("tree/a/b/pids.max")
        try rig.folder.write("x", to: "tree/a/b/pids.max/x")
        let fault = try #require(throws: Fault.self) {
            try rig.tree.write([write(.pidsMax, "9")], lasting: false)
        }
        #expect(fault.location == "\(rig.tree.path)/a/b/pids.max" && !fault.suggestion.isEmpty)
        let gone = try #require(throws: Fault.self) {
            try rig.tree.write([write(.pidsMax, "9", path: "/a/none")], lasting: false)
        }
        #expect(gone.kind == .unavailable && gone.location == "\(rig.tree.path)/a/none")
    }

    @Test(arguments: [
        ("/a/b", LimitOwner.file, nil), ("/a", .file, "holds other cgroups"),
        ("/a/b", .systemd(unit: "a.slice"), "holds other cgroups"),
        ("/a/b", .systemd(unit: "ssh.service"), "ssh.service"),
        ("/a/b", .systemd(unit: "session-3.scope"), "session-3.scope"),
        ("/a/b", .systemd(unit: "web.service"), nil),
        // A container's own cgroups stop with it.
        ("/a", .docker(id: "0123", unit: "docker-0123.scope"), nil),
    ])
    func onlyAContainerIsFrozen(path: String, owner: LimitOwner, said: String?) throws {
        let write = try write(.freeze, "1", path: path, owner: owner)
        let cgroup = try rig.tree.require(path)
        guard let said else {
            try rig.tree.refuseFreezing(write, cgroup)
            return
        }
        let fault = try #require(throws: Fault.self) {
            try rig.tree.refuseFreezing(write, cgroup)
        }
        #expect(fault.kind == .failed && fault.location == rig.tree.path + path)
        #expect(fault.problem.contains(said) && !fault.suggestion.isEmpty)
    }

    /// A refused freeze leaves the file as it is; thawing is never refused.
    @Test func aSliceCanBeThawed() throws {
        #expect(throws: Fault.self) {
            try rig.tree.write([write(.freeze, "1", path: "/a")], lasting: false)
        }
        #expect(try rig.read("/a", "cgroup.freeze") == "0")
        try rig.write("1\n", "/a", "cgroup.freeze")
        try rig.tree.write([write(.freeze, "0", path: "/a")], lasting: false)
        #expect(try rig.read("/a", "cgroup.freeze").hasPrefix("0"))
    }

    @Test(arguments: [
        ("ssh.service", true), ("sshd@7.service", true), ("docker.service", true),
        ("systemd-journald.service", true), ("user@1000.service", true), ("octroi.service", true),
        ("getty@tty1.service", true), ("init.scope", true), ("web.service", false),
        ("docker-0123.scope", false), ("my-ssh.service", false), ("ssh.service2", false),
        ("acme.slice", false), ("", false),
    ])
    func theHostLivesOnSomeUnits(unit: String, isHostsOwn: Bool) {
        #expect(isVital(unit) == isHostsOwn)
    }
}
