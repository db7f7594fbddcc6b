/// One moment by both clocks, read together.
public struct Moment: Hashable, Sendable {
    /// Wall time: a label.
    public var wall: Instant
    /// Microseconds since boot, suspend included (`CLOCK_BOOTTIME`): durations come from it.
    public var bootMicroseconds: Int64

    public init(wall: Instant, bootMicroseconds: Int64) {
        (self.wall, self.bootMicroseconds) = (wall, bootMicroseconds)
    }
}
