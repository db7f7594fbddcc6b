import Metering
import Glibc
@testable import CgroupFS
import CgroupFormat
import SystemPackage
import TestSupport
import Testing
import Units

@Suite struct TreeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func plan(_ roots: Set<String> = [], whole: Set<Int64> = []) -> SurveyPlan {
        SurveyPlan(
            nesting: {
                $0.hasSuffix(".scope") ? .one : $0.hasSuffix(".slice") ? .many : .byProcesses
            }, tenantRoots: roots, whole: whole)
    }

    private func tree() throws -> CgroupTree {
        let clock = Clock()
        return CgroupTree(root: try CgroupRoot(opening: folder.path), clock: { clock.next() })
    }

    /// The accounts of a survey, in the order in which they are read.
    private func survey(_ tree: CgroupTree, _ plan: SurveyPlan? = nil) -> [FoundCgroup] {
        let survey = tree.survey(plan ?? self.plan())
        return survey.steps.compactMap {
            if case .account(let index) = $0 { survey.cgroups[index] } else { nil }
        }
    }

    @Test func leavesWholeContainersAndTenantRootsKeepAccounts() throws {
        try folder.write("1\n", to: "a.slice/leaf/cgroup.procs")
        try folder.write("populated 1\nfrozen 0\n", to: "a.slice/x.scope/cgroup.events")
        try folder.write("2\n", to: "a.slice/x.scope/inner/cgroup.procs")
        try folder.write("", to: "empty/cgroup.procs")
        let tree = try tree()
        let found = survey(tree, plan(["/a.slice"]))
        #expect(
            Set(found.map(\.path)) == ["/a.slice/leaf", "/a.slice/x.scope", "/a.slice", "/empty"])
        #expect(found.first { $0.path == "/a.slice" }?.role == .tenantRoot)
        #expect(
            found.last { $0.path.hasPrefix("/a.slice") }?.path == "/a.slice",
            "the root is read last")
        #expect(found.first { $0.path == "/a.slice/x.scope" }?.isPopulated == true)
        #expect(found.first { $0.path == "/empty" }?.isPopulated == false)
        #expect(tree.survey(plan(["/a.slice"])).seen.count == 4)
    }

    @Test func aNameIsShownHarmlessAndStillOpened() throws {
        let names = [
            "with space", "new\nline", "esc\u{1B}[2J", #"dev-\x2d"#, "é", "e\u{301}",
            String(repeating: "n", count: 255),
        ]
        for name in names { try folder.write("7\n", to: "\(name)/cgroup.procs") }
        let found = survey(try tree()).map(\.path)
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
        #expect(survey(try tree()).map(\.path) == ["/real"])
        let root = try CgroupRoot(opening: folder.path)
        #expect(throws: Errno.self) { _ = try root.open("/link") }
        #expect(throws: Errno.self) { _ = try root.open("/") }
        #expect(throws: Errno.self) { _ = try root.open("/..") }
        #expect(throws: Errno.self) { _ = try root.open("/real/../real") }
    }

    @Test func whatHoldsProcessesOfItsOwnIsOneContainer() throws {
        let tree = try tree()
        #expect(survey(tree).isEmpty)
        try folder.write("1\n", to: "app/cgroup.procs")
        try folder.write("2\n", to: "app/worker/cgroup.procs")
        // Born with processes of its own: one container.
        let first = survey(tree)
        #expect(first.map(\.path) == ["/app"] && first[0].isWhole && first[0].birth != nil)
        // The same where its child was there first: what it holds decides, not who was born first.
        let other = try self.tree()
        #expect(survey(other).map(\.path) == ["/app"])
        #expect(other.survey(plan()).unaccounted.isEmpty)
        // Where the path says that it holds containers, its own processes are told.
        try folder.write("1\n", to: "b.slice/cgroup.procs")
        try folder.write("2\n", to: "b.slice/leaf/cgroup.procs")
        #expect(Set(survey(other).map(\.path)) == ["/app", "/b.slice/leaf"])
        #expect(other.survey(plan()).unaccounted == ["/b.slice"])
        try folder.remove("b.slice")
        // Known as whole: it stays one, also without processes.
        try folder.write("", to: "app/cgroup.procs")
        let again = try self.tree()
        #expect(survey(again, plan(whole: [first[0].id])).map(\.path) == ["/app"])
    }

    @Test func processesThatMoveInBesideChildrenMakeItOne() throws {
        try folder.write("2\n", to: "app/worker/cgroup.procs")
        let tree = try tree()
        #expect(survey(tree).map(\.path) == ["/app/worker"])
        tree.seal()
        tree.acknowledge()
        try folder.write("1\n", to: "app/cgroup.procs")
        // Its counter holds its child's usage: no birth is told.
        let found = survey(tree)
        #expect(found.map(\.path) == ["/app"] && found[0].isWhole && found[0].birth == nil)
        try folder.write("", to: "app/cgroup.procs")
        #expect(survey(tree).map(\.path) == ["/app"], "it stays one")
    }

    @Test func whatLiesAboveATenantRootIsNoContainer() throws {
        try folder.write("1\n", to: "x.scope/cgroup.procs")
        try folder.write("2\n", to: "x.scope/a/root/web/cgroup.procs")
        let tree = try tree()
        #expect(survey(tree).map(\.path) == ["/x.scope"])
        let roots = plan(["/x.scope/a/root"])
        let found = survey(tree, roots)
        #expect(found.map(\.path) == ["/x.scope/a/root/web", "/x.scope/a/root"])
        #expect(found.allSatisfy { $0.birth == nil }, "it was counted with its container before")
        #expect(tree.survey(roots).unaccounted == ["/x.scope"])
        #expect(survey(tree).map(\.path) == ["/x.scope"], "without the rule it is one again")
    }

    @Test func theServiceOfAnEngineIsOneUntilPodsLieBelowIt() throws {
        let plan = SurveyPlan(nesting: {
            $0 == "/engine" ? .oneUnlessKnown : $0.hasPrefix("/engine/pod") ? .one : .byProcesses
        })
        try folder.write("1\n", to: "engine/cgroup.procs")
        try folder.write("2\n", to: "engine/helper/cgroup.procs")
        let tree = try tree()
        #expect(survey(tree, plan).map(\.path) == ["/engine"])
        try folder.write("3\n", to: "engine/pod1/x/cgroup.procs")
        let found = survey(tree, plan)
        #expect(Set(found.map(\.path)) == ["/engine/helper", "/engine/pod1"])
        #expect(found.allSatisfy { $0.birth == nil })
        try folder.remove("engine/pod1")
        tree.seal()
        tree.acknowledge()
        #expect(survey(tree, plan).filter { !$0.hasEnded }.map(\.path) == ["/engine"])
    }

    @Test func birthsAndEndsAreToldUntilTheyAreCommitted() throws {
        let tree = try tree()
        #expect(survey(tree).isEmpty)
        try folder.write("1\n", to: "a/cgroup.procs")
        #expect(survey(tree).map { $0.birth != nil } == [true])
        // The tick that read it was not kept, so it is told again.
        #expect(survey(tree).map { $0.birth != nil } == [true])
        tree.seal()
        tree.acknowledge()
        #expect(survey(tree).map { $0.birth != nil } == [false])
        try folder.remove("a")
        #expect(survey(tree).map(\.hasEnded) == [true])
        #expect(survey(tree).map(\.hasEnded) == [true])
        tree.seal()
        tree.acknowledge()
        #expect(survey(tree).isEmpty)
    }

    @Test func whatAppearsWhereNobodyCouldLookMayBeOld() throws {
        try folder.write("1\n", to: "dark/old/cgroup.procs")
        let tree = try tree()
        #expect(chmod("\(folder.path)/dark", 0) == 0)
        defer { chmod("\(folder.path)/dark", 0o700) }
        let first = tree.survey(plan())
        // Root may read it all the same.
        try #require(geteuid() == 0 || !first.failed.isEmpty)
        chmod("\(folder.path)/dark", 0o700)
        #expect(survey(tree).map { $0.birth == nil } == [true])
    }

    @Test func deepTreesAreWalked() throws {
        let path = (0..<40).map { "d\($0)" }.joined(separator: "/")
        try folder.write("1\n", to: path + "/cgroup.procs")
        #expect(survey(try tree()).map(\.path) == ["/" + path])
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

    /// What stands in a file's place is neither waited for nor written to, and is named.
    @Test func whatIsNoPlainFileIsRefused() throws {
        try folder.write("1\n", to: "a/pids.current")
        #expect(mkfifo("\(folder.path)/a/cpu.stat", 0o600) == 0)
        #expect(mkfifo("\(folder.path)/a/cpu.max", 0o600) == 0)
        #expect(mkdir("\(folder.path)/a/memory.max", 0o700) == 0)
        #expect(symlinks("pids.current", "\(folder.path)/a/pids.max"))
        let directory = try CgroupRoot(opening: folder.path).open("/a")
        var buffer: [UInt8] = []
        let fifo = Errno(rawValue: ESPIPE)
        #expect(fifo.reasonOfFile.contains("FIFO"))
        #expect(throws: fifo) { try directory.read(.cpuStat, into: &buffer) }
        #expect(throws: fifo) { try directory.text(named: "cpu.max") }
        #expect(throws: Errno(rawValue: EISDIR)) { try directory.text(named: "memory.max") }
        #expect(throws: Errno(rawValue: ELOOP)) { try directory.text(named: "pids.max") }
        #expect(throws: Errno.self) { try directory.write("max", to: "cpu.max") }
        #expect(throws: Errno.self) { try directory.write("max", to: "memory.max") }
        #expect(throws: Errno.self) { try directory.write("max", to: "pids.max") }
        #expect(try directory.text(named: "pids.current") == "1\n")
    }

    @Test func everyCgroupCanBeNamed() throws {
        try folder.write("", to: "a/b/c/x")
        var paths: [String] = []
        try CgroupRoot(opening: folder.path).paths { path, _ in paths.append(path) }
        #expect(paths.sorted() == ["/a", "/a/b", "/a/b/c"])
    }
}

/// A clock that moves on by a second whenever it is looked at.
private final class Clock {
    private var seconds: Int64 = 0

    func next() -> Moment {
        seconds += 1
        return Moment(
            wall: Instant(seconds: 1_795_446_000 + seconds), bootMicroseconds: seconds * 1_000_000)
    }
}

private func symlinks(_ target: String, _ link: String) -> Bool { symlink(target, link) == 0 }
