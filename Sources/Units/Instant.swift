/// A moment of wall-clock time, in whole milliseconds since 1970-01-01T00:00:00Z.
public struct Instant: Hashable, Comparable, Sendable {
    /// 0001-01-01T00:00:00Z, which is before any usage.
    public static let earliest = Instant(seconds: -62_135_596_800)

    /// Milliseconds since 1970-01-01T00:00:00Z; negative before that.
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    /// Makes a moment from whole seconds since 1970; negative before that.
    public init(seconds: Int64) { milliseconds = seconds * 1000 }

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 { milliseconds.flooredQuotient(by: 1000) }

    /// Whether it can be a time of usage, prices or contracts.
    ///
    /// A time before 1970 is a typing mistake.
    public var isBillable: Bool { milliseconds >= 0 }

    /// The start of the UTC hour that contains this moment.
    public var startOfHour: Instant {
        Instant(milliseconds: milliseconds.flooredQuotient(by: 3_600_000) * 3_600_000)
    }

    /// The start of the UTC day that contains this moment.
    public var startOfDay: Instant {
        Instant(milliseconds: milliseconds.flooredQuotient(by: 86_400_000) * 86_400_000)
    }

    public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }

    /// The moment `seconds` later; earlier if `seconds` is negative.
    public func advanced(bySeconds seconds: Int64) -> Instant {
        Instant(milliseconds: milliseconds + seconds * 1000)
    }
}

extension Instant: CustomStringConvertible {
    /// RFC 3339 in UTC, such as `2026-11-23T14:05:00Z`.
    ///
    /// Milliseconds are added only if they are not zero: `2026-11-23T14:05:00.250Z`.
    public var description: String {
        let day = CivilDay(daysSince1970: seconds.flooredQuotient(by: 86_400))
        let ofDay = seconds - seconds.flooredQuotient(by: 86_400) * 86_400
        let clock = [ofDay / 3600, ofDay / 60 % 60, ofDay % 60].map { padded($0, 2) }
        let fraction = milliseconds - seconds * 1000
        return "\(day)T\(clock.joined(separator: ":"))"
            + (fraction == 0 ? "Z" : ".\(padded(fraction, 3))Z")
    }
}

extension Instant {
    /// Reads an RFC 3339 time (section 5.6) with `Z` or a numeric offset.
    ///
    /// `nil` if the text has another form. A leap second (`:60`) is not accepted. Digits beyond
    /// milliseconds are cut off, not rounded, so that a period's end and the next one's start stay
    /// equal.
    public init?(rfc3339 text: some StringProtocol) {
        var rest = Scanner(text)
        guard let year = rest.digits(4), rest.skip("-"), let month = rest.digits(2), rest.skip("-"),
            let day = rest.digits(2), rest.skip("T", or: "t"), let hour = rest.digits(2),
            rest.skip(":"),
            let minute = rest.digits(2), rest.skip(":"), let second = rest.digits(2),
            let date = CivilDay(year: year, month: month, day: day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction: Int64 = 0
        if rest.skip(".") {
            guard let digits = rest.run()?.prefix(3),
                let value = Int64(digits + String(repeating: "0", count: 3 - digits.count))
            else { return nil }
            fraction = value
        }
        guard let offset = rest.offset(), rest.isAtEnd else { return nil }
        let seconds = date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(milliseconds: seconds * 1000 + fraction)
    }
}

/// A day of the proleptic Gregorian calendar.
///
/// The conversions to and from a day number are the well-known ones for "days from civil": 400
/// years have exactly 146,097 days, so all is whole-number arithmetic within one such era.
struct CivilDay: CustomStringConvertible {
    let year: Int64
    let month: Int64
    let day: Int64

    /// `nil` if the calendar has no such day: month 13, or 29 February 2026.
    init?(year: Int64, month: Int64, day: Int64) {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), (1...lengths[Int(month) - 1]).contains(day) else {
            return nil
        }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// The day with the given number of days since 1970-01-01.
    ///
    /// Years are counted from 1 March here, so the leap day is the last day of a year. 719,468 is
    /// the number of days from 0000-03-01 to 1970-01-01.
    init(daysSince1970 days: Int64) {
        let z = days + 719_468
        let era = z.flooredQuotient(by: 146_097)
        let dayOfEra = z - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * m + 2) / 5 + 1
        month = m < 10 ? m + 3 : m - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01; negative before it.
    var daysSince1970: Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = y.flooredQuotient(by: 400)
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    /// The date as `2026-11-23`.
    var description: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }
}

/// The number with zeros in front, to at least `width` digits: 7 in two digits is `07`.
func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension FixedWidthInteger {
    /// The quotient rounded towards minus infinity: -1 by 1000 is -1.
    ///
    /// Swift's `/` rounds towards zero, which would put a time before 1970 into the following
    /// second.
    func flooredQuotient(by divisor: Self) -> Self {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
    }
}
