import Units

/// By how much the wall clock is implausibly wrong, in ms; 0 if it may be right.
///
/// A closed hour cannot be opened again. So usage must not be filed under a year that a clock with
/// an empty battery shows, or that somebody mistyped. Within a boot, a leap of more than a day is
/// doubtful. Over a reboot, a clock is doubtful if it is more than a day earlier than before, or
/// more than 366 days later.
///
/// - Parameters:
///   - moment: the time now, on both clocks.
///   - last: the last moment of this boot at which the clock was trusted; `nil` if there was none.
///   - newest: when it was last trusted in any boot. Nobody knows how long the host was off since,
///     which is why it may be up to a year later.
/// - Returns: milliseconds; positive if the clock is ahead, negative if it is behind.
public func doubtfulLeap(of moment: Moment, after last: Moment?, newest: Instant?) -> Int64 {
    let (day, year): (Int64, Int64) = (86_400_000, 366 * 86_400_000)
    let sinceBoot = moment.bootMicroseconds / 1000
    if let last {
        let expected = last.wall.milliseconds + sinceBoot - last.bootMicroseconds / 1000
        let off = moment.wall.milliseconds - expected
        return abs(off) > day ? off : 0
    }
    guard let newest else { return 0 }
    let later = moment.wall.milliseconds - newest.milliseconds
    return later < -day || later > year ? later - sinceBoot : 0
}
