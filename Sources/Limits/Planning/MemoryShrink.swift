/// The share of time in which all stalled between two readings of PSI's total in µs, in percent; `nil`
/// where they say nothing of it.
public func stalledShare(from before: Int64, to after: Int64, milliseconds: Int64) -> Int64? {
    let (risen, isTooMuch) = after.subtractingReportingOverflow(before)
    guard !isTooMuch, risen >= 0, milliseconds > 0, milliseconds < Int64.max / 10 else {
        return nil
    }
    return risen / (milliseconds * 10)
}

/// How memory.max is lowered below what is in use without a kill: memory.high first, then wait.
///
/// memory.max is written only once usage is at or below it.
public struct MemoryShrink: Hashable, Sendable {
    /// The memory.max to come, in bytes.
    public var target: Int64
    public var deadlineMilliseconds: Int64
    /// The share of time in which all that run may stall on memory, in percent, before it is given up.
    public static let mostStalled: Int64 = 60
    /// How long it has to stall as much.
    public static let strangledAfterMilliseconds: Int64 = 10_000

    private var stalledSince: Int64?

    public init(target: Int64, deadlineMilliseconds: Int64) {
        (self.target, self.deadlineMilliseconds) = (target, deadlineMilliseconds)
    }

    public enum Step: Hashable, Sendable {
        case wait
        /// Usage is low enough: memory.max may be written.
        case lower
        /// The old memory.high is to be restored.
        case giveUp(String)
    }

    /// What to do now.
    ///
    /// - Parameters:
    ///   - current: `memory.current`, in bytes.
    ///   - stalled: the share of time since the last look in which all stalled, in percent.
    ///   - elapsed: since memory.high was written, in ms.
    public mutating func next(current: Int64, stalled: Int64?, elapsed: Int64) -> Step {
        if current <= target { return .lower }
        let shortfall = "\(current - target) bytes above the wanted \(target)"
        if let stalled, stalled > Self.mostStalled {
            let since = stalledSince ?? elapsed
            stalledSince = since
            if elapsed - since >= Self.strangledAfterMilliseconds {
                return .giveUp("it stalls \(stalled) % of the time, still \(shortfall)")
            }
        } else {
            stalledSince = nil
        }
        return elapsed >= deadlineMilliseconds ? .giveUp("usage is still \(shortfall)") : .wait
    }
}
