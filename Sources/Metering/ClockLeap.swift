import Units

/// How far the wall clock is from where it must be, in ms, if that is farther than clocks are set by; 0 if it
/// may be right.
///
/// An hour is closed for good, so that nothing is to be filed in a year that was never: a dead battery of the
/// clock, or a slip of whoever set it.
///
/// - Parameters:
///   - last: the last moment in which it was trusted, in this boot of the host; `nil` if there was none.
///   - newest: when it was last trusted in any boot. How long the host was off nobody knows, so that
///     it may be later then, up to a year, and hardly earlier.
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
