import CgroupFS
import Foundation
import GRDB
import Host
import Logging
import Metering
import ServiceLifecycle
import Settings
import Store
import Synchronization
import TestSupport
import Testing
import Units

@testable import Daemon

/// The collector's loop over a plain folder, from its first tick to its last.
@Suite struct CollectorServiceTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let feed = TickFeed()
    private let reload = Reload()
    private let lines = LogLines()
    private let outcomes = Outcomes()

    /// What the collector told after each tick that was committed.
    private final class Outcomes: Sendable {
        private let told = Mutex<[TickOutcome]>([])
        var all: [TickOutcome] { told.withLock { $0 } }
        func add(_ outcome: TickOutcome) { told.withLock { $0.append(outcome) } }
    }

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        try set("web", cpu: 100)
    }

    private func set(_ path: String, cpu: Int) throws {
        try folder.write("usage_usec \(cpu)\n", to: "tree/\(path)/cpu.stat")
        try folder.write("1\n", to: "tree/\(path)/cgroup.procs")
    }

    /// A collector that ends at once, if nothing else is planned.
    private func service(_ change: (inout CollectorPlan) -> Void = { _ in }) -> CollectorService {
        var plan = CollectorPlan(Settings(), store: store, logger: lines.logger) { [outcomes] in
            outcomes.add($0)
        }
        (plan.rootPath, plan.runMilliseconds) = ("\(folder.path)/tree", 0)
        plan.intervalMilliseconds = 5
        change(&plan)
        return CollectorService(
            plan: plan, feed: feed, reload: reload,
            storage: StorageBoard(everyMilliseconds: 3_600_000))
    }

    /// Runs a collector without an end until a test lets it go.
    private func run(
        _ service: CollectorService, until test: @escaping @Sendable () async throws -> Void
    ) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                ], logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                defer { Task { await group.triggerGracefulShutdown() } }
                try await test()
            }
            try await tasks.waitForAll()
        }
    }

    private func rows(_ table: String) throws -> Int {
        try DatabaseQueue(path: store.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0
        }
    }

    @Test func aTimeThatIsOverAtOnceIsOneTick() async throws {
        try await service().run()
        #expect(outcomes.all.map(\.read) == [1])
        #expect(feed.latest.kept == 1 && feed.latest.lastKept > 0)
        #expect(try rows("tick") == 1 && lines.all.isEmpty)
        // The next one goes on in another run of the same store.
        try await service().run()
        #expect(feed.latest.kept == 2)
        #expect(try rows("tick") == 2 && rows("run") == 2 && rows("container") == 1)
    }

    /// A stop does not wait for the next deadline, and what was used until then is billed.
    @Test func aStopIsFollowedByALastReading() async throws {
        let folder = self.folder
        let (feed, before) = (feed, Host.wallTime())
        let service = service { plan in
            (plan.runMilliseconds, plan.intervalMilliseconds) = (nil, 86_400_000)
        }
        try await run(service) {
            try await eventuallyAside("the first tick was kept") { feed.latest.kept == 1 }
            try folder.write("usage_usec 350\n", to: "tree/web/cpu.stat")
        }
        #expect(outcomes.all.map(\.cpuMicroseconds).reduce(0, +) == 250)
        // Whatever month it is: from the one before the test to some after it.
        let start = Period(monthOf: before).start
        let period = try #require(
            Period(start: start, end: start.advanced(bySeconds: 100 * 86_400)))
        let usage = try store.usage(over: period, by: .container).filter { $0.meter == .cpu }
        #expect(usage.map(\.quantity) == [250] && usage.map(\.container) == ["/web"])
    }

    /// New settings are the collector's at its next tick; those of other services are theirs.
    @Test func settingsAreTakenOverOnce() async throws {
        var settings = Settings()
        settings.sampleRetentionMilliseconds = 3_600_000
        reload.set(settings)
        let feed = feed
        try await run(service { $0.runMilliseconds = nil }) {
            try await eventuallyAside("it has ticked again") { feed.latest.kept >= 3 }
        }
        #expect(reload.takeSettings() == nil)
        #expect(reload.takeEnforcement() != nil as EnforcementPlan??)
    }

    @Test func aLastTickThatWasNotKeptIsAFailure() async throws {
        try await DatabaseQueue(path: store.path).write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER full BEFORE INSERT ON tick
                    BEGIN SELECT raise(ABORT, 'full'); END
                    """)
        }
        await #expect(throws: Fault.self) { try await service().run() }
        #expect(feed.latest.kept == 0 && outcomes.all.isEmpty)
        #expect(lines.count(of: "error: ") == 1)
    }

    /// No later tick could be kept either, so it ends at once and says what happened.
    @Test func aStoreThatIsTakenAwayEndsIt() async throws {
        let file = store.path
        let service = service { plan in
            plan.runMilliseconds = nil
            plan.onTick = { _ in unlink(file) }
        }
        let fault = await #expect(throws: Fault.self) { try await service.run() }
        #expect(fault?.kind == .failed && fault?.location == file)
        #expect(feed.latest.kept == 1)
    }

    @Test func aSecondCollectorOfAStoreIsRefused() async throws {
        do {
            let lock = try CollectorLock(store: store.path)
            let fault = await #expect(throws: Fault.self) { try await service().run() }
            #expect(fault?.kind == .failed && fault?.suggestion.contains("--db") == true)
            #expect(try rows("run") == 0, "it has not begun to write")
            _ = consume lock
        }
        try await service().run()
        #expect(feed.latest.kept == 1)
    }

    @Test func aTreeThatIsNotThereIsUnavailable() async throws {
        let service = service { $0.rootPath = "/nowhere/at/all" }
        let fault = await #expect(throws: Fault.self) { try await service.run() }
        #expect(fault?.kind == .unavailable && fault?.location == "/nowhere/at/all")
        #expect(try rows("run") == 0)
        #expect(throws: Fault.self) { try requireTree("/nowhere/at/all") }
    }

    @Test func theTreeOfTheSettingsIsCollected() async throws {
        let path = "\(folder.path)/tree"
        let service = service { plan in
            plan.rootPath = nil
            plan.settings.cgroupRoot = path
        }
        try await service.run()
        #expect(outcomes.all.map(\.read) == [1])
    }

    @Test func whatIsNotMeteredIsWarnedOf() async throws {
        try folder.write("7\n", to: "tree/b.slice/cgroup.procs")
        try set("b.slice/web", cpu: 5)
        try await service().run()
        #expect(lines.all.count == 1)
        #expect(lines.all.first?.hasPrefix("warning: /b.slice: ") == true)
    }

    @Test func aRecordingIsMadeBeside() async throws {
        let file = "\(folder.path)/recording"
        try await service { $0.recording = file }.run()
        let replay = try ReplayKernel(file)
        #expect(replay.path.hasSuffix("/tree") && !replay.isKernel)
        #expect(replay.header.intervalMilliseconds == 5)
        #expect(try replay.advance())
        #expect(replay.survey(SurveyPlan(nesting: { _ in .many })).cgroups.map(\.path) == ["/web"])
        #expect(try !replay.advance() && replay.ticks == 1)
        // A recording is never written over, and nothing is metered without it.
        let fault = await #expect(throws: Fault.self) {
            try await service { $0.recording = file }.run()
        }
        #expect(fault?.kind == .unavailable && fault?.location == file)
        #expect(try rows("run") == 1)
    }
}
