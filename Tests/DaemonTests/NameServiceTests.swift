import CgroupFormat
import Metering
import Store
import Synchronization
import TestKernel
import TestSupport
import Testing
import Units

@testable import Daemon
@testable import Runtimes

/// Which containers runtimes are asked about, how often, and what becomes of the answers.
@Suite struct NameServiceTests {
    private let rig: NameRig

    init() throws { rig = try NameRig() }

    @Test func anAnswerIsKeptAndDecidesTheTenant() async throws {
        let docker = AskedRuntime("docker") { path, _ in
            .found(
                ContainerDetails(
                    name: "web-\(path.suffix(1))", image: "nginx:1", labels: ["owner": "acme"],
                    namespace: nil))
        }
        try rig.store.adoptTenants(
            [
                Tenant(
                    id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: [.label("owner=acme")])
            ], at: Instant(seconds: 0))
        try rig.add("/docker/", "a")
        #expect(try rig.row("a")?.tenant == "unattributed")
        try await rig.run([docker]) { rig in
            try await rig.tick("it has a name") { try rig.row("a")?.name == "web-a" }
            let row = try #require(try rig.row("a"))
            #expect(row.image == "nginx:1" && row.tenant == "acme")
            // What has a name is not asked for again.
            try rig.add("/docker/", "b")
            try await rig.tick("the next one has a name") { try rig.row("b")?.name == "web-b" }
            #expect(docker.asked == ["a", "b"])
            #expect(rig.lines.all.isEmpty)
        }
    }

    /// A runtime may not know a container yet, and is not asked for ever about one it never knows.
    @Test(arguments: [NameFinder.Answer.unknown, .unclear])
    func aContainerWithoutANameIsAskedForAFewTimes(answer: NameFinder.Answer) async throws {
        let docker = AskedRuntime("docker") { _, _ in answer }
        try rig.add("/docker/", "a")
        try await rig.run([docker]) { rig in
            for times in 1...5 {
                try await rig.tick("it is asked for") { docker.asked.count == times }
            }
            // The newer container is asked for first. Once it is asked for a second time, the round
            // before it is over.
            try rig.add("/docker/", "b")
            for times in 1...2 {
                try await rig.tick("the other is asked for") {
                    docker.asked.count { $0 == "b" } == times
                }
            }
            #expect(docker.asked.count { $0 == "a" } == 5)
            #expect(try rig.row("a")?.name == nil)
        }
    }

    @Test func aLateAnswerIsKept() async throws {
        let docker = AskedRuntime("docker") { _, times in
            times < 4
                ? .unclear
                : .found(ContainerDetails(name: "late", image: nil, labels: [:], namespace: nil))
        }
        try rig.add("/docker/", "a")
        try await rig.run([docker]) { rig in
            for times in 1...4 {
                try await rig.tick("it is asked for") { docker.asked.count == times }
            }
            try await eventuallyAside("it has a name") { try rig.row("a")?.name == "late" }
        }
    }

    /// One that hangs is asked one question and holds up no other.
    @Test func aSilentRuntimeIsAskedOneQuestion() async throws {
        let docker = AskedRuntime("docker") { _, _ in .silent }
        let podman = AskedRuntime("podman") { _, _ in .unclear }
        for letter in ["a", "b", "c"] { try rig.add("/docker/", letter) }
        try rig.add("/libpod_parent/libpod-", "d")
        try await rig.run([docker, podman]) { rig in
            for times in 1...3 {
                try await rig.tick("the other one is asked") { podman.asked.count == times }
            }
        }
        #expect(Set(docker.asked) == ["c"], "nobody waits for the same silence again")
        #expect(try rig.row("c")?.name == nil)
    }

    /// Only containers that a runtime can know are asked for, and no tenant root.
    @Test func whatNoRuntimeKnowsIsNotAskedFor() async throws {
        let (docker, cgroup) = (AskedRuntime("docker"), AskedRuntime("cgroup"))
        try rig.add("/tenants/", "a")
        try rig.add("/docker/", "b", role: .tenantRoot)
        try rig.add("/docker/", "c")
        try await rig.run([docker, cgroup]) { rig in
            for times in 1...2 {
                try await rig.tick("the container is asked for") { docker.asked.count == times }
            }
        }
        #expect(Set(docker.asked) == ["c"] && cgroup.asked.isEmpty)
    }

    @Test func aStoreThatFailsIsSaidAndTriedAgain() async throws {
        let docker = AskedRuntime("docker") { _, _ in
            .found(ContainerDetails(name: "web", image: nil, labels: [:], namespace: nil))
        }
        try rig.add("/docker/", "a")
        try await rig.run([docker]) { rig in
            try rename("container_detail", to: "away", in: rig.store)
            try await rig.tick("the fault is said") {
                rig.lines.count(of: "warning: the names of containers: ") == 1
            }
            #expect(docker.asked.isEmpty)
            try rename("away", to: "container_detail", in: rig.store)
            try await rig.tick("it has a name") { try rig.row("a")?.name == "web" }
            #expect(rig.lines.all.count == 1)
        }
    }
}

/// A store with containers of a made-up host, and the service that finds their names.
private final class NameRig: Sendable {
    let store: Store
    let lines = LogLines()
    private let folder: TemporaryFolder
    private let feed = TickFeed()
    /// The containers so far, by the letter of their ids.
    private let made = Mutex<[(path: String, role: FoundCgroup.Role)]>([])

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
    }

    /// Lets a collector find a container whose id is one letter, 64 times.
    func add(
        _ prefix: String, _ letter: String, role: FoundCgroup.Role = .container
    ) throws {
        let path = prefix + String(repeating: letter, count: 64)
        let all = made.withLock {
            $0.append((path, role))
            return $0
        }
        let kernel = FakeKernel()
        kernel.seconds = Int64(all.count)
        kernel.cgroups = all.enumerated().map { number, item in
            var cgroup = FakeKernel.Cgroup(item.path, id: Int64(number + 2), role: item.role)
            cgroup.texts = [.cpuStat: "usage_usec 5\n"]
            return cgroup
        }
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 1000, in: .utc)
        _ = try collector.tick()
    }

    func row(_ letter: String) throws -> ContainerRow? {
        try store.containers(all: false).first { $0.path.hasSuffix(letter) }
    }

    /// Lets a tick happen, and waits for what comes of it.
    func tick(_ what: String, _ condition: @escaping @Sendable () throws -> Bool) async throws {
        feed.send(isKept: true, at: 1)
        try await eventuallyAside(what, condition)
    }

    func run(_ runtimes: [AskedRuntime], _ test: (NameRig) async throws -> Void) async throws {
        let service = NameService(
            store: store, finder: NameFinder(runtimes), ticks: feed, logger: lines.logger)
        try await beside({ await service.run() }, { try await test(self) })
    }
}

/// A runtime that answers as a test says, and notes the last letter of what it is asked for.
private final class AskedRuntime: ContainerRuntime {
    let name: String
    private let notes = Mutex<[String]>([])
    private let answer: @Sendable (_ path: String, _ times: Int) -> NameFinder.Answer

    init(
        _ name: String,
        answer: @escaping @Sendable (String, Int) -> NameFinder.Answer = { _, _ in .unclear }
    ) {
        (self.name, self.answer) = (name, answer)
    }

    var asked: [String] { notes.withLock { $0 } }

    func details(of path: String) -> NameFinder.Answer {
        let times = notes.withLock { notes in
            notes.append(String(path.suffix(1)))
            return notes.count { $0 == String(path.suffix(1)) }
        }
        return answer(path, times)
    }
}
