import CgroupFormat
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import CgroupFS

/// Descriptors that are kept open, and what is read when no more are allowed.
@Suite struct DescriptorBudgetTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    /// The folder itself as a cgroup; its files are kept open within a budget, if one is given.
    private func directory(_ budget: DescriptorBudget? = nil) throws -> CgroupDirectory {
        let directory = try CgroupDirectory(path: folder.path)
        if let budget { try #require(directory.keepFiles(within: budget)) }
        return directory
    }

    private func text(_ file: KernelFile, _ directory: CgroupDirectory) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let length = try directory.read(file, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    @Test(arguments: [(0, 1), (1, 2), (3, 7)])
    func onlySoManyAreGiven(left: Int, asked: Int) {
        let budget = DescriptorBudget(left: left)
        #expect((0..<asked).count { _ in budget.take() } == left)
        #expect(budget.left == 0 && budget.wasShort)
        budget.left += 1
        #expect(budget.take())
        #expect(budget.wasShort, "an operator is told even if it was short only once")
    }

    @Test func theLastOneIsNoShortage() {
        let budget = DescriptorBudget(left: 2)
        #expect(budget.take() && budget.take() && !budget.wasShort)
    }

    @Test func everyDescriptorIsCountedAndComesBack() throws {
        try folder.write("usage_usec 1\n", to: "cpu.stat")
        try folder.write("4096\n", to: "memory.current")
        let budget = DescriptorBudget(left: 10)
        do {
            let directory = try directory(budget)
            #expect(budget.left == 9)
            for _ in 0..<3 { #expect(try text(.cpuStat, directory) == "usage_usec 1\n") }
            #expect(budget.left == 8, "one for the file, however often it is read")
            #expect(throws: Errno.noSuchFileOrDirectory) { try text(.ioStat, directory) }
            #expect(budget.left == 8, "a file that is not there takes none")
            #expect(try text(.memoryCurrent, directory) == "4096\n")
            #expect(budget.left == 7)
        }
        #expect(budget.left == 10)
        #expect(!budget.wasShort)
    }

    @Test func withoutOneForTheFolderNothingIsKept() throws {
        let budget = DescriptorBudget(left: 0)
        let directory = try directory()
        #expect(!directory.keepFiles(within: budget))
        try folder.write("usage_usec 5\n", to: "cpu.stat")
        #expect(try text(.cpuStat, directory) == "usage_usec 5\n")
        #expect(directory.descriptor(of: .cpuStat) == nil && budget.left == 0)
    }

    /// A file that is kept is that file for ever; one that is opened anew is what lies there now.
    @Test(arguments: [(1, "usage_usec 2\n"), (2, "usage_usec 1\n")])
    func whatIsNotKeptIsOpenedAnew(left: Int, wanted: String) throws {
        try folder.write("usage_usec 1\n", to: "cpu.stat")
        let budget = DescriptorBudget(left: left)
        let directory = try directory(budget)
        #expect(try text(.cpuStat, directory) == "usage_usec 1\n")
        try folder.remove("cpu.stat")
        try folder.write("usage_usec 2\n", to: "cpu.stat")
        #expect(try text(.cpuStat, directory) == wanted)
        #expect(budget.wasShort == (left == 1))
    }

    @Test func aMissingFileIsTriedAgainOnlyWhenItMayBeThere() throws {
        let kept = try directory(DescriptorBudget(left: 10))
        let plain = try directory()
        for directory in [kept, plain] {
            #expect(throws: Errno.noSuchFileOrDirectory) { try text(.ioStat, directory) }
        }
        try folder.write("8:0 rbytes=1\n", to: "io.stat")
        #expect(throws: Errno.noSuchFileOrDirectory) { try text(.ioStat, kept) }
        #expect(try text(.ioStat, plain) == "8:0 rbytes=1\n")
        kept.forgetMissing()
        #expect(try text(.ioStat, kept) == "8:0 rbytes=1\n")
    }

    /// One pread(2) may fill the buffer exactly, which does not say that the file ends there.
    @Test(arguments: [0, 1, 9, 10, 11, 4096], [true, false])
    func aTextIsWholeInABufferOfAnySize(size: Int, isKept: Bool) throws {
        try folder.write("0123456789", to: "cpu.stat")
        let directory = try directory(isKept ? DescriptorBudget(left: 2) : nil)
        var buffer = [UInt8](repeating: 0xFF, count: size)
        for _ in 0..<2 {
            let length = try directory.read(.cpuStat, into: &buffer)
            #expect(String(decoding: buffer[..<length], as: UTF8.self) == "0123456789")
        }
    }

    @Test(arguments: [true, false]) func aTextOfAMegabyteIsTheLongest(isKept: Bool) throws {
        let directory = try directory(isKept ? DescriptorBudget(left: 3) : nil)
        let most = 1 << 20
        var buffer: [UInt8] = []
        try folder.write(String(repeating: "x", count: most - 1), to: "memory.stat")
        #expect(try directory.read(.memoryStat, into: &buffer) == most - 1)
        buffer = []
        try folder.write(String(repeating: "x", count: most + 1), to: "io.stat")
        #expect(throws: Errno.fileTooLarge) { try directory.read(.ioStat, into: &buffer) }
    }

    @Test func theLimitOfOpenFilesIsTheBudget() {
        let all = DescriptorBudget.raised(spare: 0)
        #expect((1...1 << 20).contains(all.left) && !all.wasShort)
        #expect(DescriptorBudget.raised(spare: 10).left == max(0, all.left - 10))
        #expect(DescriptorBudget.raised(spare: 1 << 20).left == 0, "never below nothing")
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(limit.rlim_cur == limit.rlim_max)
    }
}
