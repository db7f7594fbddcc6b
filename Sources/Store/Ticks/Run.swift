import Metering
import Units

/// A run of the collector, from its start to its end, as the store knows it.
public struct Run: Sendable {
    /// Its row in table `run`.
    public let row: Int64
    /// The row of the host's boot in table `boot`.
    public let boot: Int64
    /// The open accounts of this boot, by cgroup id.
    public let accounts: [Int64: Account]
    /// The last tick of this boot and cgroup tree; `nil` if there is none.
    public let lastTick: LastTick?
    /// The wall time of the newest tick of any boot; `nil` if there is none.
    public let newestTick: Instant?
}
