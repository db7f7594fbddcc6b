/// The share of time in which all tasks stalled, between two readings of PSI.
///
/// Example: a total of 1,000,000 µs rises to 1,120,000 µs in 200 ms: 60 %.
///
/// Kernel: Documentation/accounting/psi.rst, `total` of a `full` line, in µs.
///
/// - Parameters:
///   - before: the first total, in µs.
///   - after: the second total, in µs.
///   - milliseconds: the time between the readings.
/// - Returns: whole percent; `nil` if the total fell or no time passed.
public func stalledShare(from before: Int64, to after: Int64, milliseconds: Int64) -> Int64? {
    let (risen, isTooMuch) = after.subtractingReportingOverflow(before)
    guard !isTooMuch, risen >= 0, milliseconds > 0, milliseconds < Int64.max / 10 else {
        return nil
    }
    return risen / (milliseconds * 10)
}

/// Lowers memory.max below what is in use without a kill.
///
/// memory.high is lowered first, which makes the kernel reclaim. memory.max is written only once
/// the memory in use is at or below it.
public struct MemoryShrink: Hashable, Sendable {
    /// The new memory.max, in bytes.
    public var target: Int64
    /// How long memory may take to shrink, in ms.
    public var deadlineMilliseconds: Int64
    /// The share of time, in percent, in which all tasks may stall on memory.
    public static let mostStalled: Int64 = 60
    /// How long they may stall for more than that before it is given up, in ms.
    public static let strangledAfterMilliseconds: Int64 = 10_000

    /// When the stalling began, in ms since memory.high was written; `nil` if it is not going on.
    private var stalledSince: Int64?

    public init(target: Int64, deadlineMilliseconds: Int64) {
        (self.target, self.deadlineMilliseconds) = (target, deadlineMilliseconds)
    }

    /// What to do next.
    public enum Step: Hashable, Sendable {
        /// Look again later.
        case wait
        /// Little enough is in use: write memory.max.
        case lower
        /// Restore the old memory.high; the text says why.
        case giveUp(String)
    }

    /// Decides what to do next.
    ///
    /// - Parameters:
    ///   - current: `memory.current`, in bytes.
    ///   - stalled: the share of time since the last look in which all tasks stalled, in percent.
    ///   - elapsed: the time since memory.high was written, in ms.
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
