import Units

/// What a container has to be billed of what its tenant root used in a tick.
public struct Claim: Hashable, Sendable {
    /// What its own counter says and was not billed yet, in base units.
    public var need: Int64
    /// It ended in this tick: what it used after its last reading is in the root's counter only.
    public var hasEnded: Bool

    /// - Parameter need: a debt below 0 needs nothing.
    public init(need: some BinaryInteger, hasEnded: Bool) {
        (self.need, self.hasEnded) = (Int64(clamping: max(0, need)), hasEnded)
    }
}

/// How what a tenant root used is handed out.
///
/// All parts add up to it, and none is below zero.
public struct Apportionment: Hashable, Sendable {
    /// One for each claim, in order.
    public var shares: [Int128]
    /// What belongs to no container: processes of the root's own, lives too short to be seen.
    public var overhead: Int128
    /// What may have run between a child's reading and the root's: left for the next tick, whose
    /// readings show whose it is.
    ///
    /// Never more than `bracket`.
    public var pending: Int128
    /// Whether the tails of several ended containers were split by estimate.
    public var isSplit: Bool

    /// Hands out what the root's counter rose by, and what was pending before.
    ///
    /// The root is read after its children, so its counter is never behind theirs. Each container
    /// gets what its own counter says. Of what is left, `bracket`, the rise of the root's counter
    /// from before its children were read to after, may be the children's own and waits. The rest
    /// is the tail of the container that ended; of several, split evenly; of none, overhead. Should
    /// there be less than the claims, by the kernel's rounding to whole microseconds, all get a part
    /// and the rest next time.
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
/// - Returns: for each hour, its start, the total of all shares in it, and each share's part.
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
