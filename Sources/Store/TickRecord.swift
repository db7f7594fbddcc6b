import CgroupFormat
import Metering
import Units

/// An account of the store: one life of one cgroup.
public struct Account: Hashable, Sendable {
    public let row: Int64
    public let cgroupID: Int64
    public let path: String
    public var isTenantRoot: Bool
    /// The cgroup id of the tenant root it lies below.
    public var root: Int64?
    /// `nil` for a cgroup that has ended or has become an inner one.
    public var position: Position?
    /// One container with all below it, whatever grows there.
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
    /// A code of `absences` that is cheap to compare; `nil` if it is not known.
    public var absenceCode: UInt64?

    public init(
        row: Int64, cgroupID: Int64, path: String, isTenantRoot: Bool, root: Int64?,
        position: Position?, isWhole: Bool, absences: [String: Absence], absenceCode: UInt64? = nil
    ) {
        (self.row, self.cgroupID, self.path) = (row, cgroupID, path)
        (self.isTenantRoot, self.root, self.position) = (isTenantRoot, root, position)
        (self.isWhole, self.absences, self.absenceCode) = (isWhole, absences, absenceCode)
    }
}

/// What one tick found of one cgroup.
public struct TickEntry: Sendable {
    /// `nil` for an account that is new.
    public var row: Int64?
    public var path: String
    public var cgroupID: Int64
    public var isTenantRoot: Bool
    /// The cgroup id of the tenant root it lies below.
    public var root: Int64?
    public var runtime: String
    /// `nil` for a cgroup that ended without a last reading.
    public var sample: Sample?
    /// When the sample was taken.
    public var moment: Moment
    /// The limits in force over it, its ancestors' included.
    public var limits = Reservation()
    public var position: Position?
    public var parts: [Advance.Part] = []
    public var anomalies: [String] = []
    /// Devices whose account is closed.
    public var endedDevices: [DeviceNumber] = []
    public var isWhole: Bool
    /// The cgroup is gone: its account is closed.
    public var hasEnded = false
    /// How much is known of it after its last process had gone.
    public var lastReading = LastReading.none
    /// What is missing now, by kernel file.
    public var absences: [String: Absence] = [:]
    public var absenceCode: UInt64?
    /// Files whose absence began, changed or ended.
    public var absenceChanges: [String: AbsenceChange] = [:]
    /// Whether its role is another than before.
    public var isRelabelled = false
    /// Whether it was not known to lie below its tenant root.
    public var isNewBelowRoot = false
    /// What nobody is billed, and is written down for that.
    public var unmetered: Unmetered?
    /// For a tenant root: what its counters rose by.
    public var controls: [Control] = []

    public enum LastReading: Hashable, Sendable {
        case none
        /// Its cpu counter, deduced from those of its tenant root and of all others below it.
        case deducedCPU
        /// All its files were read, in this tick or before.
        case whole
    }

    /// Whether what a counter says may not be all that was used: the rest is in the tenant root's.
    public func isTail(_ counter: Counter) -> Bool {
        switch lastReading {
        case .none: hasEnded
        case .deducedCPU: hasEnded && counter != .cpu
        case .whole: false
        }
    }

    public init(
        row: Int64?, path: String, cgroupID: Int64, isTenantRoot: Bool, root: Int64?,
        runtime: String, sample: Sample?, position: Position?, isWhole: Bool, at moment: Moment
    ) {
        (self.row, self.path, self.cgroupID) = (row, path, cgroupID)
        (self.isTenantRoot, self.root, self.runtime) = (isTenantRoot, root, runtime)
        (self.sample, self.position, self.isWhole) = (sample, position, isWhole)
        self.moment = moment
    }

    /// The account as it stands once this entry is committed.
    public func account(_ row: Int64) -> Account {
        Account(
            row: row, cgroupID: cgroupID, path: path, isTenantRoot: isTenantRoot, root: root,
            position: position, isWhole: isWhole, absences: absences, absenceCode: absenceCode)
    }
}

/// What became of the absence of a kernel file.
public enum AbsenceChange: Hashable, Sendable {
    /// It began, or goes on for another reason.
    ///
    /// - Parameter since: from when nothing was measured, if that was before the tick that found it.
    case began(Absence, since: Instant?)
    case ended

    public var begun: Absence? {
        if case .began(let absence, _) = self { absence } else { nil }
    }
}

/// What a container used and was not metered, up to its entry.
public enum Unmetered: Hashable, Sendable {
    /// It was there before the first reading, and had used so much cpu time, in µs.
    case beforeFirstReading(cpuMicroseconds: Int64?)
    /// The tenant root went away with what ran after its last reading, at that time after boot, in µs.
    case rootVanished(sinceBootMicroseconds: Int64)
}

/// What one counter of a tenant root says: the control total of what is billed below it.
public struct Control: Hashable, Sendable {
    public var counter: Counter
    /// Where the account begins, if this is its first reading.
    public var baseline: Int64
    /// The reading, in base units.
    public var last: Int64
    /// How much of it waits for the next tick to be billed.
    public var pending: Int64
    /// What was billed of it in this tick, by hour.
    public var parts: [HourPart]
    /// The counter began anew at 0: what it said before is closed.
    public var restarts: Bool

    public init(
        _ counter: Counter, baseline: Int64, last: Int64, pending: Int64, parts: [HourPart],
        restarts: Bool = false
    ) {
        (self.counter, self.baseline, self.last) = (counter, baseline, last)
        (self.pending, self.parts, self.restarts) = (pending, parts, restarts)
    }
}

/// All that one tick writes, in one transaction.
public struct TickRecord: Sendable {
    public var moment: Moment
    public var completeness = Completeness()
    /// The highest cgroup id of the scan; 0 where ids do not count up.
    public var highestID: Int64 = 0
    /// A silence longer than this, in µs, is written down as a gap.
    public var longestHold: Int64
    public var entries: [TickEntry]
    /// What the host could have given since the last tick: cores times time, memory times time.
    public var capacity: [Advance.Part] = []
    /// Accounts that count no more, as their cgroups have become inner ones.
    public var closed: [Int64] = []

    public init(moment: Moment, longestHold: Int64, entries: [TickEntry]) {
        (self.moment, self.longestHold, self.entries) = (moment, longestHold, entries)
    }
}

/// How complete a tick was: what an invoice's figures can be judged by.
public struct Completeness: Hashable, Sendable {
    public var seen = 0
    public var vanished = 0
    /// Directories that could not be read, by errno.
    public var failed: [Int32: Int] = [:]
    public var durationMicroseconds: Int64 = 0
    /// How far the tenant roots' cpu counters rose while their trees were read, in µs.
    public var bracketMicroseconds: Int64 = 0
    /// Which stretch of the wall clock this is: a step of the clock begins a new one.
    public var epoch: Int64 = 0
    /// Cgroups seen born since the last tick.
    public var births = 0
    /// Cgroups that ended since, and how many of them were read after their last process.
    public var ends = 0
    public var lastReadings = 0
    /// Ticks that were due since the last one and were skipped, as this one came late.
    public var skipped: Int64 = 0

    public init() {}
}

/// A life of the collector, as the store knows it.
public struct Run: Sendable {
    public let row: Int64
    public let boot: Int64
    /// The accounts of this boot under this root, by cgroup id.
    public let accounts: [Int64: Account]
    /// The last tick of this boot under this root.
    public let lastTick: LastTick?
    /// The wall time of the newest tick of any boot.
    public let newestTick: Instant?

    /// A tick of an earlier run.
    public struct LastTick: Sendable {
        public let moment: Moment
        public let highestID: Int64
        /// Whether every cgroup could be read then.
        public let isComplete: Bool
        public let epoch: Int64
    }
}
