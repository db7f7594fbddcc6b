import Store
import Settings

import Daemon

import App
import ArgumentParser

import Logging
import Reporting

import Units
import UnixSignals

/// `octroi collect`: runs a collector in the foreground (`Daemon.collect`).
///
/// Unlike the daemon, it changes no limits, and shows its progress on standard error.
struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Meter the containers of this host into the store.",
        discussion: """
            Reads the counters of every container and tenant root again and again (each time is \
            a tick), and stores the usage. A tenant root is a cgroup in which everything belongs \
            to one tenant. On SIGINT and SIGTERM it takes a last reading and ends. The next \
            collector continues where it left off, so a restart loses nothing.

            EXAMPLES
              octroi collect --interval 10s
              octroi collect --for 60s --db /tmp/try.db
            """)

    @OptionGroup var place: StoreOptions

    @Option(help: "How often to read. Default: 10s, or interval in octroi.yaml.")
    var interval: String?

    @Option(name: .customLong("for"), help: "End after this time. Default: run until stopped.")
    var duration: String?

    @Option(help: "A cgroup2 mount, or a folder with such files. Default: the host's mount.")
    var root: String?

    @Flag(help: "Trust the wall clock, even if it jumped since the last write to the store.")
    var trustClock = false

    func run() async throws {
        let length = try duration.map { text throws(Fault) in try milliseconds("--for", text) }
        let progress = Progress(isSteady: length != nil)
        var plan = try place.collectorPlan(
            root: root, interval: interval, length: length, onTick: progress.note)
        plan.trustsClock = trustClock
        try await Daemon.collect(plan)
        progress.finish()
    }
}

/// `octroi daemon`: runs the collector, the enforcement and the reload as one service
/// (`runDaemon`).
///
/// It is what config/octroi.service starts.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Meter, and enforce limits and budgets, until it is stopped.",
        discussion: """
            After every reading of the counters, the daemon compares the kernel's limits with \
            the desired ones, corrects them, and ends boosts whose time is over. Once a minute it \
            compares the tenants' spending with their budgets.

            Interval, store and cgroup_root come from octroi.yaml. SIGHUP (systemctl reload) \
            reads octroi.yaml again: retention, time_zone and enforcement apply from the next \
            tick, everything else from the next start. A file with a mistake changes nothing.

            If the clock jumps by more than a day, the daemon uses the new time only if NTP \
            keeps the clock, or after a SIGHUP. config/octroi.service is a unit file for systemd.

            EXAMPLE
              systemctl enable --now octroi
            """)

    @OptionGroup var place: StoreOptions

    func run() async throws {
        // SIGHUP is caught before the settings are read. A change of the file during the start then
        // still gets its reload.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        try refuseOpenFiles(in: place.configFolder)
        try await runDaemon(
            place.collectorPlan(), hangups: hangups, folder: place.configFolder)
    }
}

extension StoreOptions {
    /// The plan of a collector, from options and octroi.yaml.
    ///
    /// - Parameters:
    ///   - store: where to write; `nil` is the store that the options name.
    ///   - root: the cgroup tree; `nil` is that of octroi.yaml, else the host's.
    ///   - interval: the time between two ticks, as the user wrote it; `nil` is that of
    ///     octroi.yaml.
    ///   - length: when to end, in ms after the start; `nil` never ends.
    ///   - onTick: called after each tick.
    /// - Throws: `wrongUse` for a duration that is none; an error if the tree does not exist.
    func collectorPlan(
        store: Store? = nil, root: String? = nil, interval: String? = nil, length: Int64? = nil,
        onTick: @escaping @Sendable (TickOutcome) -> Void = { _ in }
    ) throws -> CollectorPlan {
        let app = app
        let settings = try app.settings()
        let every = try interval.map { text throws(Fault) in
            try milliseconds("--interval", text)
        }
        // Before the store is opened: a missing tree must not leave an empty store behind.
        try requireTree(root ?? settings.cgroupRoot)
        var plan = CollectorPlan(
            settings, store: try store ?? app.store(.write),
            logger: Logger(label: "octroi", factory: { HarmlessLog(label: $0) }), onTick: onTick)
        (plan.rootPath, plan.intervalMilliseconds, plan.runMilliseconds) = (root, every, length)
        return plan
    }
}
