import Units

/// Detects steps of the wall clock and skipped ticks, from one tick to the next.
public struct WallClock: Hashable, Sendable {
    /// The number of steps so far.
    ///
    /// Within an epoch, wall time runs as fast as `CLOCK_BOOTTIME`.
    public private(set) var epoch: Int64
    /// The tick before.
    private var last: Moment?

    /// The difference between both clocks in one tick that is no step, in ms.
    ///
    /// A thousandth of the elapsed time is tolerated on top: NTP slews the clock by at most 500 ppm
    /// (adjtimex(2)).
    private static let slack: Int64 = 100

    /// Continues after an earlier tick.
    ///
    /// - Parameters:
    ///   - epoch: the epoch of that tick.
    ///   - last: when it was; `nil` if there was none in this boot.
    public init(epoch: Int64, last: Moment?) { (self.epoch, self.last) = (epoch, last) }

    /// Notes a tick, and begins a new epoch if the wall clock was stepped since the last one.
    ///
    /// - Parameter interval: the time between ticks, in µs.
    /// - Returns: how many ticks were skipped since the last one because this one is late.
    public mutating func advance(to moment: Moment, interval: Int64) -> Int64 {
        defer { last = moment }
        guard let last else { return 0 }
        let elapsed = moment.bootMicroseconds - last.bootMicroseconds
        let byWall = moment.wall.milliseconds - last.wall.milliseconds
        if abs(byWall - elapsed / 1000) > Self.slack + abs(elapsed) / 1_000_000 { epoch += 1 }
        return max(0, elapsed / interval - 1)
    }
}
