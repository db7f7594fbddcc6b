import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import Store
import SystemPackage
import Units

/// How a tick is read, account by account; nothing of it counts before the tick is committed.
extension Collector where Source: KernelSource {
    /// A tick as it is read.
    struct Reading {
        let survey: Survey
        var conservation: Conservation
        var reservations = Reservations()
        var entries: [TickEntry] = []
        var visited: Set<Int64> = []
        var closed: [Int64] = []
        var becameInner: [Int64] = []
        /// Accounts at which nothing happened, and when that was seen.
        var idle: [(id: Int64, moment: Moment)] = []
        /// Where networks stand by this tick.
        var networks: [Int64: Position.NetworkMark] = [:]
        /// Cgroups that live and were read.
        var living: Set<Int64> = []
        /// Paths at which a cgroup was found that was read at another already.
        var twins: [String] = []

        init(_ survey: Survey, isIOConserved: Bool, in zone: BillingZone) {
            self.survey = survey
            conservation = Conservation(isIOConserved: isIOConserved, in: zone)
        }
    }

    /// Passes a cgroup that others lie below: its limits are theirs as well.
    mutating func pass(_ index: Int, _ reading: inout Reading) {
        let limits = Reservation(of: sampler.limits(index, from: source))
        reading.reservations.enter(depth: reading.survey.cgroups[index].depth, limits)
    }

    /// Reads a tenant root before all below it.
    mutating func enter(_ index: Int, _ reading: inout Reading) {
        let found = reading.survey.cgroups[index]
        let sample = sampler.counters(index, from: source, withIO: source.isIOConserved)
        reading.reservations.enter(depth: found.depth, Reservation(of: sample))
        // What runs from here to the root's own reading is the bracket.
        let position = account(of: found)?.position ?? birth(of: found).map(Position.born(after:))
        reading.conservation.enter(found.id, sample, position)
    }

    /// Reads one account.
    mutating func read(_ index: Int, _ reading: inout Reading) {
        let found = reading.survey.cgroups[index]
        // One folder at two places is one account: it is read where it was found first.
        if !found.hasEnded, !reading.living.insert(found.id).inserted {
            reading.twins.append(found.path)
            return
        }
        var result = Sampler.Result()
        if source.end(of: index) != .unread {
            result = sampler.sample(index, from: source, withNetwork: found.isLeaf)
        }
        let end = source.end(of: index)
        var deduced: Int64?
        if end == .unread {
            // A network outlives its container's cgroup.
            let network = sampler.network(index, from: source)
            result.sample.network = network ?? result.sample.network
            deduced = source.deducedCPU(of: index)
            result.sample.cpu = deduced.map(CPUStat.init(usageMicroseconds:)) ?? result.sample.cpu
        }
        // A child that was born under the reading would be counted here and there: the reading of a
        // leaf stands only if it is still one after it.
        if end == nil, found.isLeaf, !found.isWhole, found.role == .container,
            source.hasChildren(index)
        {
            return
        }
        reading.visited.insert(found.id)
        let moment = filed(source.moment(of: index))
        retireFormer(found, &reading)
        if end == nil {
            let isRoot = found.role == .tenantRoot
            for refusal in reading.reservations.refusals(depth: found.depth, isRoot: isRoot) {
                result.lack(refusal)
            }
        }
        var entry = entry(found, result, end, &reading, at: moment)
        if deduced != nil { entry?.lastReading = .deducedCPU }
        if end == nil {
            let limits = reading.reservations.take(
                entry: entry == nil ? nil : reading.entries.count, depth: found.depth,
                Reservation(of: result.sample), isRoot: found.role == .tenantRoot)
            entry?.limits = limits
        }
        if let entry {
            reading.entries.append(entry)
            if entry.row == nil, let row = accounts[found.id]?.row { reading.closed.append(row) }
            if let network = entry.networkReadNow {
                reading.networks[network.sample.namespace] = network
            }
        } else {
            reading.idle.append((found.id, moment))
        }
    }

    /// The account that a cgroup has already.
    ///
    /// The kernel uses a cgroup's id only once. An inode is used again, so in a plain folder the path must be the
    /// same as well.
    private func account(of found: FoundCgroup) -> Account? {
        guard let known = accounts[found.id], source.isKernel || known.path == found.path else {
            return nil
        }
        return known
    }

    /// Closes an account that its cgroup no longer has, and bills what was pending of it.
    ///
    /// Either the cgroup is no longer a tenant root, or another folder has been given the inode of its folder.
    private func retireFormer(_ found: FoundCgroup, _ reading: inout Reading) {
        guard let known = accounts[found.id], known.position != nil else { return }
        if account(of: found) == nil {
            reading.entries.append(vanished(known))
        } else if known.isTenantRoot, found.role != .tenantRoot {
            reading.entries.append(formerRoot(known))
        }
    }

    /// What a tick writes of an account whose cgroup it cannot read.
    private func unread(_ account: Account) -> TickEntry {
        TickEntry(
            row: account.row, path: account.path, cgroupID: account.cgroupID,
            isTenantRoot: account.isTenantRoot, root: account.root, runtime: "", sample: nil,
            position: account.position, isWhole: account.isWhole, at: filed(source.now()))
    }

    /// The end of an account whose cgroup is gone and was not read before.
    private func vanished(_ account: Account) -> TickEntry {
        var entry = unread(account)
        entry.hasEnded = true
        return entry
    }

    /// The end of a tenant root's account whose cgroup lives on.
    private func formerRoot(_ account: Account) -> TickEntry {
        var entry = vanished(account)
        entry.lastReading = .whole
        return entry
    }

    /// Counts what every account reserved since the last tick.
    func reserve(_ reading: inout Reading) {
        var reserved: [Int: Reservation] = [:]
        for item in reading.reservations.finish() where item.reserved != Reservation() {
            reserved[item.entry] = item.reserved
        }
        for index in reading.entries.indices {
            let now = reserved[index]
            let mayCount =
                now != nil || reading.entries[index].position?.cpuReserved != nil
                || reading.entries[index].position?.memoryReserved != nil
            guard mayCount else { continue }
            let moment = reading.entries[index].moment
            let advance = reading.entries[index].position?.advance(
                reserving: now ?? Reservation(), at: moment, longestHold: longestHold, in: zone)
            reading.entries[index].parts += advance?.parts ?? []
            reading.entries[index].anomalies += advance?.refused.map(\.detail) ?? []
        }
    }

    /// What the tick has to write of one cgroup; `nil` if nothing happened in it.
    private func entry(
        _ found: FoundCgroup, _ result: Sampler.Result, _ end: CgroupEnd?,
        _ reading: inout Reading, at moment: Moment
    ) -> TickEntry? {
        let known = account(of: found)
        let isRoot = found.role == .tenantRoot
        let isEmpty = end != nil && result.sample == Sample()
        // Below another root than before, or a root and was none: an account of its own, so that no
        // root's sum changes.
        let isMoved =
            known.map { $0.isTenantRoot != isRoot || $0.root != nil && $0.root != found.root }
            ?? false
        // Its counters hold the usage of children that are gone: what it has itself begins now.
        let beginsAnew = found.hadChildren && !isRoot
        if !isRoot, !isMoved, !beginsAnew, end == nil, found.isPopulated == false,
            known?.position?.isUnchanged(by: result.sample) == true, lacksTheSame(result, known)
        {
            // Nothing runs here and nothing was used since: its account stands where it stood.
            return nil
        }
        // Gone, and never used anything.
        if known == nil, end == .read, result.sample.cpu?.usageMicroseconds ?? 0 == 0 { return nil }
        let born = known == nil && !beginsAnew ? birth(of: found) : nil
        var before = known?.position ?? born.map(Position.born(after:)) ?? Position()
        if beginsAnew { before = Position() }
        // What was pending of a former root is billed to its former account.
        if known?.isTenantRoot == true, !isRoot { before = before.withoutAhead }
        var entry = TickEntry(
            row: isMoved ? nil : known?.row, path: found.path, cgroupID: found.id,
            isTenantRoot: isRoot, root: found.root,
            runtime: known == nil ? PathShape.runtime(of: found.path) : "",
            sample: isEmpty ? nil : result.sample, position: before,
            isWhole: found.isWhole || known?.isWhole == true, at: moment)
        entry.hasEnded = end != nil
        entry.lastReading =
            end == .read
            ? .whole
            : end == nil || result.sample.cpu?.usageMicroseconds == nil ? .none : .deducedCPU
        entry.isRelabelled =
            known.map { $0.isWhole != entry.isWhole || $0.isTenantRoot != isRoot } ?? false
        entry.isNewBelowRoot = found.root != nil && known?.root != found.root
        guard !isEmpty else { return entry }
        var checked = result
        var refusals = before.refuse(from: &checked.sample)
        entry.sample = checked.sample
        if known == nil, born == nil, !beginsAnew {
            // What it used before may have been billed with its tenant root's.
            let cpu =
                reading.conservation.conservesCPU(found.root)
                ? 0 : result.sample.cpu?.usageMicroseconds
            entry.unmetered = .beforeFirstReading(cpuMicroseconds: cpu)
        }
        var sample = checked.sample
        takeOverNetwork(&entry, &sample, birth: known == nil ? born : nil, reading)
        let isRootWithOthers = isRoot && !found.isLeaf
        if isRootWithOthers { entry.position?.closeHoldings(withIO: !source.isIOConserved) }
        if isRootWithOthers {
            (sample.memoryCurrent, sample.memory) = (nil, nil)
            if !source.isIOConserved { (sample.io, sample.isIOOff) = (nil, false) }
        }
        let advance = entry.position?.advance(
            to: sample, at: moment, longestHold: longestHold,
            isCPUConserved: isRoot || reading.conservation.conservesCPU(found.root),
            isIOConserved: isRoot && source.isIOConserved
                || reading.conservation.conservesIO(found.root), in: zone)
        entry.parts = advance?.parts ?? []
        entry.anomalies = advance?.anomalies ?? []
        entry.endedDevices = advance?.endedDevices ?? []
        refusals += advance?.refused ?? []
        for refusal in refusals { checked.lack(refusal) }
        noteAbsences(&entry, checked, known)
        for refusal in refusals {
            // Once for each event, which lasts as long as its absence.
            guard entry.absenceChanges[refusal.file]?.begun != nil else { continue }
            entry.anomalies.append(refusal.detail)
        }
        return entry
    }

    /// Goes on from where the network stood with the container it was read for before.
    ///
    /// - Parameter birth: of a new container. One that is younger than the last reading has a network
    ///   of its own: the kernel gives the number of one that is gone to the next.
    private func takeOverNetwork(
        _ entry: inout TickEntry, _ sample: inout Sample, birth: Moment?,
        _ reading: borrowing Reading
    ) {
        guard let namespace = sample.network?.namespace else { return }
        if let done = reading.networks[namespace] {
            // Read for another in this tick: one that ended was read before, and is all in it.
            if entry.hasEnded { sample.network = nil } else { entry.position?.network = done }
            return
        }
        guard let owner = networkOwners[namespace], owner != entry.cgroupID,
            let mark = accounts[owner]?.position?.network ?? lastNetworks[namespace],
            birth.map({ $0.bootMicroseconds <= mark.bootMicroseconds }) ?? true
        else { return }
        entry.position?.network = mark
    }

    private func noteAbsences(
        _ entry: inout TickEntry, _ result: Sampler.Result, _ known: Account?
    ) {
        entry.absenceCode = result.absenceCode
        if result.isAllInCode, let known, known.absenceCode == result.absenceCode {
            entry.absences = known.absences
            return
        }
        let before = known?.absences ?? [:]
        entry.absences = result.absences
        for (file, absence) in entry.absences {
            if let last = before[file], absence.goesOn(from: last) {
                // One event is written down once, as it was found first.
                entry.absences[file] = last
            } else {
                let since =
                    before[file] == nil ? known?.position?.lastGauge(of: file) : nil
                entry.absenceChanges[file] = .began(
                    absence, since: since.map { entry.moment.wall(at: $0) })
            }
        }
        for file in before.keys where entry.absences[file] == nil {
            entry.absenceChanges[file] = .ended
        }
    }

    /// Whether a sample lacks what was lacking at the last one that was written.
    private func lacksTheSame(_ result: Sampler.Result, _ known: Account?) -> Bool {
        guard let known else { return false }
        if result.isAllInCode, known.absenceCode == result.absenceCode { return true }
        let now = result.absences
        return now.count == known.absences.count
            && now.allSatisfy { $0.value.goesOn(from: known.absences[$0.key]) }
    }

    /// The moment after which a cgroup was born; `nil` if it may be older than what we know.
    private func birth(of found: FoundCgroup) -> Moment? {
        if let birth = found.birth { return birth }
        // First scan of this run: the kernel counts ids up, so a higher one came later.
        guard lastRevision == nil, source.isKernel, let last = run.lastTick, last.isComplete,
            found.id > last.highestID, !wasInsideAnother(found.path)
        else { return nil }
        return last.moment
    }

    /// Whether a cgroup was part of a container: its id was not seen then, and its usage was billed.
    private func wasInsideAnother(_ path: String) -> Bool {
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            if wholeBefore.contains(String(rest)) { return true }
        }
        return false
    }

    /// Finds the accounts whose cgroups are gone unseen or have become inner ones.
    func findEnded(_ reading: inout Reading) {
        let survey = reading.survey
        for account in accounts.values.sorted(by: { $0.row < $1.row }) {
            guard account.position != nil, !reading.visited.contains(account.cgroupID) else {
                continue
            }
            if survey.seen.contains(account.cgroupID) {
                reading.becameInner.append(account.cgroupID)
                reading.closed.append(account.row)
                if account.isTenantRoot { reading.entries.append(formerRoot(account)) }
            } else if let failed = survey.failed.first(where: { isHidden(account.path, by: $0.key) }
            ) {
                if let entry = hidden(account, failed.value) { reading.entries.append(entry) }
            } else {
                reading.entries.append(vanished(account))
            }
        }
    }

    /// What is written once of a cgroup that cannot be seen: nothing of it is measured till it can.
    private func hidden(_ account: Account, _ error: Errno) -> TickEntry? {
        let file = Absence.wholeCgroup
        let absence = Absence(
            error == .permissionDenied || error == .notPermitted ? .notPermitted : .failed,
            detail: "\(error)")
        guard !absence.goesOn(from: account.absences[file]) else { return nil }
        var entry = unread(account)
        entry.absences = account.absences
        entry.absences[file] = absence
        let last = account.position?.lastGauge(of: "memory.current")
        entry.absenceChanges[file] = .began(
            absence, since: last.map { entry.moment.wall(at: $0) })
        return entry
    }

    /// Whether a path could not be seen because another could not be read.
    private func isHidden(_ path: String, by failed: String) -> Bool {
        path == failed || path.hasPrefix(failed + "/")
    }
}

extension TickEntry {
    /// Where its network stands, if it was read in this tick.
    var networkReadNow: Position.NetworkMark? {
        position?.network.flatMap {
            $0.bootMicroseconds == moment.bootMicroseconds ? $0 : nil
        }
    }
}
