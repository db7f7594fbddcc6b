import Units

/// What a container does now: its last sample, and its rates since the one before; `nil` is "not
/// measured".
public struct LiveContainer: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case container
        /// Of a cgroup with a tenant's containers below it.
        case tenantRoot = "tenant root"
        /// All that a tenant has: its containers, and what its roots hold beside them.
        case tenant
    }

    /// Its account; `nil` of a tenant.
    public var row: Int64?
    /// `nil` of a tenant.
    public var path: String?
    public var tenant: String
    public var runtime: String
    public var name: String?
    public var kind: Kind
    /// The account of the tenant root that it lies below.
    public var root: Int64?
    /// CPU time in µs a second.
    public var cpuRate: Int64?
    /// Memory in bytes, as `memory.current` has it.
    public var memory: Int64?
    /// Bytes a second, of all physical devices.
    public var ioReadRate: Int64?
    public var ioWriteRate: Int64?
    /// Bytes a second.
    public var netReceiveRate: Int64?
    public var netSendRate: Int64?
    /// In µs a second, its ancestors' included; `nil` where there is none.
    public var cpuLimit: Int64?
    /// In bytes.
    public var memoryLimit: Int64?
    /// Time in which it was held back by its cpu limit, in µs a second.
    public var throttledRate: Int64?

    public init(row: Int64?, path: String?, tenant: String, runtime: String, kind: Kind) {
        (self.row, self.path, self.tenant) = (row, path, tenant)
        (self.runtime, self.kind) = (runtime, kind)
    }
}

/// What the collector read last.
public struct LiveReading: Hashable, Sendable {
    public var containers: [LiveContainer]
    /// Since when nothing was read, if the collector stands still: then no rate is known.
    public var silentSince: Instant?

    public init(_ containers: [LiveContainer], silentSince: Instant? = nil) {
        (self.containers, self.silentSince) = (containers, silentSince)
    }
}

/// Whether a reading of that age still tells what happens now: at most three intervals and a second.
public func isRecent(ageMilliseconds: Int64, intervalMilliseconds: Int64) -> Bool {
    ageMilliseconds <= 3 * intervalMilliseconds + 1000
}
