import Units

/// One container's claim to a part of its tenant root's usage in a tick.
public struct Claim: Hashable, Sendable {
    /// What its own counter shows and was not billed yet, in base units; at least 0.
    public var need: Int64
    /// Whether it ended in this tick.
    ///
    /// What it used after its last reading is only in the root's counter.
    public var hasEnded: Bool

    /// Makes a claim; a need below 0 means that more was billed already, and counts as 0.
    public init(need: some BinaryInteger, hasEnded: Bool) {
        (self.need, self.hasEnded) = (Int64(clamping: max(0, need)), hasEnded)
    }
}

/// How the usage of a tenant root is distributed in one tick.
///
/// The shares, the overhead and the pending part add up to the usage, and none is below zero.
///
/// Example: the root's counter rose by 1000 µs. Container a needs 300, b needs 500 and has ended,
/// and the bracket is 40. So a gets 300, 40 are pending, and b gets 500 + 160, as the rest can only
/// be its own.
public struct Apportionment: Hashable, Sendable {
    /// The part of each claim, in order.
    public var shares: [Int128]
    /// What belongs to no container.
    ///
    /// It was used by processes of the root itself, or by containers that lived too briefly to be
    /// seen.
    public var overhead: Int128
    /// What may have been used between a child's reading and the root's reading.
    ///
    /// It is left for the next tick, whose readings show whose it is. It is never more than
    /// `bracket`.
    public var pending: Int128
    /// Whether the rest was divided among several ended containers, which is an estimate.
    public var isSplit: Bool

    /// Distributes what the root's counter rose by, plus what was pending before.
    ///
    /// The root is read after its children, so its counter is never behind theirs. The order is:
    /// 1. Each container gets what its own counter shows.
    /// 2. Of the rest, up to `bracket` stays pending: children may have used it after their own
    ///    reading.
    /// 3. What then remains goes to the container that ended; if several ended, evenly to all of
    ///    them; if none ended, it is overhead.
    ///
    /// The kernel rounds each counter down to whole microseconds. If the claims therefore exceed
    /// the usage, every container gets a proportional part now and the rest in the next tick.
    ///
    /// - Parameters:
    ///   - used: in base units, not negative.
    ///   - claims: one for each container below the root.
    ///   - bracket: how far the root's counter rose while its children were read.
    public init(of used: Int128, among claims: [Claim], bracket: Int128) {
        precondition(used >= 0 && bracket >= 0, "a counter that went back cannot be handed out")
        let needs = claims.map { Int128($0.need) }
        let needed = needs.reduce(0, +)
        (overhead, pending, isSplit) = (0, 0, false)
        guard needed <= used else {
            shares = apportion(used, over: needs)
            return
        }
        shares = needs
        pending = min(used - needed, bracket)
        let left = used - needed - pending
        let ended = claims.map { $0.hasEnded ? 1 as Int128 : 0 }
        guard ended.contains(1) else {
            overhead = left
            return
        }
        for (index, share) in apportion(left, over: ended).enumerated() { shares[index] += share }
        isSplit = left > 0 && ended.reduce(0, +) > 1
    }
}

/// Splits shares over the hours of a period so that they add up both by share and by hour.
///
/// The total is split by time first; each hour's part is then apportioned in proportion to what is
/// left of every share.
///
/// - Parameters:
///   - shares: in base units.
///   - period: the time in which it was used; `nil` if that has no length.
///   - end: the time of the reading. It decides the hour if there is no period.
/// - Returns: for each hour its start, the total of all shares in it, and the part of each share.
public func splitByHour(
    _ shares: [Int128], over period: Period?, at end: Instant, in zone: BillingZone
) -> [(hour: Instant, total: Int128, parts: [Int128])] {
    let total = shares.reduce(0, +)
    guard let period else { return [(zone.ledgerHour(of: end).start, total, shares)] }
    var left = shares
    return period.splitByHour(total, in: zone).map { part in
        let parts = apportion(part.quantity, over: left)
        for index in left.indices { left[index] -= parts[index] }
        return (part.hour, part.quantity, parts)
    }
}
