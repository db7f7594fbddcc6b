import GRDB
import Logging
import Metering
import Store
import Synchronization
import TestKernel
import TestSupport
import Testing
import Units

@testable import Daemon

/// Folders whose space is billed: the board, the service and the accounts in the ledger.
@Suite struct StorageTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let kernel = FakeKernel()
    private let board = StorageBoard(everyMilliseconds: 3_600_000)

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        try apply([("acme", ["/srv/acme"])])
    }

    private func apply(_ tenants: [(id: String, folders: [String])]) throws {
        let tenants = tenants.map {
            Tenant(
                id: $0.id, name: $0.id, priceBook: nil, invoiceTo: InvoiceAddress(),
                match: $0.folders.map(Rule.storage))
        }
        // The collector looks at tenants again once another connection has written.
        _ = try Store(at: store.path, for: .write).apply(
            Contract(tenants: tenants, books: nil), isPlan: false, at: kernel.now().wall)
    }

    private func collector() throws -> Collector<FakeKernel> {
        try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc, storage: board)
    }

    /// The measurement of a folder at the kernel's time.
    private func post(_ bytes: Int64?, _ path: String = "/srv/acme", _ absence: Absence? = nil) {
        board.post(
            StorageReading(
                path, bytes: bytes, absence: absence, by: .walk, at: kernel.now().bootMicroseconds))
    }

    /// Byte-seconds so far, by tenant and account.
    private func used() throws -> [String: Int128] {
        try store.usage(over: Period(monthOf: kernel.now().wall), by: .container).reduce(into: [:])
        {
            if $1.meter == .storage {
                $0["\($1.tenant ?? "-") \($1.container ?? "-")", default: 0] += $1.quantity
            }
        }
    }

    @Test func aFolderIsAnAccountOfItsTenant() throws {
        var collector = try collector()
        _ = try collector.tick()
        // Nobody has measured it yet.
        #expect(try store.containers(all: true).isEmpty)
        post(1000)
        for second in [10, 20, 30] as [Int64] {
            kernel.seconds = second
            _ = try collector.tick()
        }
        post(3000)
        kernel.seconds = 40
        _ = try collector.tick()
        // 1000 bytes for 20 s, then 2000 on average for 10 s.
        #expect(try used() == ["acme storage:/srv/acme": 40_000])
        let account = try #require(try store.containers(all: false).first)
        #expect(account.tenant == "acme" && account.runtime == "storage")
        // Each measurement is kept once.
        let kept = try store.storageReadings(at: kernel.now())
        #expect(kept.map(\.bytes) == [3000])
        let count = try DatabaseQueue(path: store.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM storage_reading")
        }
        #expect(count == 2)
        #expect(try store.verify().damage == [] && store.verify().daySums == nil)
    }

    @Test func aRestartGoesOnExactly() throws {
        do {
            var collector = try collector()
            _ = try collector.tick()
            post(999)
            _ = try collector.tick()
            kernel.seconds = 7
            _ = try collector.tick()
        }
        kernel.seconds = 14
        let earlier = try store.storageReadings(at: kernel.now())
        let again = StorageBoard(everyMilliseconds: 3_600_000, earlier: earlier)
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 10_000, in: .utc, storage: again)
        _ = try collector.tick()
        #expect(try used() == ["acme storage:/srv/acme": 999 * 14])
        #expect(try store.containers(all: true).count == 1)
    }

    @Test func aFolderThatIsNoLongerNamedEnds() throws {
        try apply([("acme", ["/srv/acme", "/srv/more"])])
        var collector = try collector()
        _ = try collector.tick()
        post(100)
        post(7, "/srv/more")
        _ = try collector.tick()
        kernel.seconds = 10
        _ = try collector.tick()
        try apply([("acme", ["/srv/more"])])
        kernel.seconds = 20
        _ = try collector.tick()
        kernel.seconds = 30
        _ = try collector.tick()
        #expect(
            try used() == ["acme storage:/srv/acme": 1000, "acme storage:/srv/more": 7 * 30])
        #expect(try store.containers(all: false).map(\.path) == ["storage:/srv/more"])
        // The same folder again is a new account with a number of its own.
        try apply([("acme", ["/srv/acme", "/srv/more"])])
        _ = try collector.tick()
        post(50)
        _ = try collector.tick()
        let numbers = try store.containers(all: true).map(\.cgroupID)
        #expect(numbers.count == 3 && numbers.allSatisfy { $0 < 0 })
        #expect(Set(try store.containers(all: false).map(\.cgroupID)).count == 2)
    }

    @Test func whatCannotBeMeasuredIsSaid() throws {
        var collector = try collector()
        _ = try collector.tick()
        post(100)
        _ = try collector.tick()
        kernel.seconds = 10
        post(nil, "/srv/acme", Absence(.notPermitted, detail: "Permission denied"))
        _ = try collector.tick()
        kernel.seconds = 20
        _ = try collector.tick()
        #expect(try store.containers(all: false).first?.absent == ["storage: not_permitted"])
        kernel.seconds = 30
        post(200)
        _ = try collector.tick()
        kernel.seconds = 40
        _ = try collector.tick()
        #expect(try store.containers(all: false).first?.absent == [])
        // Nothing is guessed for the time in between.
        #expect(try used() == ["acme storage:/srv/acme": 2000])
    }

    /// Three times `every` is the age at which a measurement says nothing of the present.
    @Test func anOldMeasurementDoesNotCount() throws {
        _ = board.readings(of: ["/srv/acme"], at: kernel.now())
        post(100)
        let limit = 3 * 3_600_000 as Int64
        for (age, bytes) in [(limit, 100), (limit + 1, nil)] as [(Int64, Int64?)] {
            let now = Moment(wall: kernel.now().wall, bootMicroseconds: age * 1000)
            let reading = try #require(board.readings(of: ["/srv/acme"], at: now).first)
            #expect(reading.bytes == bytes && (reading.absence == nil) == (bytes != nil))
        }
    }

    @Test(arguments: [["/srv/acme"], ["/srv/acme/www"], ["/srv"]])
    func spaceInTwoFoldersIsRefused(other: [String]) throws {
        #expect(throws: Fault.self) { try apply([("acme", ["/srv/acme"]), ("shop", other)]) }
        try apply([("acme", ["/srv/acme"]), ("shop", ["/srv/acme2"])])
    }

    /// No rule for cgroups may claim a folder, and no rule for a folder a cgroup.
    @Test func aRuleForPathsMatchesNoFolder() {
        let account = ContainerFacts(path: "storage:/srv/acme")
        for rule: Rule in [.cgroup("/**"), .root("/srv"), .unit("*.service"), .cgroup("/srv/acme")]
        {
            #expect(!rule.matches(account))
        }
        #expect(Rule.storage("/srv/acme").matches(account))
        #expect(!Rule.storage("/srv/acme").matches(ContainerFacts(path: "/srv/acme")))
        #expect(!Rule.storage("/srv").matches(account))
    }

    @Test(arguments: ["srv", "/", "", "/srv/", "/srv/../etc", "/a//b", "/a\nb", "/./a"])
    func aPatternThatIsNoFolderIsRefused(pattern: String) {
        #expect(Rule.storage(pattern).suggestion != nil)
    }

    /// The count of a project is that of all its folders, so it is nobody's alone.
    @Test func aSharedCountIsNotBilled() {
        let (a, b) = (
            StorageService.Project(device: 1, id: 42), StorageService.Project(device: 2, id: 42)
        )
        let failed = StorageService.Count.failed(Absence(.failed, detail: "gone"))
        let counts: [(folder: String, count: StorageService.Count)] = [
            ("/a", .project(a, bytes: 10)), ("/b", .none), ("/c", .project(a, bytes: 10)),
            ("/d", .project(b, bytes: 7)), ("/e", failed),
        ]
        let own = StorageService.unshared(counts)
        #expect(own.map(\.folder) == ["/a", "/b", "/c", "/d", "/e"])
        #expect(own.map(\.count) == [.none, .none, .none, .project(b, bytes: 7), failed])
    }

    /// The service measures what the collector wants, and again only when it is due.
    @Test func theServiceMeasuresWhatIsDue() async throws {
        let path = "\(folder.path)/acme"
        try folder.write(String(repeating: "x", count: 10_000), to: "acme/a")
        let time = Atomic<Int64>(1_000_000_000)
        let moment: @Sendable () -> Moment = {
            let now = time.load(ordering: .relaxed)
            return Moment(wall: Instant(milliseconds: now / 1000), bootMicroseconds: now)
        }
        let service = StorageService(
            board, everyMilliseconds: 3_600_000, ticks: TickFeed(), logger: Logger(label: "test"),
            clock: moment)
        /// What the board says after a look.
        func look() async -> StorageReading? {
            _ = board.readings(of: [path], at: moment())
            await service.measure()
            return board.readings(of: [path], at: moment()).first
        }
        let first = try #require(await look())
        #expect(try #require(first.bytes) >= 10_000 && first.method == .walk)
        try folder.write(String(repeating: "x", count: 900_000), to: "acme/b")
        time.add(3_599_000_000, ordering: .relaxed)
        #expect(await look() == first)
        time.add(1_000_000, ordering: .relaxed)
        #expect(try #require(await look()?.bytes) >= 910_000)
        // A folder that is gone is not measured, and is looked for again after a minute.
        try folder.remove("acme")
        time.add(3_600_000_000, ordering: .relaxed)
        #expect(await look()?.absence?.reason == .failed)
        try folder.write("x", to: "acme/a")
        time.add(60_000_000, ordering: .relaxed)
        #expect(await look()?.bytes != nil)
    }
}
