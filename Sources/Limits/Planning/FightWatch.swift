/// Notices that somebody else keeps writing what Octroi keeps writing.
///
/// Two writers that correct each other would go on for ever: after `most` reassertions of one limit
/// within `window` it is left alone for as long, then tried again.
public struct FightWatch: Sendable {
    public static let most = 3
    public static let windowMilliseconds: Int64 = 600_000

    private struct Fight {
        var reasserted: [Int64] = []
        /// Until when it is left alone; `nil` while it is not.
        var quietUntil: Int64?
    }

    private var fights: [LimitPlace: Fight] = [:]

    public init() {}

    /// What to do about a limit that is not as it should be.
    public enum Verdict: Hashable, Sendable {
        case reassert
        /// Stop and say so, once.
        case giveUp
        /// It was given up before.
        case quiet
    }

    /// Takes note of a drift.
    ///
    /// - Parameter now: of a clock that only goes on, in ms.
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

    /// Forgets the places that are no more.
    public mutating func keepOnly(_ isThere: (LimitPlace) -> Bool) {
        fights = fights.filter { isThere($0.key) }
    }
}
