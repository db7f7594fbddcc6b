import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import Store
import Units

/// Turns the cgroup tree into ledger rows, one tick at a time.
///
/// Its state is what the last committed tick left. A tick whose commit fails changes nothing here
/// either, so the next one counts from the same place and nothing is lost.
public struct Collector: ~Copyable {
    private let root: CgroupRoot
    private let store: Store
    private let run: Run
    private let longestHold: Int64
    private var sampler: Sampler
    private var kept = KeptDirectories()
    private var accounts: [Int64: Account]
    /// The last scan; `nil` before the first.
    private var lastScan: Scan?
    /// Inner cgroups with processes of their own that were warned of.
    private var warned: Set<String> = []

    /// What a scan saw, and when.
    private struct Scan {
        var moment: Moment
        var ids: Set<Int64>
        /// Paths it could not read: what appears below them later may be old.
        var failed: [String]
    }
    private var rules: (version: Int, roots: Set<String>)?

    /// What one tick did, for logs and progress.
    public struct Outcome: Sendable {
        public var moment: Moment
        public var read: Int
        /// CPU time used since the last tick, in µs, by all containers.
        public var cpuMicroseconds: Int128
        public var failures: [String]
        public var anomalies: [String]
    }

    /// Starts a run in the store, from where the last one of this boot and root ended.
    public init(
        root: consuming CgroupRoot, store: Store, intervalMilliseconds: Int64
    ) throws(Fault) {
        // A plain folder's inodes mean something only under that folder.
        let boot = try Host.bootID()
        let identity = root.isKernel ? boot : "\(boot) \(root.path)"
        run = try store.beginRun(
            bootID: identity, root: root.path, intervalMilliseconds: intervalMilliseconds,
            at: Host.wallTime())
        accounts = run.accounts
        sampler = Sampler(isKernel: root.isKernel)
        longestHold = max(intervalMilliseconds * 3, 60_000) * 1000
        self.root = root
        self.store = store
    }

    /// Reads every account once and commits what it finds in one transaction.
    public mutating func tick() throws(Fault) -> Outcome {
        let began = Host.now()
        let plan = WalkPlan(
            nesting: PathShape.nesting, tenantRoots: try tenantRoots(),
            whole: Set(accounts.values.lazy.filter(\.isWhole).map(\.cgroupID)),
            known: lastScan?.ids)
        var entries: [TickEntry] = []
        var visited: Set<Int64> = []
        var vanished = 0
        var sampler = self.sampler
        var kept = self.kept
        var conservation = Conservation()
        let counts = root.walk(plan, keeping: &kept) { found, directory in
            // Before its children: what runs from here to the root's own reading is the bracket.
            conservation.before[found.id] = sampler.cpu(directory)
            let isKnown = accounts[found.id]?.position?.cpu != nil
            if isKnown || birth(of: found.id, at: found.path) != nil {
                conservation.settled.insert(found.id)
            }
        } visit: { found, directory in
            let result = sampler.sample(directory)
            // A child that was born under the reading would be counted here and there: the
            // reading of a leaf stands only if it is still one after it.
            if found.isLeaf, !found.isWhole, found.role == .container, directory.hasChildren {
                return
            }
            visited.insert(found.id)
            guard !result.isGone else {
                vanished += 1
                return
            }
            let isConserved = found.root.map(conservation.settled.contains) ?? false
            // Each cgroup gets the time of its own reading.
            let entry = entry(found, result, isConserved: isConserved, at: Host.now())
            if let entry { entries.append(entry) }
        }
        let ended = accounts.values.filter { account in
            account.position != nil && !counts.seen.contains(account.cgroupID)
                && !counts.failed.keys.contains { isHidden(account.path, by: $0) }
        }.sorted { $0.row < $1.row }
        let becameInner = accounts.values.filter { account in
            account.position != nil && counts.seen.contains(account.cgroupID)
                && !visited.contains(account.cgroupID)
        }
        conservation.apply(to: &entries, ended: ended, at: Host.now())
        let reopened = entries.compactMap { $0.row == nil ? accounts[$0.cgroupID]?.row : nil }
        let record = TickRecord(
            moment: began, seen: counts.seen.count,
            vanished: counts.vanished + vanished + ended.count,
            failed: counts.failed.count,
            highestID: root.isKernel ? counts.seen.max() ?? 0 : 0,
            durationMicroseconds: Host.now().bootMicroseconds - began.bootMicroseconds,
            longestHold: longestHold, entries: entries,
            closed: (ended + becameInner).map(\.row) + reopened, tails: conservation.tails,
            notes: conservation.notes)
        let rows = try store.commit(record, of: run)
        // Committed: only now does the state move.
        (self.sampler, self.kept) = (sampler, kept)
        for (entry, row) in zip(entries, rows) { accounts[entry.cgroupID] = entry.account(row) }
        for account in ended { accounts[account.cgroupID] = nil }
        for account in becameInner { accounts[account.cgroupID]?.position = nil }
        // What a failed scan missed was seen before all the same.
        let ids = counts.failed.isEmpty ? counts.seen : counts.seen.union(lastScan?.ids ?? [])
        lastScan = Scan(moment: began, ids: ids, failed: Array(counts.failed.keys))
        return outcome(record, counts)
    }

    private mutating func tenantRoots() throws(Fault) -> Set<String> {
        let version = try store.dataVersion()
        if let rules, rules.version == version { return rules.roots }
        let roots = Set(try store.tenants().flatMap(\.match).flatMap(\.rootPaths))
        rules = (version, roots)
        return roots
    }

    /// What the tick has to write of one cgroup; `nil` if nothing happened in it.
    ///
    /// - Parameter isConserved: its cpu time comes out of its tenant root's counter.
    private func entry(
        _ found: FoundCgroup, _ result: Sampler.Result, isConserved: Bool, at moment: Moment
    ) -> TickEntry? {
        let known = accounts[found.id]
        let isRoot = found.role == .tenantRoot
        // Below another root than before: an account of its own, so that no root's sum changes.
        let isMoved = known?.root != nil && known?.root != found.root
        if !isRoot, !isMoved, found.isPopulated == false,
            known?.position?.isUnchanged(by: result.sample) == true
        {
            // Nothing runs here and nothing was used since: its account stands where it stood.
            return nil
        }
        let born = known == nil ? birth(of: found.id, at: found.path) : nil
        var position = known?.position ?? born.map(Position.born(after:)) ?? Position()
        var advance = Advance()
        var endedDevices: [DeviceNumber] = []
        if isRoot, !found.isLeaf {
            endedDevices = Array(position.io.keys)
            position.closeHoldings()
        } else {
            advance = position.advance(
                to: result.sample, at: moment, longestHold: longestHold,
                isConserved: isConserved || isRoot)
        }
        let before = known?.absences ?? [:]
        var changes: [String: Absence?] = result.absences.filter { before[$0.key] != $0.value }
        for file in before.keys where result.absences[file] == nil {
            changes.updateValue(nil, forKey: file)
        }
        var entry = TickEntry(
            row: isMoved ? nil : known?.row, path: found.path, cgroupID: found.id,
            isTenantRoot: isRoot, root: found.root, runtime: PathShape.runtime(of: found.path),
            sample: result.sample, position: position, parts: advance.parts,
            anomalies: advance.anomalies, endedDevices: endedDevices + advance.endedDevices,
            isWhole: found.isWhole || known?.isWhole == true, absences: result.absences,
            absenceChanges: changes)
        entry.isNewBelowRoot = found.root != nil && known?.root != found.root
        return entry
    }

    /// The scan after which a cgroup was born; `nil` if it may be older than what we know.
    private func birth(of id: Int64, at path: String) -> Moment? {
        if let lastScan {
            let wasHidden = lastScan.failed.contains { isHidden(path, by: $0) }
            return wasHidden || lastScan.ids.contains(id) ? nil : lastScan.moment
        }
        // First scan of this run: the kernel counts ids up, so a higher one came later.
        guard root.isKernel, let last = run.lastTick, last.isComplete, id > last.highestID
        else { return nil }
        return last.moment
    }

    /// Whether a path could not be seen because another could not be read.
    private func isHidden(_ path: String, by failed: String) -> Bool {
        path == failed || path.hasPrefix(failed + "/")
    }

    private mutating func outcome(_ record: TickRecord, _ counts: WalkCounts) -> Outcome {
        let unaccounted = counts.unaccounted.filter { warned.insert($0).inserted }
        let parts = record.entries.flatMap(\.parts) + record.tails.flatMap(\.parts)
        return Outcome(
            moment: record.moment, read: record.entries.count,
            cpuMicroseconds: parts.reduce(0) {
                $1.meter == .meter(.cpu) ? $0 + $1.quantity : $0
            },
            failures: counts.failed.map { "\($0.key): \($0.value)" }.sorted(),
            anomalies: unaccounted.map {
                "\($0): it holds processes beside its child cgroups; what they use is not metered"
            }
                + record.entries.flatMap { entry in
                    entry.anomalies.map { "\(entry.path): \($0)" }
                        + entry.absenceChanges.compactMap { file, absence in
                            absence?.reason == .malformed
                                ? "\(entry.path)/\(file): \(absence?.detail ?? "")" : nil
                        }
                })
    }
}
