import CgroupFormat
import Glibc
import Metering
import SystemPackage
import TestSupport
import Testing
import Units

@testable import CgroupFS

/// One cgroup whose files are read while it lives, and after.
@Suite struct CgroupNodeTests {
    private let folder: TemporaryFolder
    private let top: CgroupNode
    private let node: CgroupNode

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        try folder.write("usage_usec 5\n", to: "a/cpu.stat")
        let root = try CgroupDirectory(path: folder.path)
        top = CgroupNode(id: 0, name: CgroupName(""), path: "", parent: nil, holding: root)
        node = CgroupNode(
            id: try root.child(CgroupName("a")).id(), name: CgroupName("a"), path: "/a",
            parent: top, holding: nil)
    }

    private func text(_ file: KernelFile, buffer size: Int = 0) throws -> String {
        var buffer = [UInt8](repeating: 0xFF, count: size)
        let length = try node.read(file, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    private var noDevice: Errno { Errno(rawValue: ENODEV) }
    private let moment = Moment(wall: Instant(seconds: 9), bootMicroseconds: 9)

    @Test func aMissingFileIsNoEnd() throws {
        #expect(throws: Errno.noSuchFileOrDirectory) { try text(.ioStat) }
        #expect(!node.isGone && node.end == nil)
        try folder.write("8:0 rbytes=1\n", to: "a/io.stat")
        #expect(throws: Errno.noSuchFileOrDirectory, "it is not looked for each time") {
            try text(.ioStat)
        }
        #expect(try text(.cpuStat) == "usage_usec 5\n", "the others are")
        node.forgetMissing()
        #expect(try text(.ioStat) == "8:0 rbytes=1\n")
    }

    @Test func aRemovedFolderIsAnEnd() throws {
        try folder.remove("a")
        #expect(throws: noDevice) { try text(.ioStat) }
        #expect(node.isGone && node.end == .unread)
        // What comes back under the name is another.
        try folder.write("usage_usec 1\n", to: "a/cpu.stat")
        #expect(throws: noDevice) { try text(.cpuStat) }
    }

    /// The counters of another cgroup under the same name must never be read for it.
    @Test(arguments: [false, true]) func aFolderThatTookItsNameIsNotIt(isOpen: Bool) throws {
        if isOpen { node.openTemporarily() }
        try folder.write("usage_usec 99\n", to: "new/cpu.stat")
        #expect(rename("\(folder.path)/a", "\(folder.path)/old") == 0)
        #expect(rename("\(folder.path)/new", "\(folder.path)/a") == 0)
        guard isOpen else {
            #expect(throws: noDevice) { try text(.cpuStat) }
            #expect(node.isGone)
            return
        }
        #expect(try text(.cpuStat) == "usage_usec 5\n", "it is still open")
        node.closeTemporary()
        #expect(throws: noDevice) { try text(.cpuStat) }
    }

    @Test(arguments: [0, 5, 13, 4096]) func aLastReadingFitsABufferOfAnySize(size: Int) throws {
        var buffer: [UInt8] = []
        node.captureLast(at: moment, &buffer)
        try folder.remove("a")
        #expect(try text(.cpuStat, buffer: size) == "usage_usec 5\n")
        #expect(throws: noDevice) { try text(.memoryStat, buffer: size) }
        #expect(node.isGone && node.end == .read && node.last?.moment == moment)
    }

    @Test func aLastReadingHasEveryFileInItsPlace() throws {
        for file in KernelFile.allCases { try folder.write("\(file.text)\n", to: "a/\(file.text)") }
        var buffer: [UInt8] = []
        node.captureLast(at: moment, &buffer)
        try folder.remove("a")
        for file in KernelFile.allCases { #expect(try text(file) == "\(file.text)\n") }
    }

    @Test func aReadingWithoutCPUUndoesTheOneBefore() throws {
        var buffer: [UInt8] = []
        node.captureLast(at: moment, &buffer)
        #expect(node.last != nil)
        try folder.remove("a/cpu.stat")
        node.captureLast(at: moment, &buffer)
        #expect(node.last == nil)
    }

    /// A file that stands there and cannot be read is neither missing nor an end.
    @Test func aFileOfAnotherKindIsAnErrorEachTime() throws {
        #expect(mkdir("\(folder.path)/a/io.stat", 0o755) == 0)
        for _ in 0..<2 { #expect(throws: Errno(rawValue: EISDIR)) { try text(.ioStat) } }
        #expect(!node.isGone)
        try folder.remove("a/io.stat")
        try folder.write("8:0 rbytes=1\n", to: "a/io.stat")
        #expect(try text(.ioStat) == "8:0 rbytes=1\n")
    }

    @Test func depthsAndAccounts() {
        let child = CgroupNode(
            id: 9, name: CgroupName("b"), path: "/a/b", parent: node, holding: nil)
        #expect([top, node, child].map(\.depth) == [0, 1, 2])
        let cases: [(CgroupNode.Kind, Bool, Bool)] = [
            (.leaf, false, true), (.whole, false, true), (.inner, false, false),
            (.inner, true, true), (.leaf, true, true),
        ]
        for (kind, isRoot, isAccount) in cases {
            (child.kind, child.isTenantRoot) = (kind, isRoot)
            #expect(child.isAccount == isAccount)
        }
    }

    @Test(
        arguments: [
            ("populated 1\n", "", true), ("populated 0\n", "7\n", false), (nil, "7\n", true),
            (nil, "", false), (nil, nil, nil), ("nonsense", "7\n", true), ("", nil, nil),
        ] as [(String?, String?, Bool?)])
    func whetherProcessesAreThere(events: String?, procs: String?, wanted: Bool?) throws {
        if let events { try folder.write(events, to: "a/cgroup.events") }
        if let procs { try folder.write(procs, to: "a/cgroup.procs") }
        var buffer: [UInt8] = []
        #expect(try node.directory().isPopulated(&buffer) == wanted)
    }

    @Test(
        arguments: [
            ("usage_usec 7\nuser_usec 3\n", 7), ("user_usec 3\n", nil), ("usage_usec x\n", nil),
            ("usage_usec 7", nil), ("", nil),
        ] as [(String, Int64?)])
    func theCounterOfCPU(text: String, wanted: Int64?) throws {
        try folder.write(text, to: "a/cpu.stat")
        var buffer: [UInt8] = []
        #expect(try node.directory().cpuUsage(&buffer) == wanted)
    }
}
