/// One moment on two clocks that were read together.
///
/// Durations come from the boot clock, which no one can set. The wall clock only says at which date
/// and hour the usage belongs.
public struct Moment: Hashable, Sendable {
    /// Wall-clock time.
    public var wall: Instant
    /// Microseconds since boot, including time in suspend (`CLOCK_BOOTTIME`, clock_gettime(2)).
    public var bootMicroseconds: Int64

    public init(wall: Instant, bootMicroseconds: Int64) {
        (self.wall, self.bootMicroseconds) = (wall, bootMicroseconds)
    }

    /// The wall-clock time of another moment of the same boot, counted from this one.
    ///
    /// It ignores steps of the wall clock in between, so that they change no duration.
    ///
    /// - Parameter bootMicroseconds: microseconds since boot, usually earlier than this moment.
    public func wall(at bootMicroseconds: Int64) -> Instant {
        Instant(
            milliseconds: wall.milliseconds - (self.bootMicroseconds - bootMicroseconds) / 1000)
    }
}

/// Stored as two whole numbers: wall time in ms since 1970, then time since boot in µs.
extension Moment: Codable {
    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        wall = Instant(milliseconds: try container.decode(Int64.self))
        bootMicroseconds = try container.decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(wall.milliseconds)
        try container.encode(bootMicroseconds)
    }
}
