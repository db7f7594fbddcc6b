import Units

/// Tells steps of the wall clock and late ticks, from one tick to the next.
public struct WallClock: Hashable, Sendable {
    /// Counts the steps: within one epoch, wall time runs as `CLOCK_BOOTTIME` does.
    public private(set) var epoch: Int64
    private var last: Moment?

    /// What the wall clock may drift in a tick, in ms, besides a thousandth of the time.
    ///
    /// NTP slews by at most 500 ppm (adjtimex(2)).
    private static let slack: Int64 = 100

    public init(epoch: Int64, last: Moment?) { (self.epoch, self.last) = (epoch, last) }

    /// Takes note of a tick.
    ///
    /// - Parameter interval: the time between ticks, in µs.
    /// - Returns: how many ticks were skipped since the last, as this one came late.
    public mutating func advance(to moment: Moment, interval: Int64) -> Int64 {
        defer { last = moment }
        guard let last else { return 0 }
        let elapsed = moment.bootMicroseconds - last.bootMicroseconds
        let byWall = moment.wall.milliseconds - last.wall.milliseconds
        if abs(byWall - elapsed / 1000) > Self.slack + abs(elapsed) / 1_000_000 { epoch += 1 }
        return max(0, elapsed / interval - 1)
    }
}
