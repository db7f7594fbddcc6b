/// Detects that another program keeps changing a limit that Octroi keeps writing.
///
/// Two writers that correct each other would never stop. After `most` corrections of one limit
/// within 10 minutes, the limit is left alone for 10 minutes, then tried again.
public struct FightWatch: Sendable {
    /// The largest number of corrections of a limit within a window.
    public static let most = 3
    /// The length of the window, and of the pause after it, in ms.
    public static let windowMilliseconds: Int64 = 600_000

    /// The history of one limit.
    private struct Fight {
        /// When it was corrected, in ms.
        var reasserted: [Int64] = []
        /// The end of the pause, in ms; `nil` while there is none.
        var quietUntil: Int64?
    }

    private var fights: [LimitPlace: Fight] = [:]

    public init() {}

    /// What to do about a limit that has a wrong value.
    public enum Verdict: Hashable, Sendable {
        /// Write it again.
        case reassert
        /// Stop, and report that once.
        case giveUp
        /// Do nothing: it was given up before.
        case quiet
    }

    /// Records that a limit was changed, and decides what to do.
    ///
    /// - Parameter now: the time of a monotonic clock, in ms.
    public mutating func drifted(_ place: LimitPlace, at now: Int64) -> Verdict {
        var fight = fights[place] ?? Fight()
        defer { fights[place] = fight }
        if let until = fight.quietUntil {
            if now < until { return .quiet }
            fight = Fight()
        }
        fight.reasserted.removeAll { now - $0 >= Self.windowMilliseconds }
        if fight.reasserted.count < Self.most {
            fight.reasserted.append(now)
            return .reassert
        }
        fight.quietUntil = now + Self.windowMilliseconds
        return .giveUp
    }

    /// Forgets limits whose cgroup does not exist any more.
    public mutating func keepOnly(_ isThere: (LimitPlace) -> Bool) {
        fights = fights.filter { isThere($0.key) }
    }
}
