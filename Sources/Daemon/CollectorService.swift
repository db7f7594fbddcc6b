import CgroupFS
import Logging
import Metering
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
    /// Called after every tick, for progress.
    public var onTick: @Sendable (Collector.Outcome) -> Void

    public init(
        store: Store, rootPath: String?, intervalMilliseconds: Int64, runMilliseconds: Int64?,
        logger: Logger, onTick: @escaping @Sendable (Collector.Outcome) -> Void
    ) {
        (self.store, self.rootPath) = (store, rootPath)
        (self.intervalMilliseconds, self.runMilliseconds) = (intervalMilliseconds, runMilliseconds)
        (self.logger, self.onTick) = (logger, onTick)
    }

    /// Runs until stopped, then takes one last reading.
    ///
    /// - Throws: if it cannot start, or if the last tick could not be kept.
    public func run() async throws {
        let lock = try CollectorLock(store: store.path)
        var collector = try Collector(
            root: CgroupRoot(opening: rootPath), store: store,
            intervalMilliseconds: intervalMilliseconds)
        let start = Host.now().bootMicroseconds
        let end = runMilliseconds.map { start + $0 * 1000 }
        var failed = attempt(&collector)
        while !Task.isShuttingDownGracefully {
            let now = Host.now()
            if let end, now.bootMicroseconds >= end { break }
            // A late tick is skipped, never queued: deadlines lie on a fixed raster.
            let interval = intervalMilliseconds * 1000
            let deadline = start + ((now.bootMicroseconds - start) / interval + 1) * interval
            let wake = min(deadline, end ?? deadline, nextHour(now))
            try? await cancelWhenGracefulShutdown {
                try await Task.sleep(for: .microseconds(wake - now.bootMicroseconds))
            }
            failed = attempt(&collector)
        }
        _ = consume lock
        if let failed { throw failed }
    }

    /// One tick.
    ///
    /// A fault is logged and handed back; the counters are still there next time.
    private func attempt(_ collector: inout Collector) -> Fault? {
        do throws(Fault) {
            let outcome = try collector.tick()
            for failure in outcome.failures { logger.warning("cannot enter \(failure)") }
            for anomaly in outcome.anomalies { logger.warning("\(anomaly)") }
            onTick(outcome)
            return nil
        } catch {
            logger.error("\(error)")
            return error
        }
    }

    /// The end of the current hour, in µs after boot: usage is read there, so that it need not be
    /// split by time.
    private func nextHour(_ now: Moment) -> Int64 {
        let next = now.wall.startOfHour.advanced(bySeconds: 3600)
        return now.bootMicroseconds + (next.milliseconds - now.wall.milliseconds) * 1000
    }
}
