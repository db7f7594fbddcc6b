import CgroupFormat
import Glibc
import Metering
import SystemPackage
import TestSupport
import Testing

@testable import CgroupFS

/// What happens between two surveys, as events tell it and no listing would.
@Suite struct TreeEventsTests {
    @Test func aBirthHasTheTimeOfItsEvent() throws {
        let rig = try EventRig()
        rig.clock.seconds = 5
        try rig.set("a", cpu: 7)
        rig.settle()
        rig.clock.seconds = 9
        let survey = rig.survey()
        let index = try #require(survey.index("/a"))
        #expect(survey.cgroups[index].birth == rig.clock.at(5) && survey.births == 1)
        #expect(survey.cgroups[index].isWhole && survey.cgroups[index].isPopulated == true)
        rig.commit()
        #expect(rig.survey().births == 0)
    }

    @Test func aLifeBetweenTwoSurveysIsReportedUntilItIsKept() throws {
        let rig = try EventRig()
        try rig.set("a", cpu: 7)
        rig.settle()
        try rig.folder.remove("a")
        rig.settle()
        for _ in 0..<2 {
            let survey = rig.survey()
            let index = try #require(survey.index("/a"))
            #expect(survey.ended == ["/a"] && survey.seen.isEmpty && survey.births == 1)
            #expect(rig.tree.end(of: index) == .unread)
            #expect(throws: Errno(rawValue: ENODEV)) { try rig.text(.cpuStat, of: index) }
        }
        rig.commit()
        #expect(rig.survey().cgroups.isEmpty)
    }

    /// What could never be opened has no account, and is still counted where it ended.
    @Test func whatIsGoneBeforeItIsOpenedIsCounted() throws {
        let rig = try EventRig(roots: ["/t"]) { try $0.set("t", cpu: 0, procs: "") }
        let first = rig.survey()
        let root = first.cgroups[try #require(first.index("/t"))].id
        for path in ["x", "t/y", "t/z"] {
            try #require(mkdir("\(rig.folder.path)/\(path)", 0o755) == 0)
            try #require(rmdir("\(rig.folder.path)/\(path)") == 0)
        }
        rig.settle()
        for _ in 0..<2 { #expect(rig.survey().unseenEnds == [0: 1, root: 2]) }
        rig.tree.seal()
        // One more while the tick is being kept belongs to the next tick.
        try #require(mkdir("\(rig.folder.path)/x", 0o755) == 0)
        try #require(rmdir("\(rig.folder.path)/x") == 0)
        rig.settle()
        rig.tree.acknowledge()
        #expect(rig.survey().unseenEnds == [0: 1])
    }

    @Test func aBirthWhileATickIsKeptBelongsToTheNext() throws {
        let rig = try EventRig()
        try rig.set("a", cpu: 1)
        #expect(rig.survey().births == 1)
        rig.tree.seal()
        try rig.set("b", cpu: 1)
        rig.settle()
        rig.tree.acknowledge()
        let survey = rig.survey()
        #expect(survey.cgroups.filter { $0.birth != nil }.map(\.path) == ["/b"])
    }

    @Test func childrenEndWithWhatIsAboveThem() throws {
        let rig = try EventRig { try $0.set("p/c", cpu: 1) }
        try rig.folder.remove("p")
        rig.settle()
        #expect(rig.survey().ended.contains("/p/c"))
        rig.commit()
        #expect(rig.survey().cgroups.isEmpty)
    }

    /// Lost events are made up for by a full scan, at once if the kernel says so, else in a minute.
    @Test(arguments: [(59, false, false), (60, false, true), (1, true, true)])
    func whatEventsMissAScanFinds(seconds: Int64, overflows: Bool, isFound: Bool) throws {
        let rig = try EventRig()
        try rig.set("a", cpu: 1)
        rig.loseEvents()
        rig.clock.seconds = seconds
        if overflows { rig.tree.take(.overflow) }
        let survey = rig.survey()
        #expect((survey.index("/a") != nil) == isFound)
        // It was not there when the folder was listed, and nobody knows more of its birth.
        #expect(survey.cgroups.first?.birth == (isFound ? rig.clock.at(0) : nil))
    }

    @Test func aLostEndIsFoundByAScan() throws {
        let rig = try EventRig { try $0.set("a", cpu: 1) }
        try rig.folder.remove("a")
        rig.loseEvents()
        #expect(rig.survey().ended.isEmpty)
        rig.tree.take(.overflow)
        #expect(rig.survey().ended == ["/a"])
    }

    @Test func withoutAWatchEverySurveyLists() throws {
        let rig = try EventRig()
        rig.tree.unwatched = [1]
        try rig.set("a", cpu: 1)
        rig.loseEvents()
        #expect(rig.survey().index("/a") != nil)
    }

    /// Events of a name that was removed and given again are those of two lives.
    @Test func aNameThatIsGivenAgainIsAnotherLife() throws {
        let rig = try EventRig()
        try rig.set("a", cpu: 1)
        rig.settle()
        // Held open, so that its inode is not given to the new one.
        let old = try CgroupDirectory(path: "\(rig.folder.path)/a")
        try rig.folder.remove("a")
        try rig.set("a", cpu: 2)
        rig.settle()
        let survey = rig.survey()
        #expect(survey.cgroups.map(\.path) == ["/a", "/a"])
        #expect(survey.cgroups.map(\.hasEnded) == [false, true])
        #expect(try rig.text(.cpuStat, of: 0) == "usage_usec 2\n")
        #expect(try old.id() == survey.cgroups[1].id)
    }

    /// A controller that is enabled gives files that were missing before.
    @Test func aMissingFileIsTriedAgainOnceControllersChange() throws {
        let rig = try EventRig {
            try $0.set("p/c", cpu: 1)
            try $0.folder.write("", to: "p/cgroup.subtree_control")
        }
        let survey = rig.survey()
        let index = try #require(survey.index("/p/c"))
        for _ in 0..<2 {
            #expect(throws: Errno.noSuchFileOrDirectory) { try rig.text(.ioStat, of: index) }
            try rig.folder.write("8:0 rbytes=1\n", to: "p/c/io.stat")
        }
        try CgroupDirectory(path: "\(rig.folder.path)/p").write("+io", to: "cgroup.subtree_control")
        rig.settle()
        #expect(try rig.text(.ioStat, of: index) == "8:0 rbytes=1\n")
        #expect(rig.tree.end(of: index) == nil)
    }

    @Test func followingEndsByTimeByStopAndByWaking() throws {
        let rig = try EventRig()
        let (stop, wake) = (try Bell(), try Bell())
        rig.tree.stop(at: stop.end, wakeAt: wake.end)
        try rig.set("a", cpu: 1)
        #expect(rig.tree.follow(until: 0) == .deadline)
        #expect(rig.tree.newcomers.map(\.path) == ["/a"], "events are handled meanwhile")
        wake.ring()
        #expect(rig.tree.follow(until: 1 << 50) == .woken)
        wake.still()
        stop.ring()
        #expect(rig.tree.follow(until: 1 << 50) == .stopped)
    }

    /// A plain folder has no events, and can be stopped all the same.
    @Test func aPlainFolderIsOnlyWaitedFor() throws {
        let folder = try TemporaryFolder(inMemory: true)
        let clock = StillClock()
        let tree = CgroupTree(root: try CgroupRoot(opening: folder.path), clock: clock.look)
        #expect(!tree.isKernel && tree.events == nil)
        #expect(tree.follow(until: 0) == .deadline)
        let (stop, wake) = (try Bell(), try Bell())
        tree.stop(at: stop.end, wakeAt: wake.end)
        stop.ring()
        #expect(tree.follow(until: 1 << 50) == .stopped)
        withExtendedLifetime(wake) {}
        #expect(tree.shortages.isEmpty)
    }

    @Test func whatAHostLacksIsSaidOnceForEachThing() throws {
        let rig = try EventRig { try $0.set("a", cpu: 1) }
        #expect(rig.tree.shortages.count == 1)
        #expect(rig.tree.shortages.first?.contains("LimitNOFILE") == true)
        rig.tree.unwatched = [7, 8]
        #expect(rig.tree.shortages.count == 2)
        #expect(rig.tree.shortages.last?.contains("max_user_watches") == true)
        let folder = try TemporaryFolder(inMemory: true)
        let rich = CgroupTree(
            root: try CgroupRoot(opening: folder.path), isKernel: true, clock: rig.clock.look)
        rich.budget.left = 100
        try folder.write("1\n", to: "a/cgroup.procs")
        _ = rich.survey(SurveyPlan(nesting: { _ in .byProcesses }))
        #expect(rich.shortages.isEmpty)
    }
}
