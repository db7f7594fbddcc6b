import CgroupFormat
import Units

/// One tick while it is being read, account by account, starting from the last committed tick.
///
/// The caller reports cgroups in the order of the tree: first what is above an account, then the
/// account; the account of a tenant root after everything below it. It calls `pass` for each cgroup
/// that is only above accounts, `enter` for each tenant root, and `admit` and `take` for each
/// account; at the end `findEnded` and `finish`. Nothing changes outside this value: the result
/// counts only once it was committed (`Accounts.keep`).
public struct TickReading {
    /// What a tick needs to know besides the accounts.
    public struct Rules: Sendable {
        /// Whether the tree is the kernel's, which uses each cgroup id only once.
        ///
        /// False for a plain folder, where an inode may be used again.
        public var isKernel: Bool
        /// Whether tenant roots count the io of everything below them.
        public var isIOConserved: Bool
        /// If no reading came for longer than this, in µs, a gauge is not interpolated.
        public var longestHold: Int64
        /// The billing zone, whose ledger hours usage is split by.
        public var zone: BillingZone
        /// In the first tick of a run, the last tick of the run before; otherwise `nil`.
        public var before: LastTick?
        /// Names the runtime that a cgroup's path belongs to.
        public var runtime: @Sendable (_ path: String) -> String

        public init(
            isKernel: Bool, isIOConserved: Bool, longestHold: Int64, zone: BillingZone,
            before: LastTick?, runtime: @escaping @Sendable (_ path: String) -> String
        ) {
            (self.isKernel, self.isIOConserved) = (isKernel, isIOConserved)
            (self.longestHold, self.zone) = (longestHold, zone)
            (self.before, self.runtime) = (before, runtime)
        }
    }

    /// The outcome of a tick.
    public struct Result: Sendable {
        /// What the tick writes about each cgroup.
        public var entries: [TickEntry] = []
        /// Rows of accounts that end because their cgroups have become inner ones.
        public var closed: [Int64] = []
        /// The ids of those cgroups.
        public var becameInner: [Int64] = []
        /// Accounts at which nothing happened, and when that was seen.
        public var idle: [(id: Int64, moment: Moment)] = []
        /// Paths of cgroups that were already read at another path.
        public var twins: [String] = []
        /// How far the tenant roots' CPU counters rose while what is below them was read, in µs.
        public var bracketMicroseconds: Int64 = 0
    }

    /// The accounts as the last committed tick left them.
    let accounts: Accounts
    let rules: Rules
    /// What was found so far.
    private var result = Result()
    /// Distributes the usage of tenant roots.
    var conservation: Conservation
    /// Finds out what each account reserves.
    private var reservations = Reservations()
    /// The ids of all cgroups that were taken in.
    private var visited: Set<Int64> = []
    /// The ids of cgroups that live and were admitted.
    private var living: Set<Int64> = []
    /// Where the networks stand that were read in this tick, by namespace.
    var networks: [Int64: Position.NetworkMark] = [:]

    /// Starts a tick.
    ///
    /// - Parameter count: roughly how many cgroups will be read.
    public init(_ accounts: Accounts, _ rules: Rules, expecting count: Int = 0) {
        (self.accounts, self.rules) = (accounts, rules)
        conservation = Conservation(isIOConserved: rules.isIOConserved, in: rules.zone)
        result.entries.reserveCapacity(count)
    }

    /// Notes a cgroup that has no account itself but is above others: its limits apply to them.
    public mutating func pass(_ found: FoundCgroup, _ limits: Reservation) {
        reservations.enter(depth: found.depth, limits)
    }

    /// Notes a tenant root's counters before the cgroups below it are read.
    ///
    /// What is used between this reading and the root's own reading is the bracket
    /// (`Apportionment`).
    public mutating func enter(_ found: FoundCgroup, _ sample: Sample) {
        reservations.enter(depth: found.depth, Reservation(of: sample))
        let position = account(of: found)?.position ?? birth(of: found).map(Position.born(after:))
        conservation.enter(found.id, sample, position)
    }

    /// Whether a cgroup is to be read at this path.
    ///
    /// False if it was already read at another path: a directory that is in two places is one
    /// account.
    public mutating func admit(_ found: FoundCgroup) -> Bool {
        if found.hasEnded || living.insert(found.id).inserted { return true }
        result.twins.append(found.path)
        return false
    }

    /// Takes in what was read of a cgroup.
    ///
    /// - Parameters:
    ///   - end: how it ended; `nil` if it lives.
    ///   - isDeduced: whether its CPU counter was deduced from those of all cgroups around it.
    ///   - moment: when it was read.
    public mutating func take(
        _ found: FoundCgroup, _ reading: CgroupReading, end: CgroupEnd?, isDeduced: Bool,
        at moment: Moment
    ) {
        var reading = reading
        visited.insert(found.id)
        retireFormer(found, at: moment)
        if end == nil {
            let isRoot = found.role == .tenantRoot
            for refusal in reservations.refusals(depth: found.depth, isRoot: isRoot) {
                reading.lack(refusal)
            }
        }
        var entry = entry(found, reading, end, at: moment)
        if isDeduced { entry?.lastReading = .deducedCPU }
        if end == nil {
            let limits = reservations.take(
                entry: entry == nil ? nil : result.entries.count, depth: found.depth,
                Reservation(of: reading.sample), isRoot: found.role == .tenantRoot)
            entry?.limits = limits
        }
        guard let entry else {
            result.idle.append((found.id, moment))
            return
        }
        result.entries.append(entry)
        if entry.row == nil, let row = accounts.byID[found.id]?.row { result.closed.append(row) }
        if let network = entry.networkReadNow {
            networks[network.sample.namespace] = network
        }
    }

    /// Finds the accounts whose cgroups are gone, or have become inner ones.
    ///
    /// - Parameters:
    ///   - seen: the ids of all cgroups that exist.
    ///   - failed: why directories could not be read, by path.
    public mutating func findEnded(
        seen: Set<Int64>, failed: [String: Absence], at moment: Moment
    ) {
        for account in accounts.byID.values.sorted(by: { $0.row < $1.row }) {
            guard account.position != nil, !account.isFolder,
                !visited.contains(account.cgroupID)
            else { continue }
            if seen.contains(account.cgroupID) {
                result.becameInner.append(account.cgroupID)
                result.closed.append(account.row)
                if account.isTenantRoot { result.entries.append(formerRoot(account, at: moment)) }
            } else if let failed = failed.first(where: { isHidden(account.path, by: $0.key) }) {
                if let entry = hidden(account, failed.value, at: moment) {
                    result.entries.append(entry)
                }
            } else {
                result.entries.append(vanished(account, at: moment))
            }
        }
    }

    /// Bills the space of the folders that tenants' rules name.
    ///
    /// - Parameters:
    ///   - folders: those folders; accounts of other folders end.
    ///   - readings: the last measurement of each folder that was measured.
    public mutating func take(
        folders: Set<String>, _ readings: [StorageReading], at moment: Moment
    ) {
        var next = min(0, accounts.folders.values.min() ?? 0)
        for reading in readings where folders.contains(reading.folder) {
            let known = accounts.folders[reading.path].flatMap { accounts.byID[$0] }
            if known == nil { next -= 1 }
            result.entries.append(
                entry(reading, known, id: known?.cgroupID ?? next, at: moment))
        }
        let wanted = Set(folders.map { StorageReading.prefix + $0 })
        for (path, id) in accounts.folders.sorted(by: { $0.value > $1.value })
        where !wanted.contains(path) {
            guard let account = accounts.byID[id] else { continue }
            var entry = vanished(account, at: moment)
            entry.lastReading = .whole
            result.entries.append(entry)
        }
    }

    /// Distributes the usage of tenant roots, and bills what was reserved.
    ///
    /// Called once all is read.
    ///
    /// - Parameter unseen: how many containers ended below each tenant root without ever being
    ///   read.
    public mutating func finish(unseen: [Int64: Int], at moment: Moment) -> Result {
        conservation.apply(to: &result.entries, unseen: unseen, at: moment)
        result.bracketMicroseconds = conservation.bracketMicroseconds
        reserve()
        return result
    }

    /// The account that a cgroup already has.
    ///
    /// The kernel uses a cgroup id only once. An inode may be used again, so in a plain folder the
    /// path must be the same as well.
    func account(of found: FoundCgroup) -> Account? {
        guard let known = accounts.byID[found.id], rules.isKernel || known.path == found.path else {
            return nil
        }
        return known
    }

    /// A moment before which a cgroup did not exist; `nil` if it may be older than what is known.
    func birth(of found: FoundCgroup) -> Moment? {
        if let birth = found.birth { return birth }
        // In the first tick of a run, a cgroup with a higher id than any before is newer: the
        // kernel counts ids up.
        guard rules.isKernel, let last = rules.before, last.isComplete,
            found.id > last.highestID, !wasInsideAnother(found.path)
        else { return nil }
        return last.moment
    }

    /// Whether a cgroup was part of a container before.
    ///
    /// Its id was not looked at then, and its usage was billed with that container.
    private func wasInsideAnother(_ path: String) -> Bool {
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            if accounts.wholeBefore.contains(String(rest)) { return true }
        }
        return false
    }

    /// Closes an account that no longer belongs to its cgroup, and bills what was pending of it.
    ///
    /// Either the cgroup is no longer a tenant root, or another directory has got the inode of the
    /// old one.
    private mutating func retireFormer(_ found: FoundCgroup, at moment: Moment) {
        guard let known = accounts.byID[found.id], known.position != nil else { return }
        if account(of: found) == nil {
            result.entries.append(vanished(known, at: moment))
        } else if known.isTenantRoot, found.role != .tenantRoot {
            result.entries.append(formerRoot(known, at: moment))
        }
    }

    /// The entry of an account whose cgroup could not be read.
    private func unread(_ account: Account, at moment: Moment) -> TickEntry {
        TickEntry(
            row: account.row, path: account.path, cgroupID: account.cgroupID,
            isTenantRoot: account.isTenantRoot, root: account.root, runtime: "", sample: nil,
            position: account.position, isWhole: account.isWhole, at: moment)
    }

    /// The entry that ends an account whose cgroup is gone without a last reading.
    private func vanished(_ account: Account, at moment: Moment) -> TickEntry {
        var entry = unread(account, at: moment)
        entry.hasEnded = true
        return entry
    }

    /// The entry that ends a tenant root's account while its cgroup lives on.
    private func formerRoot(_ account: Account, at moment: Moment) -> TickEntry {
        var entry = vanished(account, at: moment)
        entry.lastReading = .whole
        return entry
    }

    /// The entry of a cgroup that cannot be seen, once: it is unmeasured until it can.
    ///
    /// - Returns: `nil` if that was written before.
    private func hidden(
        _ account: Account, _ absence: Absence, at moment: Moment
    ) -> TickEntry? {
        let file = Absence.wholeCgroup
        guard !absence.goesOn(from: account.absences[file]) else { return nil }
        var entry = unread(account, at: moment)
        entry.absences = account.absences
        entry.absences[file] = absence
        let last = account.position?.lastGauge(of: "memory.current")
        entry.absenceChanges[file] = .began(
            absence, since: last.map { entry.moment.wall(at: $0) })
        return entry
    }

    /// Whether a path could not be seen because a directory could not be read.
    private func isHidden(_ path: String, by failed: String) -> Bool {
        path == failed || path.hasPrefix(failed + "/")
    }

    /// Bills what every account reserved since the last tick.
    private mutating func reserve() {
        var reserved: [Int: Reservation] = [:]
        for item in reservations.finish() where item.reserved != Reservation() {
            reserved[item.entry] = item.reserved
        }
        for index in result.entries.indices {
            let now = reserved[index]
            let mayCount =
                now != nil
                || HostMeter.gauges.contains {
                    $0.isGranted && result.entries[index].position?.gauges[$0] != nil
                }
            guard mayCount else { continue }
            let moment = result.entries[index].moment
            let advance = result.entries[index].position?.advance(
                reserving: now ?? Reservation(), at: moment, longestHold: rules.longestHold,
                in: rules.zone)
            result.entries[index].parts += advance?.parts ?? []
            result.entries[index].anomalies += advance?.refused.map(\.detail) ?? []
        }
    }
}
