/// A stretch of wall time: start inclusive, end exclusive, never empty.
public struct Period: Hashable, Sendable, CustomStringConvertible {
    public let start: Instant
    public let end: Instant

    /// `nil` unless `start` is before `end`.
    public init?(start: Instant, end: Instant) {
        guard start < end else { return nil }
        (self.start, self.end) = (start, end)
    }

    /// The calendar month `2026-11`, in UTC; `nil` if the text names none.
    public init?(month text: String) {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.isAtEnd,
            let first = CivilDay(year: year, month: month, day: 1),
            let next = CivilDay(
                year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
        else { return nil }
        start = Instant(seconds: first.daysSince1970 * 86_400)
        end = Instant(seconds: next.daysSince1970 * 86_400)
    }

    /// The UTC month that holds the instant.
    public init(monthOf instant: Instant) {
        let day = CivilDay(daysSince1970: instant.seconds.flooredQuotient(by: 86_400))
        let first = instant.startOfDay.advanced(bySeconds: (1 - day.day) * 86_400)
        let inNext = CivilDay(daysSince1970: first.seconds.flooredQuotient(by: 86_400) + 31)
        start = first
        end = first.advanced(bySeconds: (31 - (inNext.day - 1)) * 86_400)
    }

    public var seconds: Int64 { end.seconds - start.seconds }

    /// Whether both ends lie on whole UTC hours, as ledger rows do.
    public var isWholeHours: Bool { start == start.startOfHour && end == end.startOfHour }

    public var description: String { "\(start)/\(end)" }

    /// What this period and another share, if anything.
    public func intersection(_ other: Period) -> Period? {
        Period(start: max(start, other.start), end: min(end, other.end))
    }

    /// The starts of the UTC months that begin inside the period.
    public var monthStarts: [Instant] {
        var starts: [Instant] = []
        var next = Period(monthOf: start).end
        while next < end {
            starts.append(next)
            next = Period(monthOf: next).end
        }
        return starts
    }

    /// Cuts the period at the given moments that lie inside it.
    public func cut(at moments: [Instant]) -> [Period] {
        let inside = Set(moments).filter { start < $0 && $0 < end }.sorted()
        let ends = inside + [end]
        return zip([start] + inside, ends).compactMap { Period(start: $0, end: $1) }
    }
}
