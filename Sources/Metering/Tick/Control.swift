import Units

/// What one counter of a tenant root says: the control total of what is billed below it.
public struct Control: Hashable, Sendable {
    public var counter: Counter
    /// Where the account begins, if this is its first reading.
    public var baseline: Int64
    /// The reading, in base units.
    public var last: Int64
    /// How much of it waits for the next tick to be billed.
    public var pending: Int64
    /// What was billed of it in this tick, by hour.
    public var parts: [HourPart]
    /// The counter began anew at 0: what it said before is closed.
    public var restarts: Bool

    public init(
        _ counter: Counter, baseline: Int64, last: Int64, pending: Int64, parts: [HourPart],
        restarts: Bool = false
    ) {
        (self.counter, self.baseline, self.last) = (counter, baseline, last)
        (self.pending, self.parts, self.restarts) = (pending, parts, restarts)
    }
}
