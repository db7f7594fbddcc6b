import Host
import Units

/// A period as a person names it: a month, or a start and an end.
///
/// Without any of them it is the current month.
public struct PeriodWords: Hashable, Sendable {
    /// `2026-11`.
    public var month: String?
    /// The start, inclusive: a time of RFC 3339, or a date of the billing zone.
    public var from: String?
    /// The end, exclusive, as `from`; without it, the end of this hour.
    public var to: String?

    public init(month: String? = nil, from: String? = nil, to: String? = nil) {
        (self.month, self.from, self.to) = (month, from, to)
    }

    public var isGiven: Bool { month != nil || from != nil || to != nil }

    /// The period that was named.
    ///
    /// - Throws: `wrongUse` for words that name none, or that cut an hour of the ledger.
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
    /// The period of some words in the billing zone.
    public func period(_ words: PeriodWords) throws(Fault) -> Period {
        try words.period(in: zone(), at: Host.wallTime())
    }

    /// The same; `nil` if none was named.
    public func givenPeriod(_ words: PeriodWords) throws(Fault) -> Period? {
        words.isGiven ? try period(words) : nil
    }
}

/// Reads a time: RFC 3339, or a bare date for the start of that day in the billing zone.
///
/// - Parameter option: what the fault calls it.
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

/// Reads a duration, `10s` or `2h`, in milliseconds.
///
/// - Parameter option: what the fault calls it.
public func milliseconds(_ option: String, _ text: String) throws(Fault) -> Int64 {
    guard let value = parseMilliseconds(text) else {
        throw Fault(
            .wrongUse, at: option, problem: quoted(text), suggestion: "Write \(durationText)")
    }
    return value
}
