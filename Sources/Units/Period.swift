/// A span of wall-clock time: its start is included, its end is not, and it is never empty.
///
/// So periods that follow each other share an instant, and no usage falls into both or between
/// them.
public struct Period: Hashable, Sendable, CustomStringConvertible {
    /// The first instant of the period.
    public let start: Instant
    /// The first instant after the period.
    public let end: Instant

    /// `nil` unless `start` is before `end`.
    public init?(start: Instant, end: Instant) {
        guard start < end else { return nil }
        (self.start, self.end) = (start, end)
    }

    /// All time that a store can hold: the years 1 to 9999.
    public static let allTime = Period(
        start: .earliest, length: 253_402_300_800 - Instant.earliest.seconds)

    /// The `length` seconds from `start`; at least one second.
    init(start: Instant, length: Int64) {
        self.start = start
        end = start.advanced(bySeconds: max(length, 1))
    }

    /// The UTC calendar month written as `2026-11`; `nil` if the text is no month of that form.
    public init?(month text: String) {
        guard let month = BillingZone.utc.month(text) else { return nil }
        self = month
    }

    /// The UTC calendar month that contains the instant.
    public init(monthOf instant: Instant) { self = BillingZone.utc.month(of: instant) }

    /// The length in whole seconds.
    public var seconds: Int64 { end.seconds - start.seconds }

    /// Start and end, separated by a slash: `2026-11-01T00:00:00Z/2026-12-01T00:00:00Z` (ISO 8601).
    public var description: String { "\(start)/\(end)" }

    /// The time that both periods contain; `nil` if there is none.
    public func intersection(_ other: Period) -> Period? {
        Period(start: max(start, other.start), end: min(end, other.end))
    }

    /// Whether the other period lies completely in this one.
    public func holds(_ other: Period) -> Bool { start <= other.start && other.end <= end }

    /// Whether the two periods share any time.
    ///
    /// Periods that only touch do not.
    public func meets(_ other: Period) -> Bool { intersection(other) != nil }

    /// The parts of this period that none of the other periods covers.
    ///
    /// - Parameter others: in order of their starts; they may overlap.
    public func uncovered(by others: [Period]) -> [Period] {
        var (left, start) = ([Period](), start)
        for other in others where meets(other) {
            if let gap = Period(start: start, end: min(other.start, end)) { left.append(gap) }
            start = max(start, other.end)
        }
        return left + [Period(start: start, end: end)].compactMap(\.self)
    }

    /// Splits the period at the moments inside it.
    ///
    /// Moments outside the period, at its ends or given twice make no difference.
    ///
    /// - Returns: the parts, in order of time; the period itself if no moment lies inside it.
    public func cut(at moments: [Instant]) -> [Period] {
        let inside = Set(moments).filter { start < $0 && $0 < end }.sorted()
        let ends = inside + [end]
        return zip([start] + inside, ends).compactMap { Period(start: $0, end: $1) }
    }
}
