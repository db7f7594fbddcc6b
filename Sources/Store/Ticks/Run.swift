import Metering
import Units

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
}
