/// Delays the retries of attempts that failed.
///
/// The wait is a minute after the first failure, twice as long after each further one, and at most
/// an hour: 1, 2, 4, 8, 16, 32, 60, 60 … minutes. Each kind of attempt waits on its own.
public struct Backoff<Attempt: Hashable & Sendable>: Sendable {
    /// The first wait, in ms.
    static var first: Int64 { 60_000 }
    /// The longest wait, in ms.
    static var most: Int64 { 3_600_000 }

    /// When each failed attempt may be tried again, and how long it waits, in ms.
    private var failures: [Attempt: (next: Int64, wait: Int64)] = [:]

    public init() {}

    /// Whether an attempt may be made now.
    ///
    /// - Parameter now: the time of a monotonic clock, in ms.
    public func mayTry(_ attempt: Attempt, at now: Int64) -> Bool {
        failures[attempt].map { now >= $0.next } ?? true
    }

    /// Records that an attempt failed.
    ///
    /// - Parameter now: the time of a monotonic clock, in ms.
    public mutating func failed(_ attempt: Attempt, at now: Int64) {
        let wait = failures[attempt].map { min($0.wait * 2, Self.most) } ?? Self.first
        failures[attempt] = (now + wait, wait)
        // Attempts that nobody repeats within two hours of their time are forgotten.
        failures = failures.filter { now - $0.value.next < 2 * Self.most }
    }

    /// Records that an attempt succeeded: its next failure waits a minute again.
    public mutating func succeeded(_ attempt: Attempt) { failures[attempt] = nil }
}
