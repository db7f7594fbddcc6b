/// Detects a memory.high at which all processes of a cgroup stall.
///
/// Without swap, the kernel can free nothing below the anonymous memory of a workload. It then
/// slows every allocation, and nothing makes progress. Such a limit is lifted for a time.
public struct StrangleWatch: Sendable {
    /// The share of time in which all tasks may stall, in percent.
    public static let mostStalled: Int64 = 60
    /// How long they may stall for more than that before the limit is lifted, in ms.
    public static let afterMilliseconds: Int64 = 30_000
    /// How long the limit stays lifted, in ms.
    public static let liftMilliseconds: Int64 = 600_000

    /// The last reading of a cgroup, and since when it stalls too much.
    private struct State {
        var total: Int64
        var at: Int64
        var since: Int64?
    }

    /// The last reading of each cgroup, by path.
    private var states: [String: State] = [:]
    /// When the limit of each cgroup was last lifted, in ms, by path.
    private var lifted: [String: Int64] = [:]

    public init() {}

    /// Takes in a reading of the time in which all tasks stalled.
    ///
    /// - Parameters:
    ///   - path: the path of the cgroup.
    ///   - total: the total of the `full` line of its `memory.pressure`, in µs.
    ///   - now: the time of a monotonic clock, in ms.
    /// - Returns: whether the limit must be lifted.
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

    /// Records that the limit of a cgroup was lifted.
    public mutating func lift(_ path: String, at now: Int64) {
        states[path] = nil
        lifted[path] = now
    }

    /// Whether the limit was lifted less than 10 minutes ago.
    public func isLifted(_ path: String, at now: Int64) -> Bool {
        lifted[path].map { now - $0 < Self.liftMilliseconds } ?? false
    }

    /// Forgets cgroups that do not exist any more.
    public mutating func keepOnly(_ isThere: (String) -> Bool) {
        states = states.filter { isThere($0.key) }
        lifted = lifted.filter { isThere($0.key) }
    }
}
