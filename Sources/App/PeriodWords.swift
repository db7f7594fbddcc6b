import Host
import Units

/// A period as a person writes it: a month, or a start and an end.
///
/// Without any of them it is the current month. Examples: `PeriodWords(month: "2026-10")`,
/// `PeriodWords(from: "2026-10-05", to: "2026-10-12")`.
public struct PeriodWords: Hashable, Sendable {
    /// A month of the billing zone, such as `2026-11`.
    public var month: String?
    /// The start, inclusive: an RFC 3339 time, or a date of the billing zone.
    public var from: String?
    /// The end, exclusive, in the same form; without it, the end of the hour that is running.
    public var to: String?

    /// A period by words; by default the current month.
    public init(month: String? = nil, from: String? = nil, to: String? = nil) {
        (self.month, self.from, self.to) = (month, from, to)
    }

    /// Whether any word was given.
    public var isGiven: Bool { month != nil || from != nil || to != nil }

    /// Parses the words.
    ///
    /// - Parameters:
    ///   - zone: the billing zone, in which dates and months begin.
    ///   - now: decides which month is the current one, and which hour is running.
    /// - Throws: `wrongUse` for words that are not a period, and for a start or end inside a ledger
    ///   hour.
    public func period(in zone: BillingZone, at now: Instant) throws(Fault) -> Period {
        if let month {
            guard from == nil, to == nil else {
                throw wrong(
                    "--month", "--from or --to is given, too", "Give the month, or --from and --to")
            }
            guard let period = zone.month(month) else {
                throw wrong("--month", quoted(month), "Write a month as 2026-11")
            }
            return period
        }
        guard let from else {
            guard to == nil else { throw wrong("--to", "no --from", "Give both ends") }
            return zone.month(of: now)
        }
        let start = try readTime("--from", from, in: zone)
        let end =
            try to.map { text throws(Fault) in try readTime("--to", text, in: zone) }
            ?? now.startOfHour.advanced(bySeconds: 3600)
        guard let period = Period(start: start, end: end) else {
            if to == nil {
                throw wrong(
                    "--from", "\(start), which is still to come",
                    "Give a start in the past, or --to")
            }
            throw wrong(
                "--to", "\(end), which is not after \(start)", "Make the end later than the start")
        }
        // Usage is stored by ledger hours, so a period cannot cut one.
        for (option, time) in [("--from", period.start), ("--to", period.end)]
        where !zone.isLedgerHour(time) {
            throw wrong(
                option, "\(time), which cuts an hour",
                "Give a date or a whole UTC hour: usage is kept by the hour")
        }
        return period
    }

    private func wrong(_ option: String, _ problem: String, _ suggestion: String) -> Fault {
        Fault(.wrongUse, at: option, problem: problem, suggestion: suggestion)
    }
}

extension App {
    /// Parses a period in the billing zone; without words it is the current month.
    ///
    /// - Throws: `wrongUse` for words that are not a period, and for a start or end inside a ledger
    ///   hour.
    public func period(_ words: PeriodWords) throws(Fault) -> Period {
        try words.period(in: zone(), at: Host.wallTime())
    }

    /// Parses a period in the billing zone; `nil` without words.
    ///
    /// - Throws: as `period(_:)` does.
    public func givenPeriod(_ words: PeriodWords) throws(Fault) -> Period? {
        words.isGiven ? try period(words) : nil
    }
}

/// Parses an RFC 3339 time, or a date as the start of that day in the billing zone.
///
/// - Parameter option: where the text was given, for the fault.
/// - Throws: `wrongUse` for any other text, and for a time before 1970.
public func readTime(
    _ option: String, _ text: String, in zone: BillingZone
) throws(Fault) -> Instant {
    guard let instant = Instant(rfc3339: text) ?? zone.day(text)?.start, instant.isBillable else {
        throw Fault(
            .wrongUse, at: option, problem: quoted(text),
            suggestion: "Write an RFC 3339 time after 1970, such as 2026-11-01T00:00:00Z, or a date"
        )
    }
    return instant
}

/// Parses a duration such as `10s` or `2h`, in ms.
///
/// - Parameter option: where the text was given, for the fault.
/// - Throws: `wrongUse` for any other text.
public func milliseconds(_ option: String, _ text: String) throws(Fault) -> Int64 {
    guard let value = parseMilliseconds(text) else {
        throw Fault(
            .wrongUse, at: option, problem: quoted(text), suggestion: "Write \(durationText)")
    }
    return value
}
