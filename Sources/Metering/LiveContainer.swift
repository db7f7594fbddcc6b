import Units

/// What a container does now: its last sample, and its rates since the sample before.
///
/// `nil` means "not measured".
public struct LiveContainer: Hashable, Sendable {
    /// What the values are of.
    public enum Kind: String, Hashable, Sendable {
        /// One container.
        case container
        /// A cgroup with a tenant's containers below it.
        case tenantRoot = "tenant root"
        /// Everything a tenant has: its containers, and what its tenant roots hold beside them.
        case tenant
    }

    /// The row of its account in the store; `nil` for a tenant.
    public var row: Int64?
    /// The path below the cgroup2 mount; `nil` for a tenant.
    public var path: String?
    /// The id of the tenant.
    public var tenant: String
    /// The name of the runtime, as the path shows it.
    public var runtime: String
    /// The name in the runtime, once it is known.
    public var name: String?
    /// What the values are of.
    public var kind: Kind
    /// The account of the tenant root that it is below, if any.
    public var root: Int64?
    /// CPU time per second, in µs: 1,500,000 are 1.5 cores.
    public var cpuRate: Int64?
    /// `memory.current`, in bytes.
    public var memory: Int64?
    /// Bytes read per second from all physical devices.
    public var ioReadRate: Int64?
    /// Bytes written per second to all physical devices.
    public var ioWriteRate: Int64?
    /// Bytes received per second.
    public var netReceiveRate: Int64?
    /// Bytes sent per second.
    public var netSendRate: Int64?
    /// The CPU limit in µs per second, including limits above the container; `nil` for no limit.
    public var cpuLimit: Int64?
    /// The memory limit in bytes.
    public var memoryLimit: Int64?
    /// Time for which the CPU limit stopped it, in µs per second.
    public var throttledRate: Int64?

    public init(row: Int64?, path: String?, tenant: String, runtime: String, kind: Kind) {
        (self.row, self.path, self.tenant) = (row, path, tenant)
        (self.runtime, self.kind) = (runtime, kind)
    }
}

/// What the collector read last.
public struct LiveReading: Hashable, Sendable {
    /// The containers, tenant roots and tenants.
    public var containers: [LiveContainer]
    /// Since when nothing was read, if the collector has stopped; no rate is known then.
    public var silentSince: Instant?

    public init(_ containers: [LiveContainer], silentSince: Instant? = nil) {
        (self.containers, self.silentSince) = (containers, silentSince)
    }
}

/// Whether a reading still shows what happens now: it is at most three intervals and a second old.
///
/// - Parameters:
///   - ageMilliseconds: the age of the reading.
///   - intervalMilliseconds: the time between two ticks.
public func isRecent(ageMilliseconds: Int64, intervalMilliseconds: Int64) -> Bool {
    ageMilliseconds <= 3 * intervalMilliseconds + 1000
}
