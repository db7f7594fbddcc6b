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

/// The collecting loop: ticks at fixed deadlines until it is asked to stop.
struct CollectorService: Service {
    let plan: CollectorPlan
    let feed: TickFeed
    let reload: Reload

    private var store: Store { plan.store }
    private var logger: Logger { plan.logger }
    private var intervalMilliseconds: Int64 {
        plan.intervalMilliseconds ?? plan.settings.intervalMilliseconds
    }

    /// Runs until stopped, then takes one last reading.
    ///
    /// - Throws: if it cannot start, if the last tick could not be kept, or as soon as its store is taken away,
    ///   replaced or emptied.
    func run() async throws {
        let stop = clinux_event()
        defer { close(stop) }
        try await withGracefulShutdownHandler {
            try await BlockingRunner("collect").run { try collect(until: stop) }
        } onGracefulShutdown: {
            _ = clinux_event_signal(stop)
        }
    }

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
        _ = consume lock
    }

    private func collect<Source: KernelSource>(
        from source: Source, _ tree: CgroupTree, until stop: Int32
    ) throws(Fault) {
        let committer = Committer(store: store)
        tree.stop(at: stop, wakeAt: committer.done)
        var collector = try Collector(
            source: source, store: store, intervalMilliseconds: intervalMilliseconds,
            in: plan.settings.zone)
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
            if let settings = reload.takeSettings() {
                retention = settings.sampleRetentionMilliseconds
                collector.zone = settings.zone
                // Somebody has looked at it.
                collector.trustClock()
            }
            feed.send(isKept: failed == nil, at: Host.now().bootMicroseconds)
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
            // The commit's signal ends each wait.
            while !committer.isDone {
                let end = tree.follow(until: Host.now().bootMicroseconds + 60_000_000)
                if end == .stopped { committer.wait() }
            }
            let outcome = collector.keep(tick, try committer.end())
            // Paths may be as long as a page.
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
