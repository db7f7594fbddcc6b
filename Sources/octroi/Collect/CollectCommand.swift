import Store
import Settings
import Runtimes
import Daemon
import CgroupFS
import App
import ArgumentParser
import Glibc
import Logging
import Reporting
import ServiceLifecycle
import Synchronization
import Units
import UnixSignals

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Meter the containers of this host into the store.",
        discussion: """
            Reads the counters of every container and tenant root, and writes them in one \
            transaction a tick. On SIGINT and SIGTERM it takes a last reading and ends. The next \
            collector continues where it left off, so a restart loses nothing.

            EXAMPLES
              octroi collect --interval 10s
              octroi collect --for 60s --db /tmp/try.db
            """)

    @OptionGroup var place: StoreOptions

    @Option(help: "How often to read. Default: 10s, or interval in octroi.yaml.")
    var interval: String?

    @Option(name: .customLong("for"), help: "End after this time. Default: run on.")
    var duration: String?

    @Option(help: "A cgroup2 mount, or a folder with the same files. Default: the host's mount.")
    var root: String?

    @Flag(help: "The clock is right, though it has leapt since the store was last written to.")
    var trustClock = false

    func run() async throws {
        let length = try duration.map { text throws(Fault) in try milliseconds("--for", text) }
        let progress = Progress(isSteady: length != nil)
        try await runCollector(
            place, interval: interval, root: root, length: length, trustsClock: trustClock,
            onTick: progress.note)
        progress.finish()
    }
}

struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Meter, and keep limits and budgets, until told to stop.",
        discussion: """
            After every tick the daemon compares the kernel's limits with those that are wanted, \
            and ends boosts whose time is over. Once a minute it compares the tenants' spending \
            with their budgets.

            Interval, store and cgroup_root come from octroi.yaml. SIGHUP (systemctl reload) \
            reads octroi.yaml again: retention, time_zone and enforcement apply from the next \
            tick, everything else from the next start. A file with a mistake changes nothing.

            If the clock jumps by more than a day, the daemon trusts it only if NTP keeps it, or \
            after a SIGHUP. config/octroi.service is a unit file for systemd.

            EXAMPLE
              systemctl enable --now octroi
            """)

    @OptionGroup var place: StoreOptions

    func run() async throws {
        // Before anything of the settings is read: what changes from here on is asked for again.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        try refuseOpenFiles(in: place.configFolder)
        try await runCollector(
            place, interval: nil, root: nil, length: nil, hangups: hangups
        ) { outcome in
            let bad = badSettings.withLock { $0.map { "; the settings stay as they were: \($0)" } }
            let doubt = outcome.clockDoubt.map { "; \($0)" } ?? ""
            ServiceManager.ready(
                status: "\(outcome.read) cgroups read at \(outcome.moment.wall)\(doubt)\(bad ?? "")"
            )
        }
        ServiceManager.stopping()
    }
}

/// What was wrong with the settings when they were last read again, for the status; `nil` is nothing.
private let badSettings = Mutex<String?>(nil)

/// Takes over settings at each SIGHUP; what is wrong with them ends nothing.
private func follow(
    _ hangups: UnixSignalsSequence, _ reload: Reload, folder: String, _ logger: Logger
) async {
    for await _ in hangups {
        do throws(Fault) {
            try refuseOpenFiles(in: folder)
            let settings = try Settings(folder: folder)
            reload.ask(
                Reload.Wish(
                    sampleRetentionMilliseconds: settings.sampleRetentionMilliseconds,
                    zone: settings.zone, enforcement: enforcement(settings)))
            badSettings.withLock { $0 = nil }
            logger.notice(
                "octroi.yaml was read again; interval, store and cgroup_root count at the next start"
            )
        } catch {
            badSettings.withLock { $0 = "\(error)" }
            logger.error("the settings stay as they were: \(error)")
        }
    }
}

private func enforcement(_ settings: Settings) -> Enforcement? {
    guard settings.enforcement.isOn else { return nil }
    return Enforcement(
        zone: settings.zone,
        budgetsEveryMilliseconds: settings.enforcement.budgetsEveryMilliseconds)
}

/// Runs the collecting loop until it ends by itself or by a signal.
///
/// - Parameters:
///   - store: where to write; default: the store of `place`.
///   - recording: a file that takes the raw readings as well.
///   - trustsClock: whether the clock is right, wherever it has leapt.
///   - hangups: what asks to read the settings again, if limits and budgets are kept, too.
func runCollector(
    _ place: StoreOptions, interval: String?, root: String?, length: Int64?,
    store: Store? = nil, recording: String? = nil, hangups: UnixSignalsSequence? = nil,
    trustsClock: Bool = false,
    onTick: @escaping @Sendable (TickOutcome) -> Void
) async throws {
    let settings = try place.app.settings()
    let every = try interval.map { text throws(Fault) in
        try milliseconds("--interval", text)
    }
    let rootPath = root ?? settings.cgroupRoot
    // A missing tree is found out before a store is made for it.
    _ = try CgroupRoot(opening: rootPath)
    let logger = Logger(label: "octroi", factory: { HarmlessLog(label: $0) })
    var service = CollectorService(
        store: try store ?? place.app.store(.write), rootPath: rootPath,
        intervalMilliseconds: every ?? settings.intervalMilliseconds,
        runMilliseconds: length, logger: logger, recording: recording,
        onTick: onTick)
    service.sampleRetentionMilliseconds = settings.sampleRetentionMilliseconds
    service.zone = settings.zone
    service.trustsClock = trustsClock
    var listener: Task<Void, Never>?
    if let hangups {
        let reload = Reload()
        (service.enforcement, service.reload) = (enforcement(settings), reload)
        let folder = place.configFolder
        listener = Task { await follow(hangups, reload, folder: folder, logger) }
    }
    defer { listener?.cancel() }
    var quiet = logger
    quiet.logLevel = .error
    let group = ServiceGroup(
        configuration: .init(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup)
            ],
            gracefulShutdownSignals: [.sigint, .sigterm], logger: quiet))
    try await group.run()
}
