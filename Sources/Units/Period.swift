/// A stretch of wall time: start inclusive, end exclusive, never empty.
public struct Period: Hashable, Sendable, CustomStringConvertible {
    public let start: Instant
    public let end: Instant

    /// `nil` unless `start` is before `end`.
    public init?(start: Instant, end: Instant) {
        guard start < end else { return nil }
        (self.start, self.end) = (start, end)
    }

    /// All time that a store can hold: the years 1 to 9999.
    public static let allTime = Period(
        start: .earliest, length: 253_402_300_800 - Instant.earliest.seconds)

    /// `length` seconds from `start` on, at least one.
    init(start: Instant, length: Int64) {
        self.start = start
        end = start.advanced(bySeconds: max(length, 1))
    }

    /// The calendar month `2026-11`, in UTC; `nil` if the text names none.
    public init?(month text: String) {
        guard let month = BillingZone.utc.month(text) else { return nil }
        self = month
    }

    /// The UTC month that holds the instant.
    public init(monthOf instant: Instant) { self = BillingZone.utc.month(of: instant) }

    public var seconds: Int64 { end.seconds - start.seconds }

    public var description: String { "\(start)/\(end)" }

    /// What this period and another share, if anything.
    public func intersection(_ other: Period) -> Period? {
        Period(start: max(start, other.start), end: min(end, other.end))
    }

    /// Whether all of another period lies in this one.
    public func holds(_ other: Period) -> Bool { start <= other.start && other.end <= end }

    /// Whether the two share any time.
    public func meets(_ other: Period) -> Bool { intersection(other) != nil }

    /// What is left of the period beside others, which are in order of time.
    public func uncovered(by others: [Period]) -> [Period] {
        var (left, start) = ([Period](), start)
        for other in others where meets(other) {
            if let gap = Period(start: start, end: min(other.start, end)) { left.append(gap) }
            start = max(start, other.end)
        }
        return left + [Period(start: start, end: end)].compactMap(\.self)
    }

    /// Cuts the period at the given moments that lie inside it.
    public func cut(at moments: [Instant]) -> [Period] {
        let inside = Set(moments).filter { start < $0 && $0 < end }.sorted()
        let ends = inside + [end]
        return zip([start] + inside, ends).compactMap { Period(start: $0, end: $1) }
    }
}
