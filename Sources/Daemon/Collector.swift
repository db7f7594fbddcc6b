import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import Store
import SystemPackage
import Units

/// Meters a cgroup tree: turns readings into ledger rows, one tick at a time.
///
/// A tick has three parts. `read()` reads every account and computes what to write. `Store.commit`
/// writes it. `keep(_:_:)` moves the collector's state to the committed tick. If the commit fails,
/// the state does not move. The next tick counts from the same place, so no usage is lost or billed
/// twice.
///
/// ```
/// let tick = try collector.read()
/// let rows = try store.commit(tick.record, of: collector.run)
/// let outcome = collector.keep(tick, rows)
/// ```
public struct Collector<Source: KernelSource>: ~Copyable {
    /// Where readings come from.
    let source: Source
    let store: Store
    /// The run that this collector began in the store.
    let run: Run
    /// The longest time over which gauges are interpolated, in µs.
    ///
    /// It is three intervals, but at least one minute. A longer time without a tick is a gap.
    let longestHold: Int64
    /// The billing zone, whose ledger hours usage is split by.
    public var zone: BillingZone
    private let intervalMicroseconds: Int64
    /// Reads and parses kernel files.
    var sampler = Sampler()
    /// The accounts as the last committed tick left them.
    var accounts: Accounts
    /// Counts steps of the wall clock; it sees the clock without `correction`.
    private var clock: WallClock
    /// When the last committed tick of this boot began; `nil` before the first tick.
    private var lastMoment: Moment?
    /// When the current tick began, by the clocks as they are.
    private var tickBegan: Moment
    /// Milliseconds to add to the wall clock; 0 while the clock is trusted.
    private var correction: Int64 = 0
    /// Whether the next tick trusts the wall clock (`trustClock`).
    private var isTrusted = false
    /// Why the last committed tick did not trust the wall clock; `nil` if it did.
    private var clockDoubt: String?
    /// The number of steps of the wall clock so far.
    var epoch: Int64 { clock.epoch }
    /// The survey's revision in the last committed tick; `nil` before the first.
    var lastRevision: Int?
    /// Warnings that were already given, by path, so that each is given once.
    private var warned: Set<String> = []
    /// Directories that could not be read in the last tick, with the error.
    private var shut: Set<String> = []
    /// The survey plan and the folders whose space is billed, as the store's tenants name them at a
    /// version of the store.
    private var rules: (version: Int, plan: SurveyPlan, folders: Set<String>)?
    /// Gives the last measurement of folders; `nil` if nobody measures any.
    private let storage: StorageBoard?

    /// Starts a run in the store, and continues from the last run of this boot and tree.
    ///
    /// - Parameters:
    ///   - intervalMilliseconds: the planned time between ticks.
    ///   - zone: the billing zone.
    ///   - storage: where the measurements of folders are.
    /// - Throws: `failed` if the store has open accounts of another tree in the same boot.
    public init(
        source: Source, store: Store, intervalMilliseconds: Int64, in zone: BillingZone,
        storage: StorageBoard? = nil
    ) throws(Fault) {
        (self.zone, self.storage) = (zone, storage)
        // The inodes of a plain folder identify cgroups only within that folder. So the folder is
        // part of the identity.
        let identity = source.isKernel ? source.bootID : "\(source.bootID) \(source.path)"
        run = try store.beginRun(
            bootID: identity, root: source.path, intervalMilliseconds: intervalMilliseconds,
            at: source.now().wall)
        accounts = Accounts(run.accounts, upTo: run.lastTick?.moment)
        clock = WallClock(epoch: run.lastTick?.epoch ?? 0, last: run.lastTick?.moment)
        lastMoment = run.lastTick?.moment
        tickBegan = source.now()
        longestHold = max(intervalMilliseconds * 3, 60_000) * 1000
        intervalMicroseconds = intervalMilliseconds * 1000
        self.source = source
        self.store = store
    }

    /// Reads every account once, and commits the result in one transaction.
    ///
    /// - Throws: the store's fault. Nothing has changed then, and the next tick catches up.
    public mutating func tick() throws(Fault) -> TickOutcome { try readAndKeep() }

    /// `tick()` for every source; an extension below uses it for `LiveKernel`.
    mutating func readAndKeep() throws(Fault) -> TickOutcome {
        let tick = try read()
        return keep(tick, try store.commit(tick.record, of: run))
    }

    /// A tick that was read and is not committed yet.
    public struct Tick: Sendable {
        /// What `Store.commit` writes.
        public let record: TickRecord
        /// The survey that the tick was read by.
        fileprivate let survey: Survey
        /// What becomes of the accounts once the tick is committed.
        fileprivate let result: TickReading.Result
        /// The clock's state after this tick.
        fileprivate let clock: WallClock
    }

    /// Reads every account once.
    ///
    /// The state moves only in `keep`.
    ///
    /// - Throws: the store's fault if tenant roots cannot be read.
    public mutating func read() throws(Fault) -> Tick {
        let raw = source.beginTick()
        tickBegan = raw
        correction = leap(raw)
        let began = filed(raw)
        let survey = source.survey(try plan())
        var reading = read(survey)
        source.seal()
        let moment = filed(source.now())
        if let storage {
            let folders = rules?.folders ?? []
            reading.take(
                folders: folders, storage.readings(of: folders, at: moment), at: moment)
        }
        let result = reading.finish(unseen: survey.unseenEnds, at: moment)
        var record = TickRecord(
            moment: began, longestHold: longestHold, entries: result.entries)
        record.closed = result.closed
        // A plain folder may use an inode again, so its ids do not show which cgroup is newer.
        record.highestID = source.isKernel ? survey.seen.max() ?? 0 : 0
        if let lastMoment, let capacity = source.capacity() {
            record.capacity = capacity.given(from: lastMoment, to: began, in: zone)
        }
        var clock = self.clock
        // The clock is passed without the correction, so that each of its steps is counted.
        record.completeness = completeness(survey, result, raw, moment, &clock)
        return Tick(record: record, survey: survey, result: result, clock: clock)
    }

    /// Moves the state to a tick that is committed.
    ///
    /// - Parameter rows: the account row of each entry, as `Store.commit` returned them.
    /// - Returns: a summary for logs and progress.
    public mutating func keep(_ tick: Tick, _ rows: [Int64]) -> TickOutcome {
        source.acknowledge()
        clock = tick.clock
        lastMoment = tick.record.moment
        isTrusted = false
        lastRevision = tick.survey.revision
        accounts.keep(tick.result, rows: rows)
        return outcome(tick)
    }

    /// The moment under which usage is recorded.
    ///
    /// A tick reads the wall clock once, at its start. Later moments of the tick are that time plus
    /// the time elapsed since (`CLOCK_BOOTTIME`). So no usage moves to another hour if somebody
    /// sets the clock during a tick. While the clock is not trusted, the correction is added as
    /// well.
    ///
    /// - Parameter moment: by the clocks as they are.
    func filed(_ moment: Moment) -> Moment {
        let passed = (moment.bootMicroseconds - tickBegan.bootMicroseconds) / 1000
        return Moment(
            wall: Instant(milliseconds: tickBegan.wall.milliseconds + correction + passed),
            bootMicroseconds: moment.bootMicroseconds)
    }

    /// Makes the next tick trust the wall clock, even if its time is implausible.
    public mutating func trustClock() { isTrusted = true }

    /// The correction of the wall clock in ms; 0 if the clock is trusted.
    ///
    /// It is trusted if its time is plausible (`doubtfulLeap`), if NTP keeps it, or after
    /// `trustClock()`.
    private func leap(_ moment: Moment) -> Int64 {
        let leap = doubtfulLeap(of: moment, after: lastMoment, newest: run.newestTick)
        return leap == 0 || isTrusted || source.isClockKept ? 0 : -leap
    }

    /// Notes whether the clock is trusted, and reports when that changes.
    ///
    /// - Parameter moment: when the tick began, in corrected time.
    /// - Returns: one message, or none if nothing changed.
    private mutating func judgeClock(_ moment: Moment) -> [String] {
        let before = clockDoubt
        clockDoubt = nil
        if correction != 0 {
            let wall = Instant(milliseconds: moment.wall.milliseconds - correction)
            clockDoubt = "the wall clock says \(wall), and nothing vouches for it"
        }
        if (before == nil) == (clockDoubt == nil) { return [] }
        guard let clockDoubt else { return ["the wall clock is trusted again"] }
        return [
            "\(clockDoubt): usage is filed by the time since boot, now \(moment.wall). Set the clock; if it is "
                + "right, reload the daemon, or collect with --trust-clock"
        ]
    }

    /// The plan for the next survey.
    ///
    /// Tenant roots are read again only if another connection has written to the store. Before the
    /// first tick, the plan also names the containers that an earlier run knew as whole.
    private mutating func plan() throws(Fault) -> SurveyPlan {
        let version = try store.dataVersion()
        if rules?.version != version {
            let all = try store.tenants().flatMap(\.match)
            let roots = Set(all.flatMap(\.rootPaths))
            rules = (
                version, SurveyPlan(nesting: PathShape.nesting, tenantRoots: roots),
                Set(all.compactMap(\.folder))
            )
        }
        var plan = rules?.plan ?? SurveyPlan(nesting: PathShape.nesting)
        if lastRevision == nil {
            plan.whole = accounts.whole
        }
        return plan
    }

    /// What the tick says about its own completeness.
    ///
    /// - Parameters:
    ///   - began: the start of the tick, by the clocks as they are.
    ///   - ended: the end of the tick.
    ///   - clock: takes note of the tick.
    private func completeness(
        _ survey: Survey, _ result: TickReading.Result, _ began: Moment, _ ended: Moment,
        _ clock: inout WallClock
    ) -> Completeness {
        var completeness = Completeness()
        completeness.seen = survey.seen.count
        let gone = result.entries.indices.filter {
            result.entries[$0].hasEnded && !result.entries[$0].isFolder
        }
        completeness.ends = gone.count + survey.unseenEnds.values.reduce(0, +)
        completeness.lastReadings = gone.count { result.entries[$0].lastReading != .none }
        completeness.vanished = completeness.ends
        completeness.births = survey.births
        for error in survey.failed.values { completeness.failed[error.rawValue, default: 0] += 1 }
        completeness.durationMicroseconds = ended.bootMicroseconds - began.bootMicroseconds
        completeness.bracketMicroseconds = result.bracketMicroseconds
        let late = clock.advance(to: began, interval: intervalMicroseconds)
        // Before the first tick of a run no collector ran, so no tick was skipped.
        completeness.skipped = lastRevision == nil ? 0 : late
        completeness.epoch = clock.epoch
        return completeness
    }

    /// Summarises a committed tick.
    ///
    /// A warning about a path is given once as long as the collector runs.
    private mutating func outcome(_ tick: Tick) -> TickOutcome {
        let (record, survey) = (tick.record, tick.survey)
        var cpu: Int128 = 0
        var anomalies = survey.unaccounted.filter { warned.insert($0).inserted }.map {
            "\($0): it holds processes beside its child cgroups; what they use is not metered"
        }
        anomalies += judgeClock(record.moment)
        let twins = tick.result.twins + (survey.twins ?? [])
        anomalies += twins.filter { warned.insert("twin \($0)").inserted }.map {
            "\($0): it is the same folder as another one below the root; it is metered once, there"
        }
        for index in record.entries.indices {
            for part in record.entries[index].parts where part.meter == .meter(.cpu) {
                cpu += part.quantity
            }
            // Look at entries in place: an entry is large, and most have nothing to report.
            let isQuiet =
                record.entries[index].anomalies.isEmpty
                && record.entries[index].absenceChanges.isEmpty
            if isQuiet { continue }
            let entry = record.entries[index]
            anomalies += entry.anomalies.map { "\(entry.path): \($0)" }
            for (file, change) in entry.absenceChanges {
                // An anomaly may already report the same malformed text.
                guard let absence = change.begun, absence.reason == .malformed,
                    !entry.anomalies.contains(where: { absence.detail.hasSuffix($0) })
                else { continue }
                anomalies.append("\(entry.path)/\(file): \(absence.detail)")
            }
        }
        let failures = Set(survey.failed.map { "\($0.key): \($0.value)" })
        defer { shut = failures }
        return TickOutcome(
            moment: record.moment, read: record.entries.count, cpuMicroseconds: cpu,
            failures: failures.subtracting(shut).sorted(),
            anomalies: anomalies, clockDoubt: clockDoubt)
    }
}

/// The summary of one tick, for logs and progress.
public struct TickOutcome: Sendable {
    /// When the tick began, in corrected time.
    public var moment: Moment
    /// The number of accounts that the tick wrote.
    ///
    /// Accounts at which nothing happened are not written, and are not in it.
    public var read: Int
    /// CPU time that the tick billed, in µs, of all accounts together.
    public var cpuMicroseconds: Int128
    /// Directories that can no longer be read, each as `path: error`.
    ///
    /// Each is reported once for as long as the error lasts.
    public var failures: [String]
    /// Warnings: readings that no correct kernel gives, and cgroups that are not metered.
    public var anomalies: [String]
    /// Why the wall clock is not trusted; `nil` if it is.
    public var clockDoubt: String?
}
