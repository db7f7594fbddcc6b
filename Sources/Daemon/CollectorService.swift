import Settings
import CLinux
import CgroupFS
import Glibc
import Host
import Logging
import Metering
import ServiceLifecycle
import Store
import Units

/// The service that collects: it ticks at fixed deadlines until it is asked to stop.
struct CollectorService: Service {
    /// What to collect, and how often.
    let plan: CollectorPlan
    /// Tells the other services of each tick.
    let feed: TickFeed
    /// Brings settings that were read again.
    let reload: Reload
    /// Has the measurements of folders.
    let storage: StorageBoard

    private var store: Store { plan.store }
    private var logger: Logger { plan.logger }
    /// The time between two deadlines.
    private var intervalMilliseconds: Int64 {
        plan.intervalMilliseconds ?? plan.settings.intervalMilliseconds
    }

    /// Collects until the services shut down, then takes a last reading.
    ///
    /// - Throws: if it cannot start, if the last tick could not be committed, or as soon as its
    ///   store is removed, replaced or emptied.
    func run() async throws {
        let stop = clinux_event()
        defer { close(stop) }
        try await withGracefulShutdownHandler {
            try await BlockingRunner("collect").run { try collect(until: stop) }
        } onGracefulShutdown: {
            _ = clinux_event_signal(stop)
        }
    }

    /// Opens the cgroup tree and collects from it, through a recorder if the plan asks for one.
    ///
    /// - Parameter stop: an eventfd that becomes readable when it is time to stop.
    private func collect(until stop: Int32) throws(Fault) {
        let lock = try CollectorLock(store: store.path)
        let kernel = try LiveKernel(
            root: CgroupRoot(opening: plan.rootPath ?? plan.settings.cgroupRoot))
        if let recording = plan.recording {
            let recorder = try RecordingKernel(
                kernel, into: recording, tenants: store.tenants(),
                intervalMilliseconds: intervalMilliseconds)
            try collect(from: recorder, kernel.tree, until: stop)
            try recorder.finish()
        } else {
            try collect(from: kernel, kernel.tree, until: stop)
        }
        // The lock is held up to here, so that no other collector starts before the last tick.
        _ = consume lock
    }

    /// The loop: waits for a deadline, an hour's end or the stop, and ticks.
    ///
    /// The first tick comes at once, and the last one after the stop.
    ///
    /// - Parameters:
    ///   - source: the kernel, or a recorder in front of it.
    ///   - tree: the kernel's tree, whose events are followed between ticks.
    private func collect<Source: KernelSource>(
        from source: Source, _ tree: CgroupTree, until stop: Int32
    ) throws(Fault) {
        let committer = Committer(store: store)
        tree.stop(at: stop, wakeAt: committer.done)
        var collector = try Collector(
            source: source, store: store, intervalMilliseconds: intervalMilliseconds,
            in: plan.settings.zone, storage: storage)
        if plan.trustsClock { collector.trustClock() }
        let start = Host.now().bootMicroseconds
        let last = plan.runMilliseconds.map { start + $0 * 1000 }
        var told: Set<String> = []
        var clock = SteadyClock()
        var retention = plan.settings.sampleRetentionMilliseconds
        var failed = tick(&collector, tree, committer)
        try requireStore(failed)
        feed.send(isKept: failed == nil, at: Host.now().bootMicroseconds)
        while true {
            for shortage in tree.shortages where told.insert(shortage).inserted {
                logger.warning("\(shortage)")
            }
            let now = Host.now()
            if let last, now.bootMicroseconds >= last { break }
            // Deadlines are multiples of the interval after the start. A deadline that has passed
            // is skipped, not made up for.
            let interval = intervalMilliseconds * 1000
            let deadline = start + ((now.bootMicroseconds - start) / interval + 1) * interval
            let wake = min(deadline, last ?? deadline, nextHour(now, in: collector.zone))
            var end = tree.follow(until: wake)
            // The signal of an earlier commit may arrive late. It is not a deadline.
            while end == .woken {
                committer.clear()
                end = tree.follow(until: wake)
            }
            let isStopped = end == .stopped
            failed = tick(&collector, tree, committer)
            try requireStore(failed)
            if isStopped { break }
            if let settings = reload.takeSettings() {
                retention = settings.sampleRetentionMilliseconds
                collector.zone = settings.zone
                // An operator who reloads the daemon vouches for the clock.
                collector.trustClock()
            }
            feed.send(isKept: failed == nil, at: Host.now().bootMicroseconds)
            if clock.isSteady(collector.epoch, at: now) {
                prune(retention, at: collector.filed(now), committer)
            }
        }
        if let failed { throw failed }
    }

    /// Ends the collector if its store is gone: no later tick could be committed, either.
    ///
    /// - Parameter failed: the fault of the last tick; `nil` if it was committed.
    /// - Throws: what happened to the store.
    private func requireStore(_ failed: Fault?) throws(Fault) {
        guard failed != nil, let lost = store.lost else { return }
        if let log = store.putLogAway() {
            logger.error("what was written last into the store that was replaced is in \(log)")
        }
        throw lost
    }

    /// Starts to remove samples that are too old, one transaction after each tick.
    ///
    /// - Parameters:
    ///   - retention: the age from which samples are removed, in ms; `nil` keeps all.
    ///   - now: in corrected time.
    private func prune(_ retention: Int64?, at now: Moment, _ committer: Committer) {
        guard let retention else { return }
        let wall = now.wall.milliseconds - retention
        committer.prune(before: Instant(milliseconds: wall)) { logger.error("\($0)") }
    }

    /// Reads and commits one tick.
    ///
    /// The committer's thread commits while this one follows the kernel's events.
    ///
    /// - Returns: the fault that was logged, or `nil`. After a fault the kernel's counters go on,
    ///   and the next tick catches up.
    private func tick<Source: KernelSource>(
        _ collector: inout Collector<Source>, _ tree: CgroupTree, _ committer: Committer
    ) -> Fault? {
        do throws(Fault) {
            let tick = try collector.read()
            committer.begin(tick.record, of: collector.run)
            // The commit's signal ends each wait; the 60 s are only a safety net.
            while !committer.isDone {
                let end = tree.follow(until: Host.now().bootMicroseconds + 60_000_000)
                // From a stop on, `follow` returns at once.
                if end == .stopped { committer.wait() }
            }
            let outcome = collector.keep(tick, try committer.end())
            // A path may be as long as 4096 bytes.
            for failure in outcome.failures {
                logger.warning("cannot enter \(shortened("\(failure)", to: 800))")
            }
            for anomaly in outcome.anomalies { logger.warning("\(shortened(anomaly, to: 800))") }
            plan.onTick(outcome)
            return nil
        } catch {
            logger.error("\(error)")
            return error
        }
    }

    /// The end of the ledger hour that is running, in µs after boot.
    ///
    /// A reading at that time spares the usage from being split by time.
    private func nextHour(_ now: Moment, in zone: BillingZone) -> Int64 {
        let next = zone.ledgerHour(of: now.wall).end
        return now.bootMicroseconds + (next.milliseconds - now.wall.milliseconds) * 1000
    }
}

/// Tells whether the wall clock is reliable enough to judge the age of samples.
///
/// If the clock jumped ahead by years, all samples would seem old. They must not be removed before
/// somebody can set it right.
private struct SteadyClock {
    /// The epoch of the last call.
    private var epoch: Int64?
    /// When that epoch was first seen, in µs after boot.
    private var since: Int64 = 0

    /// Whether the wall clock has not been stepped for an hour.
    ///
    /// - Parameter epoch: `Collector.epoch`.
    mutating func isSteady(_ epoch: Int64, at now: Moment) -> Bool {
        if self.epoch != epoch { (self.epoch, since) = (epoch, now.bootMicroseconds) }
        return now.bootMicroseconds - since > 3_600_000_000
    }
}
