/// Notices a memory.high under which all that runs stalls.
public struct StrangleWatch: Sendable {
    /// The share of time in which all stall that is too much, in percent, and for how long.
    public static let mostStalled: Int64 = 60
    public static let afterMilliseconds: Int64 = 30_000
    /// How long the limit stays lifted.
    public static let liftMilliseconds: Int64 = 600_000

    private struct State {
        var total: Int64
        var at: Int64
        var since: Int64?
    }

    private var states: [String: State] = [:]
    private var lifted: [String: Int64] = [:]

    public init() {}

    /// Takes note of the time in which all stalled so far, in µs.
    ///
    /// - Parameter now: of a clock that only goes on, in ms.
    /// - Returns: whether the limit is to be lifted.
    public mutating func look(_ path: String, stalled total: Int64, at now: Int64) -> Bool {
        guard let last = states[path], now > last.at else {
            states[path] = State(total: total, at: now)
            return false
        }
        let share = stalledShare(from: last.total, to: total, milliseconds: now - last.at)
        let since = share ?? 0 > Self.mostStalled ? last.since ?? last.at : nil
        states[path] = State(total: total, at: now, since: since)
        guard let since, now - since >= Self.afterMilliseconds else { return false }
        return true
    }

    /// Takes note that the limit was lifted.
    public mutating func lift(_ path: String, at now: Int64) {
        states[path] = nil
        lifted[path] = now
    }

    /// Whether it was lifted of late.
    public func isLifted(_ path: String, at now: Int64) -> Bool {
        lifted[path].map { now - $0 < Self.liftMilliseconds } ?? false
    }

    /// Forgets the paths that are no more.
    public mutating func keepOnly(_ isThere: (String) -> Bool) {
        states = states.filter { isThere($0.key) }
        lifted = lifted.filter { isThere($0.key) }
    }
}
