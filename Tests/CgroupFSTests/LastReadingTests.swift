import CgroupFormat
import Glibc
import Metering
import SystemPackage
import TestSupport
import Testing
import Units

@testable import CgroupFS

/// The reading that is taken when the last process of a container has exited.
@Suite struct LastReadingTests {
    private let rig: EventRig

    init() throws {
        rig = try EventRig {
            try $0.set("x.scope", cpu: 100)
            try $0.set("x.scope", isPopulated: true)
        }
    }

    /// What the kernel tells when its file of events changes.
    private func notice(isPopulated: Bool) throws {
        try rig.set("x.scope", isPopulated: isPopulated)
        let node = try #require(rig.tree.byID.values.first { $0.path == "/x.scope" })
        rig.tree.take(.noticed(UInt64(bitPattern: node.id)))
    }

    private func remove() throws {
        try rig.folder.remove("x.scope")
        rig.settle()
    }

    /// The place of the container in a new survey, with how it ended.
    private func found() throws -> (index: Int, end: CgroupEnd?) {
        let index = try #require(rig.survey().index("/x.scope"))
        return (index, rig.tree.end(of: index))
    }

    @Test func itIsWhatTheTickAfterTheEndReads() throws {
        rig.clock.seconds = 3
        try rig.set("x.scope", cpu: 150, procs: "")
        try rig.folder.write("4096\n", to: "x.scope/memory.current")
        try notice(isPopulated: false)
        // What is written later is not of this life any more.
        try rig.set("x.scope", cpu: 170, procs: "")
        rig.clock.seconds = 8
        try remove()
        rig.clock.seconds = 9
        let (index, end) = try found()
        #expect(end == .read)
        #expect(rig.tree.moment(of: index) == rig.clock.at(3))
        #expect(try rig.text(.cpuStat, of: index) == "usage_usec 150\n")
        #expect(try rig.text(.memoryCurrent, of: index) == "4096\n")
        #expect(throws: Errno(rawValue: ENODEV)) { try rig.text(.ioStat, of: index) }
        #expect(rig.tree.deducedCPU(of: index) == nil)
    }

    @Test func whileItStandsItsFilesAreRead() throws {
        rig.clock.seconds = 3
        try notice(isPopulated: false)
        try rig.set("x.scope", cpu: 170, procs: "")
        rig.clock.seconds = 9
        let (index, end) = try found()
        #expect(end == nil && rig.tree.moment(of: index) == rig.clock.at(9))
        #expect(try rig.text(.cpuStat, of: index) == "usage_usec 170\n")
    }

    /// A process that comes back makes the last reading one of many.
    @Test func aProcessThatComesBackUndoesIt() throws {
        try notice(isPopulated: false)
        try notice(isPopulated: true)
        try remove()
        #expect(try found().end == .unread)
    }

    /// A tick that has read the empty container has metered all of it, and nothing ran since.
    @Test func aTickThatIsKeptNeedsItNoMore() throws {
        try notice(isPopulated: false)
        _ = rig.survey()
        rig.commit()
        try remove()
        let (index, end) = try found()
        #expect(end == .read, "nothing is missing")
        #expect(throws: Errno(rawValue: ENODEV)) { try rig.text(.cpuStat, of: index) }
    }

    @Test func aTickThatIsNotKeptLeavesIt() throws {
        try notice(isPopulated: false)
        _ = rig.survey()
        rig.tree.seal()
        try remove()
        let (index, end) = try found()
        #expect(end == .read)
        #expect(try rig.text(.cpuStat, of: index) == "usage_usec 100\n")
    }

    /// It is taken after the tick was read, so that the tick knows nothing of it.
    @Test func oneThatIsTakenWhileATickIsKeptStays() throws {
        _ = rig.survey()
        rig.tree.seal()
        rig.clock.seconds = 5
        try rig.set("x.scope", cpu: 130, procs: "")
        try notice(isPopulated: false)
        rig.tree.acknowledge()
        try remove()
        let (index, end) = try found()
        #expect(end == .read && rig.tree.moment(of: index) == rig.clock.at(5))
        #expect(try rig.text(.cpuStat, of: index) == "usage_usec 130\n")
    }

    /// Without its CPU counter a reading is none, and what is missing is said to be.
    @Test func aReadingWithoutCPUIsNone() throws {
        try rig.folder.remove("x.scope/cpu.stat")
        try notice(isPopulated: false)
        try remove()
        #expect(try found().end == .unread)
    }

    @Test(arguments: ["", "populated 2\n", "frozen 0\n", "populated"])
    func anEventOfNonsenseChangesNothing(text: String) throws {
        try rig.folder.write(text, to: "x.scope/cgroup.events")
        let node = try #require(rig.tree.byID.values.first)
        rig.tree.take(.noticed(UInt64(bitPattern: node.id)))
        #expect(node.last == nil && node.isPopulated == true)
        // Neither does one of a cgroup that nobody knows.
        rig.tree.take(.noticed(UInt64(bitPattern: node.id &+ 1)))
    }

    /// A read finds out that the cgroup is gone before its event comes.
    @Test func aReadThatFindsItGoneEndsIt() throws {
        let (index, _) = try found()
        try rig.folder.remove("x.scope")
        #expect(rig.tree.end(of: index) == nil)
        #expect(throws: Errno(rawValue: ENODEV)) { try rig.text(.cpuStat, of: index) }
        #expect(rig.tree.end(of: index) == .unread)
        rig.settle()
        #expect(rig.tree.ended.count == 1, "its event ends it no second time")
        #expect(rig.survey().ended == ["/x.scope"])
    }
}
