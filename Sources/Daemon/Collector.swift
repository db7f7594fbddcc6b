import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import Store
import SystemPackage
import Units

/// Turns the readings of a cgroup tree into ledger rows, one tick at a time.
///
/// Its state is what the last committed tick left. A tick whose commit fails changes nothing here
/// either, so the next one counts from the same place and nothing is lost.
public struct Collector<Source: KernelSource>: ~Copyable {
    let source: Source
    let store: Store
    let run: Run
    let longestHold: Int64
    /// By whose hours usage is kept: those of the billing zone.
    public var zone: BillingZone
    private let intervalMicroseconds: Int64
    var sampler = Sampler()
    var accounts: Accounts
    private var clock: WallClock
    private var lastMoment: Moment?
    /// When the tick began, by the clocks as they are.
    private var tickBegan: Moment
    /// What is added to the wall clock, in ms, while it is not trusted.
    private var correction: Int64 = 0
    /// Whether somebody said that the clock is right, since the last tick.
    private var isTrusted = false
    /// What was said of the clock last.
    private var clockDoubt: String?
    /// Which stretch of the wall clock it is: a step of the clock begins a new one.
    var epoch: Int64 { clock.epoch }
    /// The survey of the last committed tick; `nil` before the first.
    var lastRevision: Int?
    /// Inner cgroups with processes of their own that were warned of.
    private var warned: Set<String> = []
    /// What could not be entered at the last tick, with the reason.
    private var shut: Set<String> = []
    private var rules: (version: Int, plan: SurveyPlan)?

    /// Starts a run in the store, from where the last one of this boot and root ended.
    public init(
        source: Source, store: Store, intervalMilliseconds: Int64, in zone: BillingZone
    ) throws(Fault) {
        self.zone = zone
        // A plain folder's inodes mean something only under that folder.
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

    /// Reads every account once and commits what it finds in one transaction.
    public mutating func tick() throws(Fault) -> TickOutcome { try readAndKeep() }

    mutating func readAndKeep() throws(Fault) -> TickOutcome {
        let tick = try read()
        return keep(tick, try store.commit(tick.record, of: run))
    }

    /// A tick that was read and is not committed yet.
    public struct Tick: Sendable {
        public let record: TickRecord
        fileprivate let survey: Survey
        fileprivate let result: TickReading.Result
        fileprivate let clock: WallClock
    }

    /// Reads every account once; nothing of it counts before `keep`.
    public mutating func read() throws(Fault) -> Tick {
        let raw = source.beginTick()
        tickBegan = raw
        correction = leap(raw)
        let began = filed(raw)
        let survey = source.survey(try plan())
        var reading = read(survey)
        source.seal()
        let moment = filed(source.now())
        let result = reading.finish(unseen: survey.unseenEnds, at: moment)
        var record = TickRecord(
            moment: began, longestHold: longestHold, entries: result.entries)
        record.closed = result.closed
        record.highestID = source.isKernel ? survey.seen.max() ?? 0 : 0
        if let lastMoment, let capacity = source.capacity() {
            record.capacity = capacity.given(from: lastMoment, to: began, in: zone)
        }
        var clock = self.clock
        // By the clock as it is: each of its steps counts.
        record.completeness = completeness(survey, result, raw, moment, &clock)
        return Tick(record: record, survey: survey, result: result, clock: clock)
    }

    /// Goes on from a tick that is committed: only now does the state move.
    ///
    /// - Parameter rows: the account rows that `Store.commit` gave.
    public mutating func keep(_ tick: Tick, _ rows: [Int64]) -> TickOutcome {
        source.acknowledge()
        clock = tick.clock
        lastMoment = tick.record.moment
        isTrusted = false
        lastRevision = tick.survey.revision
        accounts.keep(tick.result, rows: rows)
        return outcome(tick)
    }

    /// By which time a moment is filed.
    ///
    /// A tick asks the wall clock once, at its start, and goes on from there by the time since boot: a clock that
    /// is set in the middle of a tick moves none of its usage. While the clock is not trusted, the start too is
    /// what it must be by the time since boot.
    func filed(_ moment: Moment) -> Moment {
        let passed = (moment.bootMicroseconds - tickBegan.bootMicroseconds) / 1000
        return Moment(
            wall: Instant(milliseconds: tickBegan.wall.milliseconds + correction + passed),
            bootMicroseconds: moment.bootMicroseconds)
    }

    /// Believes the clock at the next tick, wherever it has leapt.
    public mutating func trustClock() { isTrusted = true }

    private func leap(_ moment: Moment) -> Int64 {
        let leap = doubtfulLeap(of: moment, after: lastMoment, newest: run.newestTick)
        return leap == 0 || isTrusted || source.isClockKept ? 0 : -leap
    }

    /// What is to be said of the clock, if it is not what was said last.
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

    private mutating func plan() throws(Fault) -> SurveyPlan {
        let version = try store.dataVersion()
        if rules?.version != version {
            let roots = Set(try store.tenants().flatMap(\.match).flatMap(\.rootPaths))
            rules = (version, SurveyPlan(nesting: PathShape.nesting, tenantRoots: roots))
        }
        var plan = rules?.plan ?? SurveyPlan(nesting: PathShape.nesting)
        if lastRevision == nil {
            plan.whole = accounts.whole
        }
        return plan
    }

    private func completeness(
        _ survey: Survey, _ result: TickReading.Result, _ began: Moment, _ ended: Moment,
        _ clock: inout WallClock
    ) -> Completeness {
        var completeness = Completeness()
        completeness.seen = survey.seen.count
        let gone = result.entries.indices.filter { result.entries[$0].hasEnded }
        completeness.ends = gone.count + survey.unseenEnds.values.reduce(0, +)
        completeness.lastReadings = gone.count { result.entries[$0].lastReading != .none }
        completeness.vanished = completeness.ends
        completeness.births = survey.births
        for error in survey.failed.values { completeness.failed[error.rawValue, default: 0] += 1 }
        completeness.durationMicroseconds = ended.bootMicroseconds - began.bootMicroseconds
        completeness.bracketMicroseconds = result.bracketMicroseconds
        let late = clock.advance(to: began, interval: intervalMicroseconds)
        // Before the first tick of a run nobody was late: nothing ran.
        completeness.skipped = lastRevision == nil ? 0 : late
        completeness.epoch = clock.epoch
        return completeness
    }

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
            let isQuiet =
                record.entries[index].anomalies.isEmpty
                && record.entries[index].absenceChanges.isEmpty
            if isQuiet { continue }
            let entry = record.entries[index]
            anomalies += entry.anomalies.map { "\(entry.path): \($0)" }
            for (file, change) in entry.absenceChanges {
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

/// What one tick did, for logs and progress.
public struct TickOutcome: Sendable {
    public var moment: Moment
    public var read: Int
    /// CPU time used since the last tick, in µs, by all containers.
    public var cpuMicroseconds: Int128
    /// What can be entered no longer; each is said once, as long as it lasts.
    public var failures: [String]
    public var anomalies: [String]
    /// Why the wall clock is not trusted; `nil` if it is.
    public var clockDoubt: String?
}
