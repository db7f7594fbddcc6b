import Units

/// The rule at the end of a time zone file, `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX, environment TZ).
struct ZoneRule {
    private let standard: Int64
    private let summer: Int64
    private let begins: YearDay
    private let ends: YearDay

    /// `nil` if it has no summer time, or one of another form.
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

    /// When the year's offsets begin.
    func changes(in year: Int) -> [BillingZone.Offset] {
        [
            .init(since: begins.instant(in: year, offset: standard), seconds: summer),
            .init(since: ends.instant(in: year, offset: summer), seconds: standard),
        ].sorted { $0.since < $1.since }
    }

    /// A name and the hours west of UTC: seconds east of it.
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

    /// `-3`, `5:30` as seconds.
    fileprivate static func seconds(_ text: Substring) -> Int64? {
        let negative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(separator: ":").map { Int64($0) }
        guard (1...3).contains(parts.count), !parts.contains(nil) else { return nil }
        let units: [Int64] = [3600, 60, 1]
        let sum = zip(parts, units).reduce(Int64(0)) { $0 + ($1.0 ?? 0) * $1.1 }
        return negative ? -sum : sum
    }
}

/// `M10.5.0/3`: the last Sunday of October, at 3 o'clock.
private struct YearDay {
    let month: Int64
    let week: Int64
    let weekday: Int64
    let seconds: Int64

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

    func instant(in year: Int, offset: Int64) -> Instant {
        let name = "\(year)-\(month < 10 ? "0" : "")\(month)"
        guard let period = BillingZone.utc.month(name) else { return Instant(seconds: 0) }
        // 1970-01-01 was a Thursday.
        let first = period.start.seconds / 86_400
        let ahead = (weekday - (first + 4) % 7 + 7) % 7
        var day = first + ahead + (week - 1) * 7
        while day * 86_400 >= period.end.seconds { day -= 7 }
        return Instant(seconds: day * 86_400 + seconds - offset)
    }
}
