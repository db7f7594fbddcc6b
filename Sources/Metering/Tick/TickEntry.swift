import CgroupFormat
import Units

/// What one tick found out about one cgroup, and what it writes about it.
public struct TickEntry: Sendable {
    /// The row of the account; `nil` for a new one.
    public var row: Int64?
    /// The path below the cgroup2 mount.
    public var path: String
    /// The cgroup id.
    public var cgroupID: Int64
    /// Whether it is the entry of a tenant root.
    public var isTenantRoot: Bool
    /// The cgroup id of the tenant root that it is below, if any.
    public var root: Int64?
    /// The name of the runtime, for a new account; otherwise empty.
    public var runtime: String
    /// The values; `nil` if the cgroup ended without a last reading.
    public var sample: Sample?
    /// When the sample was taken.
    public var moment: Moment
    /// The limits in force for it, including those of its ancestors.
    public var limits = Reservation()
    /// Where the account stands after this tick.
    public var position: Position?
    /// The usage to add to the ledger.
    public var parts: [Advance.Part] = []
    /// What no correct kernel does, in words.
    public var anomalies: [String] = []
    /// Devices whose account ends.
    public var endedDevices: [DeviceNumber] = []
    /// Whether it is one container with all below it.
    public var isWhole: Bool
    /// Whether the cgroup is gone, so that its account ends.
    public var hasEnded = false
    /// What is known about its usage until its last process ended.
    public var lastReading = LastReading.none
    /// What is missing now, by kernel file.
    public var absences: [String: Absence] = [:]
    /// The code of `absences`; see `Account.absenceCode`.
    public var absenceCode: UInt64?
    /// The files whose absence began, changed or ended in this tick.
    public var absenceChanges: [String: AbsenceChange] = [:]
    /// Whether it is now a tenant root or a whole container and was not before, or the reverse.
    public var isRelabelled = false
    /// Whether it is new below its tenant root.
    public var isNewBelowRoot = false
    /// Usage that is billed to nobody and is recorded for that reason.
    public var unmetered: Unmetered?
    /// For a tenant root: what its counters rose by and how that was billed.
    public var controls: [Control] = []

    /// For a folder: the measurement that its space is billed by.
    public var storage: StorageReading?
    /// Whether it is the entry of a folder and not of a cgroup.
    public var isFolder: Bool { cgroupID < 0 }

    /// What is known about a cgroup's usage until its last process ended.
    public enum LastReading: Hashable, Sendable {
        /// Nothing after its last ordinary reading.
        case none
        /// Only its CPU time, deduced from its tenant root and all other cgroups below that.
        case deducedCPU
        /// Everything: all its files were read, in this tick or before.
        case whole
    }

    /// Whether it may have used more than a counter shows.
    ///
    /// The rest, its tail, is only in the counter of the tenant root.
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

    /// The account as it is once this entry was committed.
    ///
    /// - Parameter row: the row of the account in the store.
    public func account(_ row: Int64) -> Account {
        Account(
            row: row, cgroupID: cgroupID, path: path, isTenantRoot: isTenantRoot, root: root,
            position: position, isWhole: isWhole, absences: absences, absenceCode: absenceCode)
    }
}

/// How the absence of a kernel file changed.
public enum AbsenceChange: Hashable, Sendable {
    /// It began, or it continues for another reason.
    ///
    /// - Parameter since: when the unmeasured time began, if that was before this tick.
    case began(Absence, since: Instant?)
    /// The file gives values again.
    case ended

    /// The absence that began; `nil` if one ended.
    public var begun: Absence? {
        if case .began(let absence, _) = self { absence } else { nil }
    }
}

/// Usage of a cgroup that is not metered.
public enum Unmetered: Hashable, Sendable {
    /// It existed before its first reading.
    ///
    /// The value is the CPU time that it had used by then, in µs, if that was not billed elsewhere.
    case beforeFirstReading(cpuMicroseconds: Int64?)
    /// A tenant root ended without a last reading, and what it used since then is lost.
    ///
    /// The value is the time of its last reading, in µs after boot.
    case rootVanished(sinceBootMicroseconds: Int64)
}
