import CgroupFS
import Host
import Logging
import Runtimes
import ServiceLifecycle
import Settings
import Store
import UnixSignals
import Units

/// What to collect, how often, for how long, and into which store.
public struct CollectorPlan: Sendable {
    /// The settings of octroi.yaml.
    public var settings: Settings
    /// The store to write to.
    public var store: Store
    /// The path of the cgroup tree; `nil` for the one in the settings, or else the host's.
    public var rootPath: String?
    /// The time between ticks, in ms; `nil` for the interval in the settings.
    public var intervalMilliseconds: Int64?
    /// How long to collect, in ms; `nil` for no end.
    public var runMilliseconds: Int64?
    /// The path of a file to record raw readings in; `nil` for none.
    public var recording: String?
    /// Whether the first tick trusts the wall clock, even if it has leapt since the last tick.
    public var trustsClock = false
    /// Receives warnings and errors.
    public var logger: Logger
    /// Called after each committed tick, on the collector's thread.
    public var onTick: @Sendable (TickOutcome) -> Void

    /// Creates a plan that follows the settings and has no end.
    public init(
        _ settings: Settings, store: Store, logger: Logger,
        onTick: @escaping @Sendable (TickOutcome) -> Void
    ) {
        (self.settings, self.store, self.logger) = (settings, store, logger)
        self.onTick = onTick
    }
}

/// Checks that a cgroup tree exists and can be read.
///
/// - Parameter path: `nil` for the host's.
/// - Throws: `unavailable` or `notPermitted`.
public func requireTree(_ path: String?) throws(Fault) { _ = try CgroupRoot(opening: path) }

/// Meters until the plan's time is over, or until SIGINT or SIGTERM; then it takes a last reading.
///
/// Limits and budgets are left alone.
///
/// - Throws: if it cannot start, or if the last tick could not be committed.
public func collect(_ plan: CollectorPlan) async throws {
    let (feed, reload) = (TickFeed(), Reload())
    try await run(
        [.init(service: names(plan, feed), successTerminationBehavior: .ignore)], plan, feed,
        reload)
}

/// Meters, and keeps limits and budgets, until SIGINT or SIGTERM.
///
/// After each committed tick it tells systemd that it is ready, with a status line (sd_notify(3)).
///
/// - Parameters:
///   - plan: its `onTick` is replaced.
///   - hangups: the signals at which octroi.yaml is read again.
///   - folder: the config folder.
/// - Throws: if it cannot start, or if the last tick could not be committed.
public func runDaemon(
    _ plan: CollectorPlan, hangups: UnixSignalsSequence, folder: String
) async throws {
    let (feed, reload) = (TickFeed(), Reload())
    var plan = plan
    plan.onTick = { outcome in
        let bad = reload.fault.map { "; the settings stay as they were: \($0)" } ?? ""
        let doubt = outcome.clockDoubt.map { "; \($0)" } ?? ""
        ServiceManager.ready(
            status: "\(outcome.read) cgroups read at \(outcome.moment.wall)\(doubt)\(bad)")
    }
    defer { ServiceManager.stopping() }
    let enforcer = EnforcementService(
        plan.settings.enforcementPlan,
        root: try CgroupRoot(opening: plan.rootPath ?? plan.settings.cgroupRoot).path,
        store: plan.store,
        intervalMilliseconds: plan.intervalMilliseconds ?? plan.settings.intervalMilliseconds,
        ticks: feed, reload: reload, logger: plan.logger)
    let reloading = ReloadService(
        hangups: hangups, folder: folder, reload: reload, logger: plan.logger)
    try await run(
        [
            .init(service: reloading, successTerminationBehavior: .ignore),
            .init(service: names(plan, feed), successTerminationBehavior: .ignore),
            .init(service: enforcer, successTerminationBehavior: .ignore),
        ], plan, feed, reload)
}

/// The service that finds names of containers in the plan's store.
private func names(_ plan: CollectorPlan, _ feed: TickFeed) -> NameService {
    NameService(store: plan.store, finder: NameFinder(), ticks: feed, logger: plan.logger)
}

/// Runs the collector and other services in one group, until the collector ends.
///
/// A group shuts its services down in reverse order. The collector is the last one here, so it
/// takes its last reading at once. The group waits only afterwards for answers of runtimes and
/// owners that the other services asked for.
///
/// - Parameter others: the services beside the collector.
private func run(
    _ others: [ServiceGroupConfiguration.ServiceConfiguration], _ plan: CollectorPlan,
    _ feed: TickFeed, _ reload: Reload
) async throws {
    if let words = try plan.store.keepDaySums(in: plan.settings.zone).words {
        plan.logger.notice("\(words)")
    }
    let every = plan.settings.storageEveryMilliseconds
    let earlier = try plan.store.storageReadings(at: Host.now())
    let board = StorageBoard(everyMilliseconds: every, earlier: earlier)
    let storage = StorageService(
        board, everyMilliseconds: every, earlier: earlier, ticks: feed, logger: plan.logger)
    let collector = CollectorService(plan: plan, feed: feed, reload: reload, storage: board)
    var quiet = plan.logger
    // The group logs each step of starting and stopping; only errors matter to an operator.
    quiet.logLevel = .error
    let group = ServiceGroup(
        configuration: .init(
            services: others + [
                .init(service: storage, successTerminationBehavior: .ignore),
                .init(
                    service: collector, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup),
            ],
            gracefulShutdownSignals: [.sigint, .sigterm], logger: quiet))
    try await group.run()
}
