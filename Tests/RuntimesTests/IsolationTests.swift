import CgroupFS
import Glibc
import TestSupport
import Testing

@testable import Runtimes

/// Whose namespaces a container has, by the processes that a folder names.
@Suite struct IsolationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func isolation() throws -> Isolation? {
        Isolation(of: try CgroupDirectory(path: folder.path))
    }

    @Test(arguments: ["", "0\n", "-5\n", "x\n", "\n\n"])
    func withoutAProcessNothingIsKnown(procs: String) throws {
        try folder.write(procs, to: "cgroup.procs")
        #expect(try isolation() == nil)
    }

    /// The host's own process shares everything with itself, as far as this user may look.
    @Test func theHostIsNotIsolatedFromItself() throws {
        try folder.write("2147483647\n1\n7777777\n", to: "cgroup.procs")
        let found = try #require(try isolation())
        #expect(found.isOwn.count == Isolation.names.count)
        #expect(found.isOwn.allSatisfy { $0 != true }, "the lowest id is looked at")
    }

    @Test func ofAProcessThatIsGoneNothingIsSaid() throws {
        try folder.write("2147483647\n", to: "cgroup.procs")
        let found = try #require(try isolation())
        #expect(found.isOwn == Array(repeating: nil, count: Isolation.names.count))
    }

    @Test(arguments: [(1, true), (4, true), (5, false)])
    func processesAreLookedForALittleBelow(depth: Int, isFound: Bool) throws {
        try folder.write("", to: "cgroup.procs")
        let below = (0..<depth).map { "\($0)/" }.joined()
        try folder.write("\(getpid())\n", to: "\(below)cgroup.procs")
        #expect(try (isolation() != nil) == isFound)
    }
}
