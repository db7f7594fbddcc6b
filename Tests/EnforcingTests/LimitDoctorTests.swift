import CgroupFS
@testable import Enforcing
@testable import Limits
import TestSupport
import Testing

/// A made-up host: its files by path, and a plain folder for its tree.
private struct MadeUpHost {
    let folder: TemporaryFolder
    var files: [String: String] = [
        "/proc/cgroups": """
        #subsys_name\thierarchy\tnum_cgroups\tenabled
        cpu\t0\t90\t1
        blkio\t0\t90\t1
        memory\t0\t90\t1
        pids\t0\t90\t1
        """,
        "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/vda2 partition 1000 0 -2\n",
        "/proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
        "/sys/block/vda/dev": "254:0\n", "/sys/block/vda/size": "4096\n",
        "/sys/block/vda/queue/scheduler": "[none] mq-deadline bfq\n",
        "/sys/block/loop0/dev": "7:0\n",
    ]
    var release = "6.16.3-arch1"
    var uid: UInt32 = 0
    var systemd: String?
    var docker: HostFacts.Docker?
    var tenantRoots = ["/tenants/acme"]

    /// A host on which all is well.
    init() throws {
        folder = try TemporaryFolder()
        let on = "cpuset cpu io memory pids\n"
        for (name, text) in [
            ("cgroup.controllers", on), ("cgroup.subtree_control", on),
            ("io.cost.qos", "254:0 enable=1 ctrl=auto rpct=95.00\n"),
            ("tenants/cgroup.subtree_control", on), ("tenants/cgroup.procs", ""),
            ("tenants/memory.max", "max\n"), ("tenants/memory.swap.max", "max\n"),
            ("tenants/acme/cgroup.procs", "7\n"),
        ] { try folder.write(text, to: name) }
        mount("nsdelegate,memory_recursiveprot")
    }

    /// What the tree is mounted with, and more mounts.
    mutating func mount(_ options: String, flags: String = "rw,nosuid", also: [String] = []) {
        let tree = "30 23 0:26 / \(folder.path) \(flags) shared:4 - cgroup2 cgroup2 rw,\(options)"
        files["/proc/self/mountinfo"] = ([tree] + also).joined(separator: "\n") + "\n"
    }

    /// The names right below a folder, as the files' paths have them.
    private func names(_ folder: String) -> [String] {
        Set(
            files.keys.filter { $0.hasPrefix("\(folder)/") }.compactMap {
                $0.dropFirst(folder.utf8.count + 1).split(separator: "/").first.map(String.init)
            }
        ).sorted()
    }

    func findings() throws -> [LimitFinding] {
        let host = HostFacts(
            text: { files[$0] }, names: names, release: release, uid: uid, systemd: systemd,
            docker: docker)
        return limitFindings(
            root: try CgroupRoot(opening: folder.path), host: host, tenantRoots: tenantRoots)
    }

    func finding(_ what: String) throws -> LimitFinding {
        try #require(try findings().first { $0.what == what }, "a finding on \(what)")
    }
}

/// A change to a host that is well, and what it makes of one part.
private struct Case: CustomTestStringConvertible {
    var what: String
    var state: LimitFinding.State
    /// What the finding and the cure say, among other words.
    var says: [String]
    var change: @Sendable (inout MadeUpHost) throws -> Void

    init(
        _ what: String, _ state: LimitFinding.State, _ says: String...,
        change: @escaping @Sendable (inout MadeUpHost) throws -> Void
    ) { (self.what, self.state, self.says, self.change) = (what, state, says, change) }

    var testDescription: String { "\(what) \(state): \(says.joined(separator: ", "))" }
}

private func expect(_ it: Case) throws {
    var host = try MadeUpHost()
    try it.change(&host)
    let found = try host.finding(it.what)
    #expect(found.state == it.state, "\(found)")
    let text = "\(found.found) / \(found.suggestion ?? "")"
    for part in it.says { #expect(text.contains(part), "\"\(part)\" in: \(text)") }
    #expect(found.state != .works || found.suggestion == nil, "what works needs no cure: \(found)")
}

@Suite struct LimitDoctorTests {
    @Test func onAHostThatIsWellAllButTheFolderWorks() throws {
        let findings = try MadeUpHost().findings()
        #expect(
            findings.map(\.what) == [
                "cgroup v2", "cpu.max", "cpu.weight", "cpu.max.burst", "cpuset.cpus", "memory.high",
                "memory.max", "memory.swap.max", "memory.low", "memory.min", "io.max", "io.weight",
                "pids.max", "cgroup.freeze", "+cpu",
                "O_NONBLOCK", "pressure", "nsdelegate", "rights",
            ])
        #expect(findings.filter { $0.state != .works }.map(\.what) == ["cgroup v2"])
        #expect(findings.first?.found.contains("plain folder") == true)
    }

    @Test func everyLimitHasAFinding() throws {
        let findings = Set(try MadeUpHost().findings().map(\.what))
        let files = LimitKey.plain.map(\.file) + [LimitDefinition.ioMax.file]
        #expect(files.filter { !findings.contains($0) } == [])
    }

    @Test(arguments: [
        Case("cpuset.cpus", .limited, "off below the root", "AllowedCPUs=CPUS") {
            try $0.folder.write("cpu memory io pids\n", to: "cgroup.subtree_control")
            $0.systemd = "257.9-1"
        },
        Case("memory.low", .works, "no more than those above it, and shares it") { _ in },
        Case("memory.min", .works, "those above it") { $0.mount("nsdelegate") },
        Case("memory.max", .no, "on cgroup v1 (hierarchy 4)", "unified_cgroup_hierarchy=1") {
            try $0.folder.write("cpu io pids\n", to: "cgroup.controllers")
            $0.files["/proc/cgroups"] = "#subsys_name\nmemory\t4\t29\t1\n"
        },
        Case("io.max", .no, "on cgroup v1 (hierarchy 7)") {
            try $0.folder.write("cpu memory pids\n", to: "cgroup.controllers")
            $0.files["/proc/cgroups"] = "blkio\t7\t1\t1\n"
        },
        Case("memory.high", .no, "turned off at boot", "cgroup_enable=memory") {
            try $0.folder.write("cpu io pids\n", to: "cgroup.controllers")
            $0.files["/proc/cgroups"] = "memory\t0\t1\t0\n"
        },
        Case("pids.max", .no, "offers no pids controller") {
            try $0.folder.write("cpu io memory\n", to: "cgroup.controllers")
            $0.files["/proc/cgroups"] = nil
        },
        Case("cpu.weight", .no, "not handed down", "Delegate=cpu") {
            try $0.folder.write("memory pids\n", to: "cgroup.controllers")
            try $0.folder.write("domain\n", to: "cgroup.type")
        },
        Case("cpu.max", .no, "off below the root", "echo +cpu > ", "/cgroup.subtree_control") {
            try $0.folder.write("memory pids\n", to: "cgroup.subtree_control")
        },
        Case("cpu.max", .limited, "off below the root", "CPUWeight=100") {
            try $0.folder.write("memory pids\n", to: "cgroup.subtree_control")
            $0.systemd = "257.9-1"
        },
        Case("memory.max", .limited, "off below /tenants", "/tenants/cgroup.subtree_control") {
            try $0.folder.write("cpu pids\n", to: "tenants/cgroup.subtree_control")
        },
        Case("pids.max", .limited, "off below /tenants", "Move its processes") {
            try $0.folder.write("cpu memory\n", to: "tenants/cgroup.subtree_control")
            try $0.folder.write("41\n42\n", to: "tenants/cgroup.procs")
        },
        Case("io.max", .limited, "off below /a.slice", "IOAccounting=yes") {
            try $0.folder.write("cpu memory\n", to: "a.slice/cgroup.subtree_control")
            ($0.systemd, $0.tenantRoots) = ("257", ["/tenants/acme", "/a.slice/a-b.slice"])
        },
        Case("memory.max", .works, "is on") {
            // Its way is made when something starts there; and without tenants the root decides.
            try $0.folder.remove("tenants")
        },
        Case("memory.max", .works, "is on") {
            $0.tenantRoots = []
            try $0.folder.write("", to: "tenants/cgroup.subtree_control")
        },
    ])
    private func controllersAreLookedForLevelByLevel(it: Case) throws { try expect(it) }

    @Test(arguments: [
        Case("memory.high", .limited, "no swap", "to a crawl") {
            $0.files["/proc/swaps"] = "Filename\tType\tSize\tUsed\tPriority\n"
        },
        Case("memory.swap.max", .limited, "does nothing") { $0.files["/proc/swaps"] = nil },
        Case("memory.swap.max", .no, "swapaccount=1") {
            try $0.folder.remove("tenants/memory.swap.max")
        },
        Case("io.max", .works, "on vda (254:0)", "the disk below") {
            $0.mount(
                "nsdelegate", also: ["40 23 0:50 / /var/x rw - overlay overlay rw,lowerdir=/l"])
        },
        Case("io.max", .limited, "/data (ntfs3)", "ext4, xfs, btrfs or f2fs") {
            $0.mount(
                "nsdelegate",
                also: [
                    "41 23 254:1 / / rw - ext4 /dev/vda1 rw",
                    "42 23 254:2 / /data rw - ntfs3 /dev/vda2 rw",
                    "43 23 254:3 / /boot/efi rw - vfat /dev/vda3 rw",
                    "44 23 7:0 / /snap/x ro - squashfs /dev/loop0 ro",
                ])
        },
        Case("io.max", .limited, "/tank (zfs)") {
            $0.mount("nsdelegate", also: ["45 23 0:60 / /tank rw - zfs tank/data rw,xattr"])
        },
        Case("io.max", .limited, "reads and direct writes only", "echo +memory") {
            try $0.folder.write("cpu io pids\n", to: "cgroup.subtree_control")
        },
        Case("io.max", .limited, "no disk of its own") {
            // One that lies on another, and one without a medium.
            $0.files["/sys/block/vda/slaves/sda"] = ""
            $0.files["/sys/block/sdz/dev"] = "8:400\n"
            $0.files["/sys/block/sdz/size"] = "0\n"
        },
        Case("io.weight", .works, "iocost") { _ in },
        Case("io.weight", .no, "does nothing on vda", "254:0 enable=1", "echo bfq > /sys/block/vda")
        { try $0.folder.write("254:0 enable=0 ctrl=auto\n", to: "io.cost.qos") },
        Case("io.weight", .limited, "BFQ shares vda", "io.bfq.weight") {
            try $0.folder.remove("io.cost.qos")
            $0.files["/sys/block/vda/queue/scheduler"] = "none mq-deadline [bfq]\n"
        },
        Case("io.weight", .limited, "does nothing on sda", "8:0 enable=1") {
            $0.files["/sys/block/sda/dev"] = "8:0\n"
        },
    ])
    private func memoryAndDisksHaveTheirTraps(it: Case) throws { try expect(it) }

    @Test(arguments: [
        ("5.13.19", LimitFinding.State.no, LimitFinding.State.limited),
        ("5.14.0-503.el9", .limited, .limited), ("6.1.0-25-amd64", .limited, .limited),
        ("6.9.12", .limited, .limited), ("6.10.0", .works, .limited), ("6.15.9", .works, .limited),
        ("6.16.0-rc1", .works, .works), ("7.0.0", .works, .works),
    ])
    func theKernelsAgeTells(
        release: String, burst: LimitFinding.State, waiting: LimitFinding.State
    ) throws {
        var host = try MadeUpHost()
        host.release = release
        #expect(try host.finding("cpu.max.burst").state == burst)
        #expect(try host.finding("O_NONBLOCK").state == waiting)
        #expect(try host.finding("cgroup.freeze").state == .works)
    }

    @Test func aKernelOfNoKnownAgeIsNotJudged() throws {
        var host = try MadeUpHost()
        host.release = "custom"
        #expect(
            try !host.findings().contains { ["cpu.max.burst", "O_NONBLOCK"].contains($0.what) })
        host.release = "5.1.0"
        #expect(try host.finding("cgroup.freeze").state == .no)
    }

    @Test(arguments: [
        Case("cgroup.freeze", .works, "leaves only", "by the file: systemd 245 knows no") {
            $0.systemd = "245"
        },
        Case("cgroup.freeze", .works, "252 may hang") { $0.systemd = "252.22-1~deb12u1" },
        Case("pressure", .limited, "psi=1") { $0.files["/proc/pressure/cpu"] = nil },
        Case("systemd", .limited, "CPUQuotaPeriodSec") { $0.systemd = "241" },
        Case("systemd", .limited, "whole percent") { $0.systemd = "v252.4" },
        Case("systemd", .works, "257") { $0.systemd = "257~rc1" },
        Case("systemd", .limited, "not understood") { $0.systemd = "unknown" },
        Case("Docker", .no, "1.40", "20.10") {
            $0.docker = .init(cgroupDriver: "systemd", apiVersion: "1.40")
        },
        Case("Docker", .limited, "systemd may overwrite", "native.cgroupdriver=systemd") {
            $0.systemd = "257"
            $0.docker = .init(cgroupDriver: "cgroupfs", apiVersion: "1.41")
        },
        Case("Docker", .works, "cgroupfs") {
            $0.docker = .init(cgroupDriver: "cgroupfs", apiVersion: "1.100")
        },
        Case("nsdelegate", .limited, "remount,nsdelegate") { $0.mount("memory_recursiveprot") },
        Case("rights", .no, "read-only") { $0.mount("nsdelegate", flags: "ro,nosuid") },
        Case("rights", .no, "user 1000") { $0.uid = 1000 },
        Case("rights", .limited, "polkit", "50-octroi.rules") {
            ($0.uid, $0.systemd) = (1000, "257")
        },
    ])
    private func ownersAndRightsAreTold(it: Case) throws { try expect(it) }

    @Test(arguments: [
        ("1", "0::/system.slice/m.service", true), ("2", "0::/system.slice/m.service", true),
        ("1", "1:cpu:/\n0::/a", true), ("0", "0::/system.slice/m.service", false),
        ("6", "0::/system.slice/m.service", false),
        // The root's own, such as the kernel's migration/0, are in nobody's way.
        ("1", "0::/", false),
    ])
    func realtimeThreadsAreNamed(policy: String, cgroup: String, isInTheWay: Bool) throws {
        var host = try MadeUpHost()
        let before = Array(repeating: "0", count: 37).joined(separator: " ")
        host.files["/proc/800/task/812/stat"] = "812 (multi) path) S \(before) \(policy) 0 0 0\n"
        host.files["/proc/800/task/812/cgroup"] = cgroup + "\n"
        #expect(try host.finding("+cpu").state == .works, "cpu is on: nothing is in its way")
        try host.folder.write("memory io pids\n", to: "cgroup.subtree_control")
        let found = try host.finding("+cpu")
        #expect(found.state == (isInTheWay ? .limited : .works))
        #expect(found.found.contains("multi) path (812)") == isInTheWay)
    }

    @Test func aHybridHostIsTold() throws {
        let host = try MadeUpHost()
        let root = try CgroupRoot(opening: host.folder.path)
        func hierarchy(_ cgroups: String) -> LimitFinding {
            let facts = HostFacts(
                text: { $0 == "/proc/cgroups" ? cgroups : nil }, names: { _ in [] },
                release: "6.1.0", uid: 0, systemd: nil, docker: nil)
            return LimitDoctor(
                tree: root.directory, path: root.path, isKernel: true, host: facts,
                tenantRoots: []
            ).hierarchy
        }
        #expect(hierarchy("cpu\t0\t9\t1\nnet_cls\t3\t9\t1\n").state == .works)
        let hybrid = hierarchy("cpu\t2\t9\t1\nblkio\t7\t9\t1\npids\t0\t9\t1\n")
        #expect(hybrid.state == .limited && hybrid.found == "hybrid: cpu, io on cgroup v1")
    }

    @Test func thisHostIsLookedAtWithoutHarm() throws {
        let host = HostFacts.live(systemd: nil, docker: nil)
        #expect(Version(host.release) != nil)
        #expect(host.text("/proc/self/mountinfo")?.isEmpty == false)
        #expect(host.text("/proc/no such file") == nil && host.names("/no such folder").isEmpty)
        let folder = try TemporaryFolder()
        let root = try CgroupRoot(opening: folder.path)
        #expect(limitFindings(root: root, host: host).count > 12)
    }
}
