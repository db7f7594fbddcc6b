import CgroupFormat
import Units

/// What a tick writes about one cgroup.
extension TickReading {
    /// The entry of one cgroup; `nil` if there is nothing to write.
    ///
    /// - Parameter end: how the cgroup ended; `nil` if it lives.
    func entry(
        _ found: FoundCgroup, _ reading: CgroupReading, _ end: CgroupEnd?, at moment: Moment
    ) -> TickEntry? {
        let known = account(of: found)
        let isRoot = found.role == .tenantRoot
        let isEmpty = end != nil && reading.sample == Sample()
        // If it is below another tenant root than before, or became a root or stopped being one, it
        // gets a new account, so that the sum of no root changes.
        let isMoved =
            known.map { $0.isTenantRoot != isRoot || $0.root != nil && $0.root != found.root }
            ?? false
        // Its counters contain the usage of children that are gone. Its own usage begins now.
        let beginsAnew = found.hadChildren && !isRoot
        if !isRoot, !isMoved, !beginsAnew, end == nil, found.isPopulated == false,
            known?.position?.isUnchanged(by: reading.sample) == true, lacksTheSame(reading, known)
        {
            // Nothing runs here, and nothing was used since the last tick: the account stays as it
            // is.
            return nil
        }
        // It is gone and never used anything.
        if known == nil, end == .read, reading.sample.cpu?.usageMicroseconds ?? 0 == 0 {
            return nil
        }
        let born = known == nil && !beginsAnew ? birth(of: found) : nil
        var before = known?.position ?? born.map(Position.born(after:)) ?? Position()
        if beginsAnew { before = Position() }
        // What was pending of a former root is billed to its old account.
        if known?.isTenantRoot == true, !isRoot { before = before.withoutAhead }
        var entry = TickEntry(
            row: isMoved ? nil : known?.row, path: found.path, cgroupID: found.id,
            isTenantRoot: isRoot, root: found.root,
            runtime: known == nil ? rules.runtime(found.path) : "",
            sample: isEmpty ? nil : reading.sample, position: before,
            isWhole: found.isWhole || known?.isWhole == true, at: moment)
        entry.hasEnded = end != nil
        entry.lastReading =
            end == .read
            ? .whole
            : end == nil || reading.sample.cpu?.usageMicroseconds == nil ? .none : .deducedCPU
        entry.isRelabelled =
            known.map { $0.isWhole != entry.isWhole || $0.isTenantRoot != isRoot } ?? false
        entry.isNewBelowRoot = found.root != nil && known?.root != found.root
        guard !isEmpty else { return entry }
        let birth = known == nil ? born : nil
        count(&entry, found, reading, known, birth: birth, beginsAnew: beginsAnew, at: moment)
        return entry
    }

    /// The entry of a folder, with the space that it held since the last tick.
    ///
    /// - Parameter id: the account's number in place of a cgroup id.
    func entry(
        _ reading: StorageReading, _ known: Account?, id: Int64, at moment: Moment
    ) -> TickEntry {
        var entry = TickEntry(
            row: known?.row, path: reading.path, cgroupID: id, isTenantRoot: false, root: nil,
            runtime: known == nil ? StorageReading.file : "", sample: nil,
            position: known?.position ?? Position(), isWhole: false, at: moment)
        var sample = Sample()
        sample.storageBytes = reading.bytes
        let advance = entry.position?.advance(
            to: sample, at: moment, longestHold: rules.longestHold, in: rules.zone)
        entry.parts = advance?.parts ?? []
        entry.anomalies = advance?.refused.map(\.detail) ?? []
        var lacks = CgroupReading()
        if let absence = reading.absence { lacks.lack(other: StorageReading.file, absence) }
        noteAbsences(&entry, lacks, known)
        entry.storage = reading.bytes == nil ? nil : reading
        return entry
    }

    /// Bills what a reading adds to an account, and notes what is missing.
    ///
    /// - Parameter birth: when a new container was created; `nil` if the account was known before,
    ///   or if the moment is not certain.
    private func count(
        _ entry: inout TickEntry, _ found: FoundCgroup, _ reading: CgroupReading, _ known: Account?,
        birth: Moment?, beginsAnew: Bool, at moment: Moment
    ) {
        let isRoot = entry.isTenantRoot
        var checked = reading
        var refusals = (entry.position ?? Position()).refuse(from: &checked.sample)
        entry.sample = checked.sample
        if known == nil, birth == nil, !beginsAnew {
            // What it used before may have been billed with the usage of its tenant root.
            let cpu =
                conservation.conservesCPU(found.root)
                ? 0 : reading.sample.cpu?.usageMicroseconds
            entry.unmetered = .beforeFirstReading(cpuMicroseconds: cpu)
        }
        var sample = checked.sample
        takeOverNetwork(&entry, &sample, birth: birth)
        let isRootWithOthers = isRoot && !found.isLeaf
        var closed: [DeviceNumber] = []
        if isRootWithOthers {
            closed = entry.position?.closeHoldings(withIO: !rules.isIOConserved) ?? []
            (sample.memoryCurrent, sample.memory) = (nil, nil)
            if !rules.isIOConserved { (sample.io, sample.isIOOff) = (nil, false) }
        }
        let advance = entry.position?.advance(
            to: sample, at: moment, longestHold: rules.longestHold,
            isCPUConserved: isRoot || conservation.conservesCPU(found.root),
            isIOConserved: isRoot && rules.isIOConserved
                || conservation.conservesIO(found.root), in: rules.zone)
        entry.parts = advance?.parts ?? []
        entry.anomalies = advance?.anomalies ?? []
        entry.endedDevices = closed + (advance?.endedDevices ?? [])
        refusals += advance?.refused ?? []
        for refusal in refusals { checked.lack(refusal) }
        noteAbsences(&entry, checked, known)
        for refusal in refusals {
            // One anomaly for each event. An event lasts as long as its absence.
            guard entry.absenceChanges[refusal.file]?.begun != nil else { continue }
            entry.anomalies.append(refusal.detail)
        }
    }

    /// Continues the network's counters from the container that they were last read for.
    ///
    /// Several containers may share a network namespace, which is metered for one of them. When
    /// that one ends, another takes over, and no traffic is billed twice or lost.
    ///
    /// - Parameter birth: when a new container was created. If that was after the last reading of
    ///   the network with this number, the container has a network of its own: the kernel uses the
    ///   inode number of a namespace again once the namespace is gone.
    private func takeOverNetwork(
        _ entry: inout TickEntry, _ sample: inout Sample, birth: Moment?
    ) {
        guard let namespace = sample.network?.namespace else { return }
        if let done = networks[namespace] {
            // The network was read for another container in this tick. If this container has ended,
            // all its traffic is in that reading.
            if entry.hasEnded { sample.network = nil } else { entry.position?.network = done }
            return
        }
        guard let owner = accounts.networkOwners[namespace], owner != entry.cgroupID,
            let mark = accounts.byID[owner]?.position?.network ?? accounts.lastNetworks[namespace],
            birth.map({ $0.bootMicroseconds <= mark.bootMicroseconds }) ?? true
        else { return }
        entry.position?.network = mark
    }

    /// Notes which absences began, changed or ended with this reading.
    private func noteAbsences(
        _ entry: inout TickEntry, _ reading: CgroupReading, _ known: Account?
    ) {
        entry.absenceCode = reading.absenceCode
        if reading.isAllInCode, let known, known.absenceCode == reading.absenceCode {
            entry.absences = known.absences
            return
        }
        let before = known?.absences ?? [:]
        entry.absences = reading.absences
        for (file, absence) in entry.absences {
            if let last = before[file], absence.goesOn(from: last) {
                // An event is written once, in the words in which it was first found.
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

    /// Whether a reading lacks the same as the last one that was written.
    private func lacksTheSame(_ reading: CgroupReading, _ known: Account?) -> Bool {
        guard let known else { return false }
        if reading.isAllInCode, known.absenceCode == reading.absenceCode { return true }
        let now = reading.absences
        return now.count == known.absences.count
            && now.allSatisfy { $0.value.goesOn(from: known.absences[$0.key]) }
    }
}

/// The network of an entry.
extension TickEntry {
    /// Where its network stands, if the network was read in this tick.
    var networkReadNow: Position.NetworkMark? {
        position?.network.flatMap {
            $0.bootMicroseconds == moment.bootMicroseconds ? $0 : nil
        }
    }
}
