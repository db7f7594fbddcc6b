import Host
import CLinux
import CgroupFS
import Foundation
import Logging
import Metering
import Runtimes
import ServiceLifecycle
import Store
import Units

/// The collecting loop: ticks at fixed deadlines until it is asked to stop.
public struct CollectorService: Service {
    public var store: Store
    /// The cgroup tree; `nil` is the host's mount.
    public var rootPath: String?
    public var intervalMilliseconds: Int64
    /// Ends by itself after this time; `nil` runs on.
    public var runMilliseconds: Int64?
    public var logger: Logger
    /// A file that takes the raw readings as well.
    public var recording: String?
    /// By whose hours usage is kept: those of the billing zone.
    public var zone = BillingZone.utc
    /// How long sealed samples are kept; `nil` is for ever.
    public var sampleRetentionMilliseconds: Int64?
    /// How limits and budgets are enforced; `nil` only meters.
    public var enforcement: Enforcement?
    /// Whether the wall clock is right, wherever it has leapt since the store was written to.
    public var trustsClock = false
    /// What may be taken over while it runs; `nil` is nothing.
    public var reload: Reload?
    /// Who is asked what containers are called.
    public var names = NameFinder()
    /// Called after every tick, for progress.
    public var onTick: @Sendable (TickOutcome) -> Void

    public init(
        store: Store, rootPath: String?, intervalMilliseconds: Int64, runMilliseconds: Int64?,
        logger: Logger, recording: String? = nil,
        onTick: @escaping @Sendable (TickOutcome) -> Void
    ) {
        self.recording = recording
        (self.store, self.rootPath) = (store, rootPath)
        (self.intervalMilliseconds, self.runMilliseconds) = (intervalMilliseconds, runMilliseconds)
        (self.logger, self.onTick) = (logger, onTick)
    }

    /// Runs until stopped, then takes one last reading.
    ///
    /// - Throws: if it cannot start, if the last tick could not be kept, or as soon as its store is taken away,
    ///   replaced or emptied.
    public func run() async throws {
        let stop = clinux_event()
        defer { close(stop) }
        try await withGracefulShutdownHandler {
            try await withCheckedThrowingContinuation { continuation in
                // A thread of its own: it waits in the kernel, which no shared thread may do.
                Thread.detachNewThread {
                    continuation.resume(with: Result { try collect(until: stop) })
                }
            }
        } onGracefulShutdown: {
            _ = clinux_event_signal(stop)
        }
    }

    private func collect(until stop: Int32) throws(Fault) {
        let lock = try CollectorLock(store: store.path)
        let kernel = try LiveKernel(root: CgroupRoot(opening: rootPath))
        if let recording {
            let recorder = try RecordingKernel(
                kernel, into: recording, tenants: store.tenants(),
                intervalMilliseconds: intervalMilliseconds)
            try collect(from: recorder, kernel.tree, until: stop)
            try recorder.finish()
        } else {
            try collect(from: kernel, kernel.tree, until: stop)
        }
        _ = consume lock
    }

    private func collect<Source: KernelSource>(
        from source: Source, _ tree: CgroupTree, until stop: Int32
    ) throws(Fault) {
        let committer = Committer(store: store)
        let names = NameService(store: store, finder: names, logger: logger)
        tree.stop(at: stop, wakeAt: committer.done)
        let enforcer =
            enforcement == nil && reload == nil
            ? nil
            : EnforcementService(
                enforcement, root: source.path, store: store,
                intervalMilliseconds: intervalMilliseconds, logger: logger)
        defer { enforcer?.stop() }
        var collector = try Collector(
            source: source, store: store, intervalMilliseconds: intervalMilliseconds, in: zone)
        if trustsClock { collector.trustClock() }
        let start = Host.now().bootMicroseconds
        let last = runMilliseconds.map { start + $0 * 1000 }
        var told: Set<String> = []
        var clock = SteadyClock()
        var retention = sampleRetentionMilliseconds
        var failed = tick(&collector, tree, committer)
        try requireStore(failed)
        names.wake()
        enforcer?.wake(isKept: failed == nil)
        while true {
            for shortage in tree.shortages where told.insert(shortage).inserted {
                logger.warning("\(shortage)")
            }
            let now = Host.now()
            if let last, now.bootMicroseconds >= last { break }
            // A late tick is skipped, never queued: deadlines lie on a fixed raster.
            let interval = intervalMilliseconds * 1000
            let deadline = start + ((now.bootMicroseconds - start) / interval + 1) * interval
            let wake = min(deadline, last ?? deadline, nextHour(now, in: collector.zone))
            var end = tree.follow(until: wake)
            // A commit's late signal is no deadline.
            while end == .woken {
                committer.clear()
                end = tree.follow(until: wake)
            }
            let isStopped = end == .stopped
            failed = tick(&collector, tree, committer)
            try requireStore(failed)
            if isStopped { break }
            names.wake()
            if let wish = reload?.take() {
                retention = wish.sampleRetentionMilliseconds
                enforcer?.change(wish.enforcement)
                collector.zone = wish.zone
                // Somebody has looked at it.
                collector.trustClock()
            }
            enforcer?.wake(isKept: failed == nil)
            if clock.isSteady(collector.epoch, at: now) {
                prune(retention, at: collector.filed(now), committer)
            }
        }
        if let failed { throw failed }
    }

    /// Ends where no later tick could be kept, either: in a store that is not there any more.
    private func requireStore(_ failed: Fault?) throws(Fault) {
        guard failed != nil, let lost = store.lost else { return }
        if let log = store.putLogAway() {
            logger.error("what was written last into the store that was replaced is in \(log)")
        }
        throw lost
    }

    /// Lets old samples go, a part after each tick.
    private func prune(_ retention: Int64?, at now: Moment, _ committer: Committer) {
        guard let retention else { return }
        let wall = now.wall.milliseconds - retention
        committer.prune(before: Instant(milliseconds: wall)) { logger.error("\($0)") }
    }

    /// One tick: read here, committed on the committer's thread while this one follows events.
    ///
    /// A fault is logged and handed back; the counters are still there next time.
    private func tick<Source: KernelSource>(
        _ collector: inout Collector<Source>, _ tree: CgroupTree, _ committer: Committer
    ) -> Fault? {
        do throws(Fault) {
            let tick = try collector.read()
            committer.begin(tick.record, of: collector.run)
            while !committer.isDone {
                let end = tree.follow(until: Host.now().bootMicroseconds + 50_000)
                if end == .stopped { committer.wait() }
            }
            let outcome = collector.keep(tick, try committer.end())
            // Paths may be as long as a page.
            for failure in outcome.failures {
                logger.warning("cannot enter \(shortened("\(failure)", to: 800))")
            }
            for anomaly in outcome.anomalies { logger.warning("\(shortened(anomaly, to: 800))") }
            onTick(outcome)
            return nil
        } catch {
            logger.error("\(error)")
            return error
        }
    }

    /// The end of the ledger's current hour, in µs after boot: usage is read there, so that it need not
    /// be split by time.
    private func nextHour(_ now: Moment, in zone: BillingZone) -> Int64 {
        let next = zone.ledgerHour(of: now.wall).end
        return now.bootMicroseconds + (next.milliseconds - now.wall.milliseconds) * 1000
    }
}

/// Whether the wall clock can be trusted to say how old a sample is: a clock that jumped ahead by years
/// must not let all of them go before it is set right.
private struct SteadyClock {
    private var epoch: Int64?
    private var since: Int64 = 0

    /// True once there was no step for an hour.
    mutating func isSteady(_ epoch: Int64, at now: Moment) -> Bool {
        if self.epoch != epoch { (self.epoch, since) = (epoch, now.bootMicroseconds) }
        return now.bootMicroseconds - since > 3_600_000_000
    }
}
