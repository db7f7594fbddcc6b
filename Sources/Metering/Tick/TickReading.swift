import CgroupFormat
import Units

/// A tick as it is read, account by account, from where the last kept tick left them.
///
/// It is told of each cgroup in the order of the tree: of those above an account before it, of a tenant
/// root's own account after all below it. Nothing of it counts before the tick is kept.
public struct TickReading {
    /// How a tick is read.
    public struct Rules: Sendable {
        /// Whether the tree is the kernel's, where an id is given once.
        public var isKernel: Bool
        /// Whether tenant roots count the io of all below them.
        public var isIOConserved: Bool
        /// Over a longer silence, in µs, a gauge is not interpolated.
        public var longestHold: Int64
        /// By whose hours usage is kept: those of the billing zone.
        public var zone: BillingZone
        /// The last tick of the run before, in the first tick of a run; else `nil`.
        public var before: LastTick?
        /// The name of the runtime that a cgroup's path tells of.
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

    /// What a tick came to.
    public struct Result: Sendable {
        public var entries: [TickEntry] = []
        /// Rows of accounts that count no more, as their cgroups have become inner ones.
        public var closed: [Int64] = []
        /// Ids of those cgroups.
        public var becameInner: [Int64] = []
        /// Accounts at which nothing happened, and when that was seen.
        public var idle: [(id: Int64, moment: Moment)] = []
        /// Paths at which a cgroup was found that was read at another already.
        public var twins: [String] = []
        /// How far the tenant roots' cpu counters rose while their trees were read, in µs.
        public var bracketMicroseconds: Int64 = 0
    }

    let accounts: Accounts
    let rules: Rules
    private var result = Result()
    var conservation: Conservation
    private var reservations = Reservations()
    private var visited: Set<Int64> = []
    /// Cgroups that live and were read.
    private var living: Set<Int64> = []
    /// Where networks stand by this tick.
    var networks: [Int64: Position.NetworkMark] = [:]

    /// - Parameter count: about how many cgroups will be read.
    public init(_ accounts: Accounts, _ rules: Rules, expecting count: Int = 0) {
        (self.accounts, self.rules) = (accounts, rules)
        conservation = Conservation(isIOConserved: rules.isIOConserved, in: rules.zone)
        result.entries.reserveCapacity(count)
    }

    /// Passes a cgroup that others lie below: its limits are theirs as well.
    public mutating func pass(_ found: FoundCgroup, _ limits: Reservation) {
        reservations.enter(depth: found.depth, limits)
    }

    /// Takes in what a tenant root's counters say before all below it is read.
    ///
    /// What runs from here to the root's own reading is the bracket.
    public mutating func enter(_ found: FoundCgroup, _ sample: Sample) {
        reservations.enter(depth: found.depth, Reservation(of: sample))
        let position = account(of: found)?.position ?? birth(of: found).map(Position.born(after:))
        conservation.enter(found.id, sample, position)
    }

    /// Admits a cgroup to the reading, unless it was read at another path: one folder at two places is one account.
    ///
    /// - Returns: whether it is to be read here.
    public mutating func admit(_ found: FoundCgroup) -> Bool {
        if found.hasEnded || living.insert(found.id).inserted { return true }
        result.twins.append(found.path)
        return false
    }

    /// Takes in what a cgroup gave.
    ///
    /// - Parameters:
    ///   - end: how it ended; `nil` if it lives.
    ///   - isDeduced: whether its cpu counter was deduced from those of all around it.
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

    /// Finds the accounts whose cgroups are gone unseen or have become inner ones.
    ///
    /// - Parameters:
    ///   - seen: the ids of all cgroups there are.
    ///   - failed: directories that could not be read, by path, and why.
    public mutating func findEnded(
        seen: Set<Int64>, failed: [String: Absence], at moment: Moment
    ) {
        for account in accounts.byID.values.sorted(by: { $0.row < $1.row }) {
            guard account.position != nil, !visited.contains(account.cgroupID) else { continue }
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

    /// Hands out what tenant roots used, and counts what is reserved, once all is read.
    ///
    /// - Parameter unseen: how many containers ended below each tenant root without a trace.
    public mutating func finish(unseen: [Int64: Int], at moment: Moment) -> Result {
        conservation.apply(to: &result.entries, unseen: unseen, at: moment)
        result.bracketMicroseconds = conservation.bracketMicroseconds
        reserve()
        return result
    }

    /// The account that a cgroup has already.
    ///
    /// The kernel uses a cgroup's id only once. An inode is used again, so in a plain folder the path must be the
    /// same as well.
    func account(of found: FoundCgroup) -> Account? {
        guard let known = accounts.byID[found.id], rules.isKernel || known.path == found.path else {
            return nil
        }
        return known
    }

    /// The moment after which a cgroup was born; `nil` if it may be older than what we know.
    func birth(of found: FoundCgroup) -> Moment? {
        if let birth = found.birth { return birth }
        // First scan of this run: the kernel counts ids up, so a higher one came later.
        guard rules.isKernel, let last = rules.before, last.isComplete,
            found.id > last.highestID, !wasInsideAnother(found.path)
        else { return nil }
        return last.moment
    }

    /// Whether a cgroup was part of a container: its id was not seen then, and its usage was billed.
    private func wasInsideAnother(_ path: String) -> Bool {
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            if accounts.wholeBefore.contains(String(rest)) { return true }
        }
        return false
    }

    /// Closes an account that its cgroup no longer has, and bills what was pending of it.
    ///
    /// Either the cgroup is no longer a tenant root, or another folder has been given the inode of its folder.
    private mutating func retireFormer(_ found: FoundCgroup, at moment: Moment) {
        guard let known = accounts.byID[found.id], known.position != nil else { return }
        if account(of: found) == nil {
            result.entries.append(vanished(known, at: moment))
        } else if known.isTenantRoot, found.role != .tenantRoot {
            result.entries.append(formerRoot(known, at: moment))
        }
    }

    /// What a tick writes of an account whose cgroup it cannot read.
    private func unread(_ account: Account, at moment: Moment) -> TickEntry {
        TickEntry(
            row: account.row, path: account.path, cgroupID: account.cgroupID,
            isTenantRoot: account.isTenantRoot, root: account.root, runtime: "", sample: nil,
            position: account.position, isWhole: account.isWhole, at: moment)
    }

    /// The end of an account whose cgroup is gone and was not read before.
    private func vanished(_ account: Account, at moment: Moment) -> TickEntry {
        var entry = unread(account, at: moment)
        entry.hasEnded = true
        return entry
    }

    /// The end of a tenant root's account whose cgroup lives on.
    private func formerRoot(_ account: Account, at moment: Moment) -> TickEntry {
        var entry = vanished(account, at: moment)
        entry.lastReading = .whole
        return entry
    }

    /// What is written once of a cgroup that cannot be seen: nothing of it is measured till it can.
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

    /// Whether a path could not be seen because another could not be read.
    private func isHidden(_ path: String, by failed: String) -> Bool {
        path == failed || path.hasPrefix(failed + "/")
    }

    /// Counts what every account reserved since the last tick.
    private mutating func reserve() {
        var reserved: [Int: Reservation] = [:]
        for item in reservations.finish() where item.reserved != Reservation() {
            reserved[item.entry] = item.reserved
        }
        for index in result.entries.indices {
            let now = reserved[index]
            let mayCount =
                now != nil || result.entries[index].position?.cpuReserved != nil
                || result.entries[index].position?.memoryReserved != nil
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
