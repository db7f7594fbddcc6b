import Units

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

/// The last tick that an earlier run of the collector kept.
public struct LastTick: Hashable, Sendable {
    public let moment: Moment
    /// The highest cgroup id of its scan; 0 where ids do not count up.
    public let highestID: Int64
    /// Whether every cgroup could be read then.
    public let isComplete: Bool
    /// Which stretch of the wall clock it was in.
    public let epoch: Int64

    public init(moment: Moment, highestID: Int64, isComplete: Bool, epoch: Int64) {
        (self.moment, self.highestID) = (moment, highestID)
        (self.isComplete, self.epoch) = (isComplete, epoch)
    }
}
