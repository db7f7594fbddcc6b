/// The time zone whose civil months and days are billed, and by whose days the ledger's hours are cut.
public struct BillingZone: Hashable, Sendable, CustomStringConvertible {
    /// A stretch of time with one offset.
    public struct Offset: Hashable, Sendable {
        /// From this instant on.
        public var since: Instant
        /// Seconds east of UTC.
        public var seconds: Int64

        public init(since: Instant, seconds: Int64) {
            (self.since, self.seconds) = (since, seconds)
        }
    }

    /// Its name in the time zone database, such as `Europe/Paris`.
    public let description: String
    private let offsets: [Offset]
    /// Whether every day of it begins with a UTC hour.
    private let isWholeHours: Bool

    public static let utc = BillingZone(name: "UTC", offsets: [])

    /// - Parameter offsets: oldest first; what comes before the first is UTC.
    public init(name: String, offsets: [Offset]) {
        description = name
        self.offsets = offsets
        isWholeHours = offsets.allSatisfy { $0.seconds % 3600 == 0 && $0.since.seconds % 3600 == 0 }
    }

    /// The hour of the ledger that holds an instant: usage is kept by these.
    ///
    /// It is the UTC hour. Where a civil day of this zone begins inside it, as days of Asia/Kolkata begin
    /// at 18:30 UTC, it is the part before or after: so days and months hold whole rows.
    public func ledgerHour(of instant: Instant) -> Period {
        let start = instant.startOfHour
        let hour = Period(start: start, length: 3600)
        guard !isWholeHours else { return hour }
        let midnight = day(of: hour.end).period.start
        let parts = hour.cut(at: [midnight])
        return parts.first { instant < $0.end } ?? hour
    }

    /// Whether a row of the ledger may begin at the instant, so that none is cut there.
    public func isLedgerHour(_ instant: Instant) -> Bool {
        ledgerHour(of: instant).start == instant
    }

    /// The civil month `2026-11`; `nil` if the text names none.
    public func month(_ text: String) -> Period? {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.isAtEnd,
            let first = CivilDay(year: year, month: month, day: 1)
        else { return nil }
        return self.month(from: first)
    }

    /// The civil day `2026-11-23`; `nil` if the text names none.
    public func day(_ text: String) -> Period? {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.skip("-"),
            let number = rest.digits(2), rest.isAtEnd,
            let day = CivilDay(year: year, month: month, day: number)
        else { return nil }
        return period(day, CivilDay(daysSince1970: day.daysSince1970 + 1))
    }

    /// The civil month that holds the instant.
    public func month(of instant: Instant) -> Period {
        let day = localDay(instant)
        return month(from: CivilDay(daysSince1970: day.daysSince1970 - (day.day - 1)))
    }

    /// The civil day that holds the instant, and its date.
    public func day(of instant: Instant) -> (period: Period, date: String) {
        let day = localDay(instant)
        return (period(day, CivilDay(daysSince1970: day.daysSince1970 + 1)), day.description)
    }

    /// The civil day that is so many days after 1970-01-01.
    public func day(number: Int64) -> Period {
        period(CivilDay(daysSince1970: number), CivilDay(daysSince1970: number + 1))
    }

    /// The offsets that hold in a period, oldest first, the first of them from its start on.
    public func offsets(over period: Period) -> [Offset] {
        [Offset(since: period.start, seconds: offset(at: period.start))]
            + offsets.filter { period.start < $0.since && $0.since < period.end }
    }

    /// The civil time of an instant, as if it were UTC.
    public func local(_ instant: Instant) -> Instant {
        instant.advanced(bySeconds: offset(at: instant))
    }

    /// The months that a period touches, each whole.
    public func months(touching period: Period) -> [Period] {
        var months = [month(of: period.start)]
        while let last = months.last, last.end < period.end { months.append(month(of: last.end)) }
        return months
    }

    private func month(from first: CivilDay) -> Period {
        let inNext = CivilDay(daysSince1970: first.daysSince1970 + 31)
        return period(first, CivilDay(daysSince1970: inNext.daysSince1970 - (inNext.day - 1)))
    }

    private func period(_ from: CivilDay, _ to: CivilDay) -> Period {
        Period(start: midnight(from), length: midnight(to).seconds - midnight(from).seconds)
    }

    private func localDay(_ instant: Instant) -> CivilDay {
        CivilDay(
            daysSince1970: (instant.seconds + offset(at: instant)).flooredQuotient(by: 86_400))
    }

    /// The first instant of the civil day, where clocks may skip midnight or show it twice.
    private func midnight(_ day: CivilDay) -> Instant {
        let civil = day.daysSince1970 * 86_400
        let around = [-86_400, 86_400].map { offset(at: Instant(seconds: civil + $0)) }
        return around.map { Instant(seconds: civil - $0) }.sorted()
            .first { $0.seconds + offset(at: $0) >= civil } ?? Instant(seconds: civil)
    }

    /// By halves: reports ask for every hour, and a zone has hundreds of offsets.
    private func offset(at instant: Instant) -> Int64 {
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle].since <= instant { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : offsets[low - 1].seconds
    }
}
