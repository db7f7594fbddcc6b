import Units

/// Everything that one tick writes, in one transaction.
public struct TickRecord: Sendable {
    /// When the tick was read.
    public var moment: Moment
    /// How complete the reading was.
    public var completeness = Completeness()
    /// The highest cgroup id that was found; 0 if ids do not count up, as in a plain folder.
    public var highestID: Int64 = 0
    /// If no tick came for longer than this, in µs, the time is recorded as a gap.
    public var longestHold: Int64
    /// What was found of each cgroup.
    public var entries: [TickEntry]
    /// What the host could have provided since the last tick: cores × time and memory × time.
    public var capacity: [Advance.Part] = []
    /// Rows of accounts that end because their cgroups have become inner ones.
    public var closed: [Int64] = []

    public init(moment: Moment, longestHold: Int64, entries: [TickEntry]) {
        (self.moment, self.longestHold, self.entries) = (moment, longestHold, entries)
    }
}

/// How complete a tick was, which shows how far the figures on an invoice can be relied on.
public struct Completeness: Hashable, Sendable {
    /// Cgroups that were found.
    public var seen = 0
    /// Cgroups that ended since the last tick; the collector sets it to `ends`.
    public var vanished = 0
    /// Directories that could not be read: how many, by errno.
    public var failed: [Int32: Int] = [:]
    /// How long the reading took.
    public var durationMicroseconds: Int64 = 0
    /// How far the tenant roots' CPU counters rose while what is below them was read, in µs.
    public var bracketMicroseconds: Int64 = 0
    /// The epoch of the wall clock (`WallClock.epoch`); each step of the clock begins a new one.
    public var epoch: Int64 = 0
    /// Cgroups that were seen to be created since the last tick.
    public var births = 0
    /// Cgroups that ended since the last tick.
    public var ends = 0
    /// How many of them were read after their last process had ended, or had CPU time deduced.
    public var lastReadings = 0
    /// Ticks that were due since the last one and did not happen, because this one is late.
    public var skipped: Int64 = 0

    public init() {}
}

/// The last tick that an earlier run of the collector committed.
public struct LastTick: Hashable, Sendable {
    /// When it was read.
    public let moment: Moment
    /// The highest cgroup id that it found; 0 if ids do not count up.
    public let highestID: Int64
    /// Whether every cgroup could be read.
    public let isComplete: Bool
    /// The epoch of the wall clock (`WallClock.epoch`).
    public let epoch: Int64

    public init(moment: Moment, highestID: Int64, isComplete: Bool, epoch: Int64) {
        (self.moment, self.highestID) = (moment, highestID)
        (self.isComplete, self.epoch) = (isComplete, epoch)
    }
}
