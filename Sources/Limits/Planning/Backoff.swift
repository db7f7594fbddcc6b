/// Puts off what failed, each time for twice as long: a minute at first, an hour at most.
public struct Backoff<Attempt: Hashable & Sendable>: Sendable {
    static var first: Int64 { 60_000 }
    static var most: Int64 { 3_600_000 }

    private var failures: [Attempt: (next: Int64, wait: Int64)] = [:]

    public init() {}

    /// Whether it is time to try, or to try again.
    ///
    /// - Parameter now: of a clock that only goes on, in ms.
    public func mayTry(_ attempt: Attempt, at now: Int64) -> Bool {
        failures[attempt].map { now >= $0.next } ?? true
    }

    /// Takes note of a failure.
    public mutating func failed(_ attempt: Attempt, at now: Int64) {
        let wait = failures[attempt].map { min($0.wait * 2, Self.most) } ?? Self.first
        failures[attempt] = (now + wait, wait)
        // What is not tried any more.
        failures = failures.filter { now - $0.value.next < 2 * Self.most }
    }

    /// Takes note that it went well.
    public mutating func succeeded(_ attempt: Attempt) { failures[attempt] = nil }
}
