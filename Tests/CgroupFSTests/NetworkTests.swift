import Glibc
import Metering
import SystemPackage
import TestSupport
import Testing

@testable import CgroupFS

/// Whose network a container's is, with the network of this process for a container's own.
@Suite struct NetworkTests {
    private func own() throws -> NetworkNamespace {
        try NetworkNamespace(of: getpid(), id: NetworkNamespace.id(of: getpid()))
    }

    /// Whether the tests run in the host's network, as they do unless somebody arranged it.
    private static let isOfHost =
        (try? NetworkNamespace.id(of: getpid())).map { $0 == NetworkNamespace.host } ?? false

    @Test func theCountersAreReadWholeIntoABufferOfAnySize() throws {
        let namespace = try own()
        for size in [1, 7, 4096] {
            var buffer = [UInt8](repeating: 0, count: size)
            for _ in 0..<2 {
                let length = try namespace.read(into: &buffer)
                let lines = String(decoding: buffer[..<length], as: UTF8.self)
                    .split(separator: "\n")
                #expect(lines.first?.hasPrefix("Inter-|") == true)
                #expect(lines.dropFirst(2).allSatisfy { $0.contains(":") })
            }
        }
    }

    /// A pid may be another process's by the time at which it is looked at.
    @Test func aProcessOfAnotherNamespaceIsRefused() throws {
        let id = try NetworkNamespace.id(of: getpid())
        #expect(throws: Errno.noSuchProcess) { _ = try NetworkNamespace(of: getpid(), id: id + 1) }
        #expect(throws: Errno.noSuchFileOrDirectory) {
            _ = try NetworkNamespace(of: .max, id: id)
        }
        #expect(throws: Errno.noSuchFileOrDirectory) { try NetworkNamespace.id(of: .max) }
    }

    /// Containers that share a network are billed for it once.
    @Test func oneOfSeveralIsReadAsLongAsItRuns() throws {
        let rig = try EventRig { rig in for name in ["a", "b"] { try rig.set(name, cpu: 1) } }
        let survey = rig.survey()
        let (a, b) = (try #require(survey.index("/a")), try #require(survey.index("/b")))
        let namespace = try own()
        for index in [a, b] { rig.tree.node(index).network = .own(namespace) }
        #expect(read(b, rig).namespace == namespace.id)
        for _ in 0..<2 { #expect(read(a, rig).reading == .shared) }
        #expect(read(b, rig).namespace == namespace.id)
        // Its last process exits, and the other one goes on.
        rig.tree.node(b).isPopulated = false
        #expect(read(a, rig).namespace == namespace.id)
        rig.tree.node(b).isPopulated = true
        #expect(read(b, rig).reading == .shared, "it was handed over")
    }

    /// The interfaces of an ended container are gone soon; its counters are read before.
    @Test func theLastCountersAreThoseOfTheEnd() throws {
        let rig = try EventRig { rig in for name in ["a", "b"] { try rig.set(name, cpu: 1) } }
        let survey = rig.survey()
        let namespace = try own()
        for name in ["/a", "/b"] {
            rig.tree.node(try #require(survey.index(name))).network = .own(namespace)
        }
        let a = try #require(survey.index("/a"))
        #expect(read(a, rig).namespace == namespace.id)
        for name in ["a", "b"] { try rig.folder.remove(name) }
        rig.settle()
        let after = rig.survey()
        let ended = try #require(after.index("/a"))
        #expect(rig.tree.end(of: ended) == .unread)
        let last = read(ended, rig)
        #expect(last.namespace == namespace.id && last.text.hasPrefix("Inter-|"))
        #expect(read(ended, rig).text == last.text, "they stand still")
    }

    @Test func aContainerThatEndedKnowsNoNetworkThatItNeverHad() throws {
        let rig = try EventRig { try $0.set("a", cpu: 1, procs: "") }
        let index = try #require(rig.survey().index("/a"))
        #expect(read(index, rig).reading == .none)
        try rig.folder.remove("a")
        rig.settle()
        let after = try #require(rig.survey().index("/a"))
        #expect(read(after, rig).reading == .none)
    }

    /// Processes that are none, or none that this host can see.
    @Test(arguments: ["", "0\n", "2147483647\n", "-1\n", "x\n", "99999999999999\n", "\n"])
    func withoutAProcessThereIsNoNetwork(procs: String) throws {
        let rig = try EventRig { try $0.set("x.scope", cpu: 1, procs: procs) }
        let index = try #require(rig.survey().index("/x.scope"))
        #expect(read(index, rig).reading == .none)
    }

    /// The processes of a container may be a few levels below it.
    @Test(
        .enabled(if: isOfHost, "runs in a network of its own"),
        arguments: [(0, true), (1, true), (4, true), (5, false)])
    func processesAreLookedForALittleBelow(depth: Int, isFound: Bool) throws {
        let rig = try EventRig { rig in
            try rig.set("x.scope", cpu: 1, procs: "")
            let below = (0..<depth).map { "/\($0)" }.joined()
            try rig.folder.write("\(getpid())\n1\n", to: "x.scope\(below)/cgroup.procs")
        }
        let index = try #require(rig.survey().index("/x.scope"))
        #expect(read(index, rig).reading == (isFound ? .host : .none))
    }

    /// A runtime moves the first process of a new container soon; a service stays where it is.
    @Test(.enabled(if: isOfHost, "runs in a network of its own"), arguments: [true, false])
    func onlyANewContainerIsLookedAtAgain(isNew: Bool) throws {
        let make = { (rig: EventRig) in try rig.set("a", cpu: 1, procs: "\(getpid())\n") }
        let rig = try isNew ? EventRig() : EventRig(make)
        if isNew { try make(rig) }
        let index = try #require(rig.survey().index("/a"))
        // Six more looks after the first, and then no more.
        let looks: [Int] = try (0..<8).map { _ in
            #expect(read(index, rig).reading == .host)
            guard case .host(let left) = rig.tree.node(index).network else {
                throw Errno.noSuchProcess
            }
            return left
        }
        #expect(looks == (isNew ? [6, 5, 4, 3, 2, 1, 0, 0] : Array(repeating: 0, count: 8)))
    }

    @Test func aPlainFolderHasNoNetwork() throws {
        let folder = try TemporaryFolder(inMemory: true)
        try folder.write("\(getpid())\n", to: "a/cgroup.procs")
        let tree = CgroupTree(root: try CgroupRoot(opening: folder.path), clock: StillClock().look)
        let survey = tree.survey(SurveyPlan(nesting: { _ in .byProcesses }))
        let index = try #require(survey.index("/a"))
        tree.node(index).network = .own(try own())
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(tree.readNetwork(of: index, into: &buffer) == .none)
    }

    /// A reading, and what it says if it says something.
    private func read(
        _ index: Int, _ rig: EventRig
    ) -> (reading: NetworkReading, namespace: Int64?, text: String) {
        var buffer = [UInt8](repeating: 0, count: 1)
        let reading = rig.tree.readNetwork(of: index, into: &buffer)
        guard case .read(let namespace, let length) = reading else { return (reading, nil, "") }
        return (reading, namespace, String(decoding: buffer[..<length], as: UTF8.self))
    }
}
