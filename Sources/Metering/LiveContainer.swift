import Units

/// What a container does now: its last sample, and its rates since the one before; `nil` is "not
/// measured".
public struct LiveContainer: Hashable, Sendable {
    public var row: Int64
    public var path: String
    public var tenant: String
    public var runtime: String
    public var name: String?
    public var isTenantRoot: Bool
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
    /// What it used in this hour.
    public var hour: [Usage] = []

    public init(row: Int64, path: String, tenant: String, runtime: String, isTenantRoot: Bool) {
        (self.row, self.path, self.tenant) = (row, path, tenant)
        (self.runtime, self.isTenantRoot) = (runtime, isTenantRoot)
    }
}
