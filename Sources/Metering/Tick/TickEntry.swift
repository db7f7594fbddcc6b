import CgroupFormat
import Units

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
