/// Notices that somebody else keeps writing what Octroi keeps writing.
///
/// Two writers that correct each other would go on for ever: after `most` reassertions of one limit
/// within `window` it is left alone until it has been quiet for as long.
public struct FightWatch: Sendable {
    public struct Place: Hashable, Sendable {
        public var path: String
        public var key: LimitKey

        public init(path: String, key: LimitKey) { (self.path, self.key) = (path, key) }
    }

    public static let most = 3
    public static let windowMilliseconds: Int64 = 600_000

    private var reasserted: [Place: [Int64]] = [:]

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
    public mutating func drifted(_ place: Place, at now: Int64) -> Verdict {
        var times = (reasserted[place] ?? []).filter { now - $0 < Self.windowMilliseconds }
        defer { reasserted[place] = times }
        // Every look at a fight goes on counts, so that only quiet ends it.
        times.append(now)
        if times.count <= Self.most { return .reassert }
        if times.count == Self.most + 1 { return .giveUp }
        times.removeFirst()
        return .quiet
    }

    /// What is in order again.
    public mutating func forget(_ place: Place) { reasserted[place] = nil }
}
