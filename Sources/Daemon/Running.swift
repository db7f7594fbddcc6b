import CgroupFS
import Logging
import Runtimes
import ServiceLifecycle
import Settings
import Store
import UnixSignals
import Units

/// What a collector is told.
public struct CollectorPlan: Sendable {
    public var settings: Settings
    public var store: Store
    /// The cgroup tree; `nil` for that of the settings, else the host's.
    public var rootPath: String?
    /// How often to read, in ms; `nil` for the interval of the settings.
    public var intervalMilliseconds: Int64?
    /// When to end by itself, in ms; `nil` runs on.
    public var runMilliseconds: Int64?
    /// A file that takes the raw readings as well.
    public var recording: String?
    /// Whether the clock is right, wherever it has leapt since the store was last written to.
    public var trustsClock = false
    public var logger: Logger
    /// Called after each tick, for progress.
    public var onTick: @Sendable (TickOutcome) -> Void

    public init(
        _ settings: Settings, store: Store, logger: Logger,
        onTick: @escaping @Sendable (TickOutcome) -> Void
    ) {
        (self.settings, self.store, self.logger) = (settings, store, logger)
        self.onTick = onTick
    }
}

/// Refuses a cgroup tree that is not there.
///
/// - Parameter path: `nil` for the host's.
public func requireTree(_ path: String?) throws(Fault) { _ = try CgroupRoot(opening: path) }

/// Meters until its time is over, or until SIGINT or SIGTERM; then it takes a last reading.
///
/// - Throws: if it cannot start, or if the last tick could not be kept.
public func collect(_ plan: CollectorPlan) async throws {
    let (feed, reload) = (TickFeed(), Reload())
    try await run(
        [.init(service: names(plan, feed), successTerminationBehavior: .ignore)], plan, feed,
        reload)
}

/// Meters and keeps limits and budgets, until SIGINT or SIGTERM.
///
/// - Parameters:
///   - hangups: the signals at which octroi.yaml is read again.
///   - folder: the config folder.
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

private func names(_ plan: CollectorPlan, _ feed: TickFeed) -> NameService {
    NameService(store: plan.store, finder: NameFinder(), ticks: feed, logger: plan.logger)
}

/// Runs services beside the collector.
///
/// Services end in the opposite order: the collector takes its last reading at once, and what an owner still answers
/// is waited for after it.
private func run(
    _ others: [ServiceGroupConfiguration.ServiceConfiguration], _ plan: CollectorPlan,
    _ feed: TickFeed, _ reload: Reload
) async throws {
    let collector = CollectorService(plan: plan, feed: feed, reload: reload)
    var quiet = plan.logger
    quiet.logLevel = .error
    let group = ServiceGroup(
        configuration: .init(
            services: others + [
                .init(
                    service: collector, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup)
            ],
            gracefulShutdownSignals: [.sigint, .sigterm], logger: quiet))
    try await group.run()
}
