/// The time zone of the operator's bills: its civil days and months are what is invoiced.
///
/// The zone also decides how the ledger is cut into hours (`ledgerHour`). It carries its own table
/// of UTC offsets, because this module reads no time zone database.
public struct BillingZone: Hashable, Sendable, CustomStringConvertible {
    /// A UTC offset and the instant from which it applies.
    ///
    /// It applies until the next offset in the zone's list begins.
    public struct Offset: Hashable, Sendable {
        /// The first instant with this offset.
        public var since: Instant
        /// Seconds east of UTC: 3600 for Paris in winter, -18000 for New York in winter.
        public var seconds: Int64

        public init(since: Instant, seconds: Int64) {
            (self.since, self.seconds) = (since, seconds)
        }
    }

    /// The zone's name in the time zone database, such as `Europe/Paris`.
    public let description: String
    /// All offsets, oldest first.
    ///
    /// Before the first one the zone follows UTC.
    public let allOffsets: [Offset]
    /// Whether every civil day of the zone begins at a full UTC hour.
    ///
    /// Most zones qualify, and `ledgerHour` then needs no search for midnights.
    private let isWholeHours: Bool

    /// Coordinated Universal Time: every civil day begins at 00:00Z.
    public static let utc = BillingZone(name: "UTC", offsets: [])

    /// Makes a zone from a table of offsets.
    ///
    /// - Parameters:
    ///   - name: the name in the time zone database.
    ///   - offsets: every change of offset, oldest first. Instants before the first one count as
    ///     UTC.
    public init(name: String, offsets: [Offset]) {
        description = name
        allOffsets = offsets
        isWholeHours = offsets.allSatisfy { $0.seconds % 3600 == 0 && $0.since.seconds % 3600 == 0 }
    }

    /// The hour of the ledger that contains an instant.
    ///
    /// Usage is stored by these hours. It is the UTC hour. If a civil day of this zone begins
    /// inside that hour, it is the part before or after the midnight. Example: days of Asia/Kolkata
    /// begin at 18:30 UTC, so the UTC hour from 18:00 consists of the ledger hours 18:00 to 18:30
    /// and 18:30 to 19:00. Because of these cuts, each ledger row lies in one civil day and one
    /// civil month.
    public func ledgerHour(of instant: Instant) -> Period {
        let start = instant.startOfHour
        let hour = Period(start: start, length: 3600)
        guard !isWholeHours else { return hour }
        let midnight = day(of: hour.end).period.start
        let parts = hour.cut(at: [midnight])
        return parts.first { instant < $0.end } ?? hour
    }

    /// Whether a ledger hour begins at the instant.
    ///
    /// A period that starts and ends at such instants consists of whole ledger rows.
    public func isLedgerHour(_ instant: Instant) -> Bool {
        ledgerHour(of: instant).start == instant
    }

    /// The civil month written as `2026-11`; `nil` if the text is no month of that form.
    public func month(_ text: String) -> Period? {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.isAtEnd,
            let first = CivilDay(year: year, month: month, day: 1)
        else { return nil }
        return self.month(from: first)
    }

    /// The civil day written as `2026-11-23`; `nil` if the text is no day of that form.
    public func day(_ text: String) -> Period? {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.skip("-"),
            let number = rest.digits(2), rest.isAtEnd,
            let day = CivilDay(year: year, month: month, day: number)
        else { return nil }
        return period(day, CivilDay(daysSince1970: day.daysSince1970 + 1))
    }

    /// The civil month that contains the instant.
    public func month(of instant: Instant) -> Period {
        let day = localDay(instant)
        return month(from: CivilDay(daysSince1970: day.daysSince1970 - (day.day - 1)))
    }

    /// The civil day that contains the instant, and its date as `2026-11-23`.
    public func day(of instant: Instant) -> (period: Period, date: String) {
        let day = localDay(instant)
        return (period(day, CivilDay(daysSince1970: day.daysSince1970 + 1)), day.description)
    }

    /// The civil day that contains the instant, and its number of days since 1970-01-01.
    public func numberedDay(of instant: Instant) -> (period: Period, number: Int64) {
        let number = localDay(instant).daysSince1970
        return (day(number: number), number)
    }

    /// The civil day with the given number of days since 1970-01-01.
    ///
    /// - Parameter number: 0 for 1970-01-01, negative before it.
    public func day(number: Int64) -> Period {
        period(CivilDay(daysSince1970: number), CivilDay(daysSince1970: number + 1))
    }

    /// The offsets that apply during a period, oldest first.
    ///
    /// The first one starts at the period's start, whenever the zone began to use it.
    public func offsets(over period: Period) -> [Offset] {
        [Offset(since: period.start, seconds: offset(at: period.start))]
            + allOffsets.filter { period.start < $0.since && $0.since < period.end }
    }

    /// The instant's civil time in this zone, expressed as if it were UTC.
    ///
    /// Example: in Paris in winter, `12:00Z` becomes `13:00Z`, because the clock there shows 13:00.
    public func local(_ instant: Instant) -> Instant {
        instant.advanced(bySeconds: offset(at: instant))
    }

    /// All months that the period overlaps, each as a whole month, in order of time.
    public func months(touching period: Period) -> [Period] {
        var months = [month(of: period.start)]
        while let last = months.last, last.end < period.end { months.append(month(of: last.end)) }
        return months
    }

    /// The month whose first day is given.
    ///
    /// 31 days after the first of a month always lie in the next month, so going back to the first
    /// day of that month gives the end.
    private func month(from first: CivilDay) -> Period {
        let inNext = CivilDay(daysSince1970: first.daysSince1970 + 31)
        return period(first, CivilDay(daysSince1970: inNext.daysSince1970 - (inNext.day - 1)))
    }

    /// The time from the first instant of one civil day to the first instant of another.
    private func period(_ from: CivilDay, _ to: CivilDay) -> Period {
        Period(start: midnight(from), length: midnight(to).seconds - midnight(from).seconds)
    }

    /// The date that a calendar in this zone shows at the instant.
    private func localDay(_ instant: Instant) -> CivilDay {
        CivilDay(
            daysSince1970: (instant.seconds + offset(at: instant)).flooredQuotient(by: 86_400))
    }

    /// The first instant of a civil day, even if clocks skip midnight or show it twice.
    ///
    /// A change of offset may happen near midnight. So both the offset one day before and the
    /// offset one day after are tried, and the earliest candidate whose local time is not before
    /// the day wins.
    private func midnight(_ day: CivilDay) -> Instant {
        let civil = day.daysSince1970 * 86_400
        let around = [-86_400, 86_400].map { offset(at: Instant(seconds: civil + $0)) }
        return around.map { Instant(seconds: civil - $0) }.sorted()
            .first { $0.seconds + offset(at: $0) >= civil } ?? Instant(seconds: civil)
    }

    /// The offset at an instant, in seconds east of UTC.
    ///
    /// Binary search, because reports ask for every hour and a zone has hundreds of offsets.
    private func offset(at instant: Instant) -> Int64 {
        var (low, high) = (0, allOffsets.count)
        while low < high {
            let middle = (low + high) / 2
            if allOffsets[middle].since <= instant { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : allOffsets[low - 1].seconds
    }
}
