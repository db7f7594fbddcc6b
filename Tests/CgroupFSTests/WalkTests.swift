import Glibc
@testable import CgroupFS
import CgroupFormat
import SystemPackage
import TestSupport
import Testing
import Units

@Suite struct WalkTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func walk(
        roots: Set<String> = [], whole: Set<Int64> = [], known: Set<Int64> = []
    ) throws -> (found: [FoundCgroup], counts: WalkCounts) {
        let root = try CgroupRoot(opening: folder.path)
        var found: [FoundCgroup] = []
        let plan = WalkPlan(
            nesting: {
                $0.hasSuffix(".scope") ? .one : $0.hasSuffix(".slice") ? .many : .byProcesses
            }, tenantRoots: roots, whole: whole, known: known)
        var kept = KeptDirectories()
        let counts = root.walk(plan, keeping: &kept) { cgroup, _ in found.append(cgroup) }
        return (found, counts)
    }

    @Test func leavesWholeContainersAndTenantRootsKeepAccounts() throws {
        try folder.write("1\n", to: "a.slice/leaf/cgroup.procs")
        try folder.write("populated 1\nfrozen 0\n", to: "a.slice/x.scope/cgroup.events")
        try folder.write("2\n", to: "a.slice/x.scope/inner/cgroup.procs")
        try folder.write("", to: "empty/cgroup.procs")
        let (found, counts) = try walk(roots: ["/a.slice"])
        #expect(
            Set(found.map(\.path)) == ["/a.slice/leaf", "/a.slice/x.scope", "/a.slice", "/empty"])
        #expect(found.first { $0.path == "/a.slice" }?.role == .tenantRoot)
        #expect(
            found.last { $0.path.hasPrefix("/a.slice") }?.path == "/a.slice",
            "the root is read last")
        #expect(found.first { $0.path == "/a.slice/x.scope" }?.isPopulated == true)
        #expect(found.first { $0.path == "/empty" }?.isPopulated == false)
        #expect(counts.seen.count == 4)
    }

    @Test func aNameIsShownHarmlessAndStillOpened() throws {
        let names = [
            "with space", "new\nline", "esc\u{1B}[2J", #"dev-\x2d"#, "é", "e\u{301}",
            String(repeating: "n", count: 255),
        ]
        for name in names { try folder.write("7\n", to: "\(name)/cgroup.procs") }
        let found = try walk().found.map(\.path)
        #expect(
            Set(found) == [
                "/with space", #"/new\x0Aline"#, #"/esc\x1B[2J"#, #"/dev-\x2d"#, #"/\xC3\xA9"#,
                #"/e\xCC\x81"#,
                "/" + String(repeating: "n", count: 255),
            ])
    }

    @Test func aLinkIsNoCgroup() throws {
        try folder.write("1\n", to: "real/cgroup.procs")
        try #require(symlinks("\(folder.path)/real", "\(folder.path)/link"))
        #expect(try walk().found.map(\.path) == ["/real"])
        let root = try CgroupRoot(opening: folder.path)
        #expect(throws: Errno.self) { _ = try root.open("/link") }
        #expect(throws: Errno.self) { _ = try root.open("/") }
        #expect(throws: Errno.self) { _ = try root.open("/..") }
        #expect(throws: Errno.self) { _ = try root.open("/real/../real") }
    }

    @Test func whatHoldsProcessesOfItsOwnIsOneContainer() throws {
        try folder.write("1\n", to: "app/cgroup.procs")
        try folder.write("2\n", to: "app/worker/cgroup.procs")
        // Seen for the first time with processes of its own: one container.
        let first = try walk()
        #expect(first.found.map(\.path) == ["/app"] && first.found[0].isWhole)
        // Known as an inner cgroup: its child keeps the account, and its own processes are told.
        let known = try walk(known: [first.found[0].id])
        #expect(known.found.map(\.path) == ["/app/worker"])
        #expect(known.counts.unaccounted == ["/app"])
        // Known as whole: it stays one, also without processes.
        try folder.write("", to: "app/cgroup.procs")
        let whole = try walk(whole: [first.found[0].id], known: [first.found[0].id])
        #expect(whole.found.map(\.path) == ["/app"])
    }

    @Test func deepTreesAreWalked() throws {
        let path = (0..<40).map { "d\($0)" }.joined(separator: "/")
        try folder.write("1\n", to: path + "/cgroup.procs")
        #expect(try walk().found.map(\.path) == ["/" + path])
    }

    @Test func aTreeThatIsNotThereIsUnavailable() {
        #expect { _ = try CgroupRoot(opening: "/nowhere/at/all") } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
        #expect { _ = try CgroupRoot(opening: "/proc/version") } throws: {
            ($0 as? Fault)?.kind == .unavailable
        }
    }

    @Test func filesAreReadWholeAndWrittenInPlace() throws {
        let long = (0..<5000).map { "key\($0) \($0)\n" }.joined()
        try folder.write(long, to: "a/memory.stat")
        try folder.write("max 100000\n", to: "a/cpu.max")
        let directory = try CgroupRoot(opening: folder.path).open("/a")
        #expect(try directory.text(of: "memory.stat") == long)
        try directory.write("5 1", to: "cpu.max")
        #expect(try directory.text(of: "cpu.max") == "5 1")
        #expect(throws: Errno.noSuchFileOrDirectory) { try directory.write("1", to: "pids.max") }
        #expect(throws: Errno.self) { try directory.write("1", to: "../a/cpu.max") }
        #expect(try directory.text(of: "cpu.max") == "5 1")
    }

    @Test func everyCgroupCanBeNamed() throws {
        try folder.write("", to: "a/b/c/x")
        var paths: [String] = []
        try CgroupRoot(opening: folder.path).paths { path, _ in paths.append(path) }
        #expect(paths.sorted() == ["/a", "/a/b", "/a/b/c"])
    }
}

private func symlinks(_ target: String, _ link: String) -> Bool { symlink(target, link) == 0 }

@Suite struct MountTests {
    @Test(arguments: [
        (
            "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            "/sys/fs/cgroup"
        ),
        (
            "30 1 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n32 30 0:28 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n",
            "/sys/fs/cgroup/unified"
        ),
        ("25 30 0:23 / /mnt/my\\040cgroups rw - cgroup2 none rw\n", "/mnt/my cgroups"),
        ("25 30 0:23 / /cgroup2 rw - ext4 /dev/vda rw\n", nil), ("", nil), ("garbage\n", nil),
    ])
    func theFirstCgroup2IsFound(mountinfo: String, mount: String?) {
        #expect(CgroupMount.mountPoint(in: mountinfo) == mount)
    }
}
