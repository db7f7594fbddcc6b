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
    private let intervalMicroseconds: Int64
    private var sampler = Sampler()
    var accounts: [Int64: Account]
    private var clock: WallClock
    /// The survey of the last committed tick; `nil` before the first.
    private var lastRevision: Int?
    /// Inner cgroups with processes of their own that were warned of.
    private var warned: Set<String> = []
    private var rules: (version: Int, roots: Set<String>)?
    /// Which container each network was last read for.
    private var networkOwners: [Int64: Int64] = [:]
    /// Where networks stood whose container has ended, until the next tick.
    private var lastNetworks: [Int64: Position.NetworkMark] = [:]

    /// Starts a run in the store, from where the last one of this boot and root ended.
    public init(
        source: Source, store: Store, intervalMilliseconds: Int64
    ) throws(Fault) {
        // A plain folder's inodes mean something only under that folder.
        let identity = source.isKernel ? source.bootID : "\(source.bootID) \(source.path)"
        run = try store.beginRun(
            bootID: identity, root: source.path, intervalMilliseconds: intervalMilliseconds,
            at: source.now().wall)
        accounts = run.accounts
        for account in run.accounts.values {
            if let network = account.position?.network {
                networkOwners[network.sample.namespace] = account.cgroupID
            }
        }
        clock = WallClock(epoch: run.lastTick?.epoch ?? 0, last: run.lastTick?.moment)
        longestHold = max(intervalMilliseconds * 3, 60_000) * 1000
        intervalMicroseconds = intervalMilliseconds * 1000
        self.source = source
        self.store = store
    }

    /// Reads every account once and commits what it finds in one transaction.
    public mutating func tick() throws(Fault) -> TickOutcome {
        let tick = try read()
        return keep(tick, try store.commit(tick.record, of: run))
    }

    /// A tick that was read and is not committed yet.
    public struct Tick: Sendable {
        public let record: TickRecord
        fileprivate let survey: Survey
        fileprivate let becameInner: [Int64]
        fileprivate let clock: WallClock
    }

    /// Reads every account once; nothing of it counts before `keep`.
    public mutating func read() throws(Fault) -> Tick {
        let began = source.beginTick()
        let plan = SurveyPlan(
            nesting: PathShape.nesting, tenantRoots: try tenantRoots(),
            whole: lastRevision == nil
                ? Set(accounts.values.lazy.filter(\.isWhole).map(\.cgroupID)) : [])
        let survey = source.survey(plan)
        var reading = Reading(survey, isIOConserved: source.isIOConserved)
        reading.entries.reserveCapacity(survey.cgroups.count)
        for step in survey.steps {
            switch step {
            case .above(let index): pass(index, &reading)
            case .ahead(let index): enter(index, &reading)
            case .account(let index): read(index, &reading)
            }
        }
        if survey.revision != lastRevision { findEnded(&reading) }
        source.seal()
        let moment = source.now()
        reading.conservation.apply(to: &reading.entries, unseen: survey.unseenEnds, at: moment)
        reserve(&reading)
        var record = TickRecord(
            moment: began, longestHold: longestHold, entries: reading.entries)
        record.closed = reading.closed
        record.highestID = source.isKernel ? survey.seen.max() ?? 0 : 0
        var clock = self.clock
        record.completeness = completeness(reading, began, moment, &clock)
        return Tick(
            record: record, survey: survey, becameInner: reading.becameInner, clock: clock)
    }

    /// Goes on from a tick that is committed: only now does the state move.
    ///
    /// - Parameter rows: the account rows that `Store.commit` gave.
    public mutating func keep(_ tick: Tick, _ rows: [Int64]) -> TickOutcome {
        source.acknowledge()
        clock = tick.clock
        lastRevision = tick.survey.revision
        for namespace in lastNetworks.keys
        where networkOwners[namespace].map({ accounts[$0] }) == nil {
            networkOwners[namespace] = nil
        }
        lastNetworks = [:]
        for (entry, row) in zip(tick.record.entries, rows) {
            accounts[entry.cgroupID] = entry.hasEnded ? nil : entry.account(row)
            guard let network = entry.position?.network else { continue }
            let namespace = network.sample.namespace
            // A namespace's number is used again once it is gone.
            networkOwners[namespace] = entry.cgroupID
            if entry.hasEnded { lastNetworks[namespace] = network }
        }
        for id in tick.becameInner { accounts[id]?.position = nil }
        return outcome(tick.record, tick.survey)
    }

    /// A tick as it is read.
    private struct Reading {
        let survey: Survey
        var conservation: Conservation
        var reservations = Reservations()
        var entries: [TickEntry] = []
        var visited: Set<Int64> = []
        var closed: [Int64] = []
        var becameInner: [Int64] = []

        init(_ survey: Survey, isIOConserved: Bool) {
            self.survey = survey
            conservation = Conservation(isIOConserved: isIOConserved)
        }
    }

    private mutating func tenantRoots() throws(Fault) -> Set<String> {
        let version = try store.dataVersion()
        if let rules, rules.version == version { return rules.roots }
        let roots = Set(try store.tenants().flatMap(\.match).flatMap(\.rootPaths))
        rules = (version, roots)
        return roots
    }

    /// Passes a cgroup that others lie below: its limits are theirs as well.
    private mutating func pass(_ index: Int, _ reading: inout Reading) {
        let limits = Reservation(of: sampler.limits(index, from: source))
        reading.reservations.enter(depth: reading.survey.cgroups[index].depth, limits)
    }

    /// Reads a tenant root before all below it.
    private mutating func enter(_ index: Int, _ reading: inout Reading) {
        let found = reading.survey.cgroups[index]
        let sample = sampler.counters(index, from: source, withIO: source.isIOConserved)
        reading.reservations.enter(depth: found.depth, Reservation(of: sample))
        // What runs from here to the root's own reading is the bracket.
        let position = accounts[found.id]?.position ?? birth(of: found).map(Position.born(after:))
        reading.conservation.enter(found.id, sample, position)
    }

    /// Reads one account.
    private mutating func read(_ index: Int, _ reading: inout Reading) {
        let found = reading.survey.cgroups[index]
        var result = Sampler.Result()
        if source.end(of: index) != .unread {
            result = sampler.sample(index, from: source, withNetwork: found.isLeaf)
        }
        let end = source.end(of: index)
        if end == .unread {
            result = Sampler.Result()
            // A network outlives its container's cgroup.
            result.sample.network = sampler.network(index, from: source)
            result.sample.cpu = source.deducedCPU(of: index).map(CPUStat.init(usageMicroseconds:))
        }
        // A child that was born under the reading would be counted here and there: the reading of a
        // leaf stands only if it is still one after it.
        if end == nil, found.isLeaf, !found.isWhole, found.role == .container,
            source.hasChildren(index)
        {
            return
        }
        reading.visited.insert(found.id)
        let moment = source.moment(of: index)
        var entry = entry(found, result, end, reading.conservation, at: moment)
        if end == nil {
            let limits = reading.reservations.take(
                entry: entry == nil ? nil : reading.entries.count, depth: found.depth,
                Reservation(of: result.sample), isRoot: found.role == .tenantRoot)
            entry?.limits = limits
        }
        if let entry {
            reading.entries.append(entry)
            if entry.row == nil, let row = accounts[found.id]?.row { reading.closed.append(row) }
        }
    }

    /// Counts what every account reserved since the last tick.
    private func reserve(_ reading: inout Reading) {
        var reserved: [Int: Reservation] = [:]
        for item in reading.reservations.finish() where item.reserved != Reservation() {
            reserved[item.entry] = item.reserved
        }
        for index in reading.entries.indices {
            let now = reserved[index]
            let position = reading.entries[index].position
            guard now != nil || position?.cpuReserved != nil || position?.memoryReserved != nil
            else { continue }
            let moment = reading.entries[index].moment
            reading.entries[index].parts +=
                reading.entries[index].position?.reserve(
                    cpu: now?.cpu, memory: now?.memory, at: moment, longestHold: longestHold) ?? []
        }
    }

    /// What the tick has to write of one cgroup; `nil` if nothing happened in it.
    private func entry(
        _ found: FoundCgroup, _ result: Sampler.Result, _ end: CgroupEnd?,
        _ conservation: borrowing Conservation, at moment: Moment
    ) -> TickEntry? {
        let known = accounts[found.id]
        let isRoot = found.role == .tenantRoot
        let isEmpty = end != nil && result.sample == Sample()
        // Below another root than before: an account of its own, so that no root's sum changes.
        let isMoved = known?.root != nil && known?.root != found.root
        if !isRoot, !isMoved, end == nil, found.isPopulated == false,
            known?.position?.isUnchanged(by: result.sample) == true
        {
            // Nothing runs here and nothing was used since: its account stands where it stood.
            return nil
        }
        // Gone, and never used anything.
        if known == nil, end == .read, result.sample.cpu?.usageMicroseconds ?? 0 == 0 { return nil }
        let born = known == nil ? birth(of: found) : nil
        let before = known?.position ?? born.map(Position.born(after:)) ?? Position()
        var entry = TickEntry(
            row: isMoved ? nil : known?.row, path: found.path, cgroupID: found.id,
            isTenantRoot: isRoot, root: found.root,
            runtime: known == nil ? PathShape.runtime(of: found.path) : "",
            sample: isEmpty ? nil : result.sample, position: before,
            isWhole: found.isWhole || known?.isWhole == true, at: moment)
        entry.hasEnded = end != nil
        entry.lastReading =
            end == .read ? .whole : end == nil || result.sample.cpu == nil ? .none : .deducedCPU
        entry.isRelabelled =
            known.map { $0.isWhole != entry.isWhole || $0.isTenantRoot != isRoot } ?? false
        entry.isNewBelowRoot = found.root != nil && known?.root != found.root
        guard !isEmpty else { return entry }
        if known == nil, born == nil {
            let cpu = result.sample.cpu?.usageMicroseconds
            entry.unmetered = .beforeFirstReading(cpuMicroseconds: cpu)
        }
        takeOverNetwork(&entry, result.sample, birth: known == nil ? born : nil)
        let isRootWithOthers = isRoot && !found.isLeaf
        if isRootWithOthers { entry.position?.closeHoldings(withIO: !source.isIOConserved) }
        var sample = result.sample
        if isRootWithOthers {
            (sample.memoryCurrent, sample.memory) = (nil, nil)
            if !source.isIOConserved { sample.io = nil }
        }
        let advance = entry.position?.advance(
            to: sample, at: moment, longestHold: longestHold,
            isCPUConserved: isRoot || conservation.conservesCPU(found.root),
            isIOConserved: isRoot && source.isIOConserved || conservation.conservesIO(found.root))
        entry.parts = advance?.parts ?? []
        entry.anomalies = advance?.anomalies ?? []
        entry.endedDevices = advance?.endedDevices ?? []
        noteAbsences(&entry, result, known)
        return entry
    }

    /// Goes on from where the network stood with the container it was read for before.
    ///
    /// - Parameter birth: of a new container. One that is younger than the last reading has a network
    ///   of its own: the kernel gives the number of one that is gone to the next.
    private func takeOverNetwork(_ entry: inout TickEntry, _ sample: Sample, birth: Moment?) {
        guard let namespace = sample.network?.namespace,
            entry.position?.network?.sample.namespace != namespace,
            let owner = networkOwners[namespace], owner != entry.cgroupID,
            let mark = accounts[owner]?.position?.network ?? lastNetworks[namespace],
            birth.map({ $0.bootMicroseconds <= mark.bootMicroseconds }) ?? true
        else { return }
        entry.position?.network = mark
    }

    private func noteAbsences(
        _ entry: inout TickEntry, _ result: Sampler.Result, _ known: Account?
    ) {
        entry.absenceCode = result.absenceCode
        if result.details.isEmpty, result.networkFailure == nil, let known,
            known.absenceCode == result.absenceCode
        {
            entry.absences = known.absences
            return
        }
        let (before, now) = (known?.absences ?? [:], result.absences)
        entry.absences = now
        entry.absenceChanges = now.filter { before[$0.key] != $0.value }
        for file in before.keys where now[file] == nil {
            entry.absenceChanges.updateValue(nil, forKey: file)
        }
    }

    /// The moment after which a cgroup was born; `nil` if it may be older than what we know.
    private func birth(of found: FoundCgroup) -> Moment? {
        if let birth = found.birth { return birth }
        // First scan of this run: the kernel counts ids up, so a higher one came later.
        guard lastRevision == nil, source.isKernel, let last = run.lastTick, last.isComplete,
            found.id > last.highestID
        else { return nil }
        return last.moment
    }

    /// Finds the accounts whose cgroups are gone unseen or have become inner ones.
    private func findEnded(_ reading: inout Reading) {
        let survey = reading.survey
        for account in accounts.values.sorted(by: { $0.row < $1.row }) {
            guard account.position != nil, !reading.visited.contains(account.cgroupID) else {
                continue
            }
            if survey.seen.contains(account.cgroupID) {
                reading.becameInner.append(account.cgroupID)
                reading.closed.append(account.row)
            } else if !survey.failed.keys.contains(where: { isHidden(account.path, by: $0) }) {
                var entry = TickEntry(
                    row: account.row, path: account.path, cgroupID: account.cgroupID,
                    isTenantRoot: account.isTenantRoot, root: account.root, runtime: "",
                    sample: nil, position: account.position, isWhole: account.isWhole,
                    at: source.now())
                entry.hasEnded = true
                reading.entries.append(entry)
            }
        }
    }

    /// Whether a path could not be seen because another could not be read.
    private func isHidden(_ path: String, by failed: String) -> Bool {
        path == failed || path.hasPrefix(failed + "/")
    }

    private func completeness(
        _ reading: borrowing Reading, _ began: Moment, _ ended: Moment, _ clock: inout WallClock
    ) -> Completeness {
        var result = Completeness()
        result.seen = reading.survey.seen.count
        let gone = reading.entries.lazy.filter(\.hasEnded)
        result.ends = gone.count + reading.survey.unseenEnds.values.reduce(0, +)
        result.lastReadings = gone.filter { $0.lastReading != .none }.count
        result.vanished = result.ends
        result.births = reading.survey.births
        for error in reading.survey.failed.values { result.failed[error.rawValue, default: 0] += 1 }
        result.durationMicroseconds = ended.bootMicroseconds - began.bootMicroseconds
        result.bracketMicroseconds = reading.conservation.bracketMicroseconds
        result.skipped = clock.advance(to: began, interval: intervalMicroseconds)
        result.epoch = clock.epoch
        return result
    }

    private mutating func outcome(_ record: TickRecord, _ survey: Survey) -> TickOutcome {
        var cpu: Int128 = 0
        var anomalies = survey.unaccounted.filter { warned.insert($0).inserted }.map {
            "\($0): it holds processes beside its child cgroups; what they use is not metered"
        }
        for entry in record.entries {
            for part in entry.parts where part.meter == .meter(.cpu) { cpu += part.quantity }
            anomalies += entry.anomalies.map { "\(entry.path): \($0)" }
            for case (let file, let absence?) in entry.absenceChanges
            where absence.reason == .malformed {
                anomalies.append("\(entry.path)/\(file): \(absence.detail)")
            }
        }
        return TickOutcome(
            moment: record.moment, read: record.entries.count, cpuMicroseconds: cpu,
            failures: survey.failed.map { "\($0.key): \($0.value)" }.sorted(),
            anomalies: anomalies)
    }
}

/// What one tick did, for logs and progress.
public struct TickOutcome: Sendable {
    public var moment: Moment
    public var read: Int
    /// CPU time used since the last tick, in µs, by all containers.
    public var cpuMicroseconds: Int128
    public var failures: [String]
    public var anomalies: [String]
}
