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
    public var sample: Sample
    public var position: Position?
    public var parts: [Advance.Part]
    public var anomalies: [String]
    /// Devices whose account is closed.
    public var endedDevices: [DeviceNumber]
    public var isWhole: Bool
    /// What is missing now, by kernel file.
    public var absences: [String: Absence]
    /// Files whose absence began, changed or (`nil`) ended.
    public var absenceChanges: [String: Absence?]
    /// Whether it was not known to lie below its tenant root.
    public var isNewBelowRoot = false
    /// For a tenant root: what its counter rose by.
    public var control: Control?

    public init(
        row: Int64?, path: String, cgroupID: Int64, isTenantRoot: Bool, root: Int64?,
        runtime: String, sample: Sample, position: Position?, parts: [Advance.Part],
        anomalies: [String],
        endedDevices: [DeviceNumber], isWhole: Bool, absences: [String: Absence],
        absenceChanges: [String: Absence?]
    ) {
        (self.row, self.path, self.cgroupID) = (row, path, cgroupID)
        (self.isTenantRoot, self.root, self.runtime) = (isTenantRoot, root, runtime)
        (self.sample, self.position, self.parts) = (sample, position, parts)
        (self.anomalies, self.absences) = (anomalies, absences)
        (self.endedDevices, self.isWhole) = (endedDevices, isWhole)
        self.absenceChanges = absenceChanges
    }

    /// The account as it stands once this entry is committed.
    public func account(_ row: Int64) -> Account {
        Account(
            row: row, cgroupID: cgroupID, path: path, isTenantRoot: isTenantRoot, root: root,
            position: position,
            isWhole: isWhole, absences: absences)
    }
}

/// What a tenant root's cpu counter says: the control total of what is billed below it.
public struct Control: Hashable, Sendable {
    /// Where the account begins: set at its first reading.
    public var baseline: Int64?
    /// The reading, in µs.
    public var last: Int64
    /// How much of it waits for the next tick to be billed.
    public var pending: Int64
    /// What was billed of it in this tick, by hour.
    public var parts: [HourPart]

    public init(baseline: Int64?, last: Int64, pending: Int64, parts: [HourPart]) {
        (self.baseline, self.last) = (baseline, last)
        (self.pending, self.parts) = (pending, parts)
    }
}

/// What an account that has ended is still billed, out of its tenant root's counter.
public struct Tail: Hashable, Sendable {
    public var row: Int64
    public var parts: [Advance.Part]
    /// For a tenant root: what was pending of its counter and is billed now, in µs.
    public var control: Int64

    public init(row: Int64, parts: [Advance.Part], control: Int64 = 0) {
        (self.row, self.parts, self.control) = (row, parts, control)
    }
}

/// All that one tick writes, in one transaction.
public struct TickRecord: Sendable {
    public var moment: Moment
    public var seen: Int
    public var vanished: Int
    public var failed: Int
    /// The highest cgroup id of the scan; 0 where ids do not count up.
    public var highestID: Int64
    public var durationMicroseconds: Int64
    /// A silence longer than this, in µs, is written down as a gap.
    public var longestHold: Int64
    public var entries: [TickEntry]
    /// Accounts that count no more: they have ended, or have become inner cgroups.
    public var closed: [Int64]
    public var tails: [Tail]
    /// Anomalies of accounts without an entry, by row.
    public var notes: [(row: Int64, found: String)]

    public init(
        moment: Moment, seen: Int, vanished: Int, failed: Int, highestID: Int64,
        durationMicroseconds: Int64, longestHold: Int64, entries: [TickEntry],
        closed: [Int64], tails: [Tail] = [], notes: [(row: Int64, found: String)] = []
    ) {
        (self.moment, self.seen, self.vanished) = (moment, seen, vanished)
        (self.failed, self.highestID) = (failed, highestID)
        self.durationMicroseconds = durationMicroseconds
        (self.longestHold, self.entries) = (longestHold, entries)
        (self.closed, self.tails, self.notes) = (closed, tails, notes)
    }
}

/// A life of the collector, as the store knows it.
public struct Run: Sendable {
    public let row: Int64
    public let boot: Int64
    /// The accounts of this boot under this root, by cgroup id.
    public let accounts: [Int64: Account]
    /// The last tick of this boot under this root.
    public let lastTick: LastTick?

    /// A tick of an earlier run.
    public struct LastTick: Sendable {
        public let moment: Moment
        public let highestID: Int64
        /// Whether every cgroup could be read then.
        public let isComplete: Bool
    }
}
