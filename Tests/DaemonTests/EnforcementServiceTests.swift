import CgroupFormat
import Foundation
import Limits
import Metering
import Settings
import Store
import TestSupport
import Testing
import Units

@testable import Daemon

/// Limits of a plain folder, as the daemon keeps them after each tick.
@Suite struct EnforcementServiceTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let feed = TickFeed()
    private let reload = Reload()
    private let lines = LogLines()

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.root("/acme")])
        var contract = Contract(tenants: [acme], books: nil)
        contract.limits = [
            GrantedLimits(tenant: "acme", settings: [.pidsMax: .number(.at(50))], drift: .reassert)
        ]
        _ = try store.apply(contract, isPlan: false, at: Instant(seconds: 0))
    }

    private static let plan = EnforcementPlan(zone: .utc, budgetsEveryMilliseconds: 60_000)

    private func make() throws {
        for (file, text) in [("pids.max", "max"), ("pids.current", "3"), ("cgroup.procs", "")] {
            try folder.write(text + "\n", to: "tree/acme/\(file)")
        }
    }

    /// Lets the service see one tick.
    private func tick() { feed.send(isKept: true, at: 1) }

    private func run(
        _ plan: EnforcementPlan?, _ store: Store? = nil, _ test: () async throws -> Void
    ) async throws {
        let service = EnforcementService(
            plan, root: "\(folder.path)/tree", store: store ?? self.store,
            intervalMilliseconds: 1000, ticks: feed, reload: reload, logger: lines.logger)
        try await beside({ await service.run() }, test)
    }

    /// Waits until the tenant's limit has a value.
    private func limit(is value: String) async throws {
        let path = "\(folder.path)/tree/acme/pids.max"
        try await eventuallyAside("pids.max is \(value)") {
            try String(contentsOfFile: path, encoding: .utf8)
                .trimmingCharacters(in: .newlines) == value
        }
    }

    private func said(_ text: String) async throws {
        try await eventuallyAside("it says \(text)") { [lines] in lines.count(of: text) > 0 }
    }

    @Test func aTickSetsWhatIsGrantedAndWhatDrifted() async throws {
        try make()
        try await run(Self.plan) {
            tick()
            try await limit(is: "50")
            // A change is written, read back and then recorded.
            try await eventuallyAside("it is recorded") { [store] in
                try !store.limitHistory().isEmpty
            }
            try folder.write("9\n", to: "tree/acme/pids.max")
            tick()
            try await said("found 9")
            try await limit(is: "50")
            #expect(lines.count(of: "error: ") == 0)
        }
    }

    /// A look that fails is made up for by a later one, with new connections.
    @Test func aTreeThatIsNotThereYetIsSaidAndTriedAgain() async throws {
        try await run(Self.plan) {
            tick()
            try await said("error: limits: \(folder.path)/tree")
            try make()
            tick()
            try await limit(is: "50")
        }
    }

    /// The plan changes with the settings, in both directions.
    @Test func aReloadBeginsAndEndsIt() async throws {
        try make()
        var settings = Settings()
        try await run(nil) {
            reload.set(settings)
            tick()
            try await said("notice: limits are enforced")
            try await limit(is: "50")
            settings.enforcement.isOn = false
            reload.set(settings)
            tick()
            try await said("notice: limits are no longer enforced")
            try folder.write("9\n", to: "tree/acme/pids.max")
            tick()
        }
        #expect(lines.count(of: "limits are no longer enforced") == 1)
        #expect(
            try String(contentsOfFile: "\(folder.path)/tree/acme/pids.max", encoding: .utf8)
                == "9\n")
    }

    /// A store that was taken away decides no limit, and ends only this service's work.
    @Test func aStoreThatIsGoneEndsItWithAWord() async throws {
        try make()
        try folder.remove("octroi.db")
        try await run(Self.plan) {
            tick()
            try await said("error: limits: ")
            for _ in 0..<3 { tick() }
        }
        #expect(lines.all.count == 1 && lines.count(of: "octroi.db") == 1)
        #expect(
            try String(contentsOfFile: "\(folder.path)/tree/acme/pids.max", encoding: .utf8)
                == "max\n")
    }

    /// Of two copies of a store, only the one that belongs to this host and file writes limits.
    @Test func aCopySetsNothingUntilItIsAdopted() async throws {
        try make()
        let path = "\(folder.path)/copy.db"
        try store.backup(to: path)
        let copy = try Store(at: path, for: .write)
        try await run(Self.plan, copy) {
            tick()
            try await said("warning: limits: \(path): ")
            #expect(lines.count(of: "octroi store adopt") == 1)
            #expect(
                try String(contentsOfFile: "\(folder.path)/tree/acme/pids.max", encoding: .utf8)
                    == "max\n")
            _ = try copy.adopt(at: Instant(seconds: 9))
            tick()
            try await limit(is: "50")
            #expect(lines.count(of: "octroi store adopt") == 1, "it is said once")
        }
    }
}
