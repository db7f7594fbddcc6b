import Units

/// The rule at the end of a time zone file, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// The form is that of the environment variable `TZ` (POSIX). The example says: one hour east of
/// UTC; summer time from the last Sunday of March at 2:00 to the last Sunday of October at 3:00.
struct ZoneRule {
    /// The offset of standard time, in seconds east of UTC.
    private let standard: Int64
    /// The offset of summer time, in seconds east of UTC.
    private let summer: Int64
    /// When summer time begins, by the clock of standard time.
    private let begins: YearDay
    /// When summer time ends, by the clock of summer time.
    private let ends: YearDay

    /// Parses a rule; `nil` if it has no summer time, or has days in another form than `M10.5.0`.
    init?(_ text: String) {
        let parts = text.split(separator: ",")
        guard parts.count == 3, let begins = YearDay(parts[1]), let ends = YearDay(parts[2]) else {
            return nil
        }
        var rest = parts[0][...]
        guard let standard = Self.zone(&rest, otherwise: nil),
            let summer = Self.zone(&rest, otherwise: standard + 3600), rest.isEmpty
        else { return nil }
        (self.standard, self.summer, self.begins, self.ends) = (standard, summer, begins, ends)
    }

    /// The two changes of offset in a year, in order of time.
    func changes(in year: Int) -> [BillingZone.Offset] {
        [
            .init(since: begins.instant(in: year, offset: standard), seconds: summer),
            .init(since: ends.instant(in: year, offset: summer), seconds: standard),
        ].sorted { $0.since < $1.since }
    }

    /// Reads the name and offset of a zone from the start of a text, such as `CET-1` or `<+03>-3`.
    ///
    /// POSIX counts hours west of UTC, so the sign is reversed.
    ///
    /// - Parameter otherwise: the result for a name without an offset.
    /// - Returns: seconds east of UTC.
    private static func zone(_ text: inout Substring, otherwise: Int64?) -> Int64? {
        if text.first == "<" {
            guard let end = text.firstIndex(of: ">") else { return nil }
            text = text[text.index(after: end)...]
        } else {
            text = text.drop { $0.isLetter }
        }
        let clock = text.prefix { !$0.isLetter && $0 != "<" }
        text = text.dropFirst(clock.count)
        return clock.isEmpty ? otherwise : ZoneRule.seconds(clock).map { -$0 }
    }

    /// Parses hours, minutes and seconds as seconds: `5:30` is 19800, `-3` is -10800.
    fileprivate static func seconds(_ text: Substring) -> Int64? {
        let negative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(separator: ":").map { Int64($0) }
        guard (1...3).contains(parts.count), !parts.contains(nil) else { return nil }
        let units: [Int64] = [3600, 60, 1]
        let sum = zip(parts, units).reduce(Int64(0)) { $0 + ($1.0 ?? 0) * $1.1 }
        return negative ? -sum : sum
    }
}

/// A day and time of each year: `M10.5.0/3` is the last Sunday of October at 3:00.
private struct YearDay {
    /// From 1 to 12.
    let month: Int64
    /// The week of the month, from 1; 5 is the last one.
    let week: Int64
    /// From 0 for Sunday to 6.
    let weekday: Int64
    /// The time of day in seconds; it may be negative or more than a day (RFC 8536).
    let seconds: Int64

    /// Parses a day; `nil` for another form.
    ///
    /// Without a time it is 2:00.
    init?(_ text: Substring) {
        let halves = text.split(separator: "/")
        let numbers = halves[0].dropFirst().split(separator: ".").map { Int64($0) }
        guard text.first == "M", numbers.count == 3, let month = numbers[0], let week = numbers[1],
            let weekday = numbers[2], (1...12).contains(month), (1...5).contains(week),
            (0...6).contains(weekday)
        else { return nil }
        guard let seconds = halves.count == 1 ? 7200 : ZoneRule.seconds(halves[1]) else {
            return nil
        }
        (self.month, self.week, self.weekday, self.seconds) = (month, week, weekday, seconds)
    }

    /// The instant in a year.
    ///
    /// - Parameter offset: the offset in force before it, in seconds east of UTC.
    func instant(in year: Int, offset: Int64) -> Instant {
        let name = "\(year)-\(month < 10 ? "0" : "")\(month)"
        guard let period = BillingZone.utc.month(name) else { return Instant(seconds: 0) }
        // 1970-01-01 was a Thursday, which is weekday 4.
        let first = period.start.seconds / 86_400
        let ahead = (weekday - (first + 4) % 7 + 7) % 7
        var day = first + ahead + (week - 1) * 7
        // Week 5 may lie in the next month; then the last one is a week earlier.
        while day * 86_400 >= period.end.seconds { day -= 7 }
        return Instant(seconds: day * 86_400 + seconds - offset)
    }
}
