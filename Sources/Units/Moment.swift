/// One moment by both clocks, read together.
public struct Moment: Hashable, Sendable {
    /// Wall time: a label.
    public var wall: Instant
    /// Microseconds since boot, suspend included (`CLOCK_BOOTTIME`): durations come from it.
    public var bootMicroseconds: Int64

    public init(wall: Instant, bootMicroseconds: Int64) {
        (self.wall, self.bootMicroseconds) = (wall, bootMicroseconds)
    }

    /// The wall time of an earlier time of the same boot, counted back from this one.
    public func wall(at bootMicroseconds: Int64) -> Instant {
        Instant(
            milliseconds: wall.milliseconds - (self.bootMicroseconds - bootMicroseconds) / 1000)
    }
}

/// Two whole numbers: wall time in ms since 1970, time after boot in µs.
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
