import Units

/// A control total: what one counter of a tenant root shows, and what was billed of it.
///
/// `octroi audit` compares the sum of the parts with the rise of the counter.
public struct Control: Hashable, Sendable {
    /// The counter.
    public var counter: Counter
    /// The reading at which the account begins, if this is its first reading.
    public var baseline: Int64
    /// The reading of this tick, in base units.
    public var last: Int64
    /// How much of it the next tick will bill.
    public var pending: Int64
    /// What was billed of it in this tick, by ledger hour.
    public var parts: [HourPart]
    /// Whether the counter began at 0 again, so that the account of its earlier values is closed.
    public var restarts: Bool

    public init(
        _ counter: Counter, baseline: Int64, last: Int64, pending: Int64, parts: [HourPart],
        restarts: Bool = false
    ) {
        (self.counter, self.baseline, self.last) = (counter, baseline, last)
        (self.pending, self.parts, self.restarts) = (pending, parts, restarts)
    }
}
