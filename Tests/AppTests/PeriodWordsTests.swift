import App
import TestSupport
import Testing
import Units

@Suite struct PeriodWordsTests {
    /// 2025-03-14T15:09:26Z, in the middle of an hour.
    private let now = Instant(rfc3339: "2025-03-14T15:09:26Z") ?? Instant(seconds: 0)
    /// A zone whose days begin at half past an UTC hour, as those of India do.
    private let india = BillingZone(
        name: "Asia/Kolkata",
        offsets: [BillingZone.Offset(since: Instant(seconds: 0), seconds: 19_800)])

    @Test(
        arguments: [
            (nil, nil, nil, "2025-03-01T00:00:00Z/2025-04-01T00:00:00Z"),
            ("2024-02", nil, nil, "2024-02-01T00:00:00Z/2024-03-01T00:00:00Z"),
            (nil, "2025-03-01", "2025-03-02", "2025-03-01T00:00:00Z/2025-03-02T00:00:00Z"),
            // Without an end, it is the end of the hour that is running.
            (nil, "2025-03-14", nil, "2025-03-14T00:00:00Z/2025-03-14T16:00:00Z"),
            (
                nil, "2025-03-14T15:00:00Z", nil, "2025-03-14T15:00:00Z/2025-03-14T16:00:00Z"
            ),
            (
                nil, "2025-03-01T05:00:00+02:00", "2025-03-01T04:00:00Z",
                "2025-03-01T03:00:00Z/2025-03-01T04:00:00Z"
            ),
            // A start given in full may still lie ahead.
            (nil, "2030-01-01", "2030-01-02", "2030-01-01T00:00:00Z/2030-01-02T00:00:00Z"),
        ] as [(String?, String?, String?, String)])
    func wordsAreAPeriod(month: String?, from: String?, to: String?, period: String) throws {
        let words = PeriodWords(month: month, from: from, to: to)
        #expect(try words.period(in: .utc, at: now).description == period)
        #expect(words.isGiven == (month != nil || from != nil))
    }

    /// Days and months begin when those of the zone do, 5:30 hours before those of UTC.
    @Test func daysAndMonthsAreThoseOfTheZone() throws {
        let month = try PeriodWords(month: "2025-01").period(in: india, at: now)
        #expect(month.description == "2024-12-31T18:30:00Z/2025-01-31T18:30:00Z")
        let days = try PeriodWords(from: "2025-01-02", to: "2025-01-04").period(in: india, at: now)
        #expect(days.description == "2025-01-01T18:30:00Z/2025-01-03T18:30:00Z")
        // The first of April begins there while March still runs in UTC.
        let late = try #require(Instant(rfc3339: "2025-03-31T18:30:00Z"))
        #expect(
            try PeriodWords().period(in: india, at: late).description
                == "2025-03-31T18:30:00Z/2025-04-30T18:30:00Z")
    }

    @Test(
        arguments: [
            ("2025-3", nil, nil, "--month"), ("2025-13", nil, nil, "--month"),
            ("", nil, nil, "--month"), ("2025-03-01", nil, nil, "--month"),
            ("2025-03", "2025-03-01", nil, "--month"), ("2025-03", nil, "2025-03-01", "--month"),
            (nil, nil, "2025-03-01", "--to"), (nil, "tomorrow", nil, "--from"),
            (nil, "2025-03-01", "later", "--to"), (nil, "2025-02-29", nil, "--from"),
            (nil, "1969-12-31", nil, "--from"), (nil, "2025-03-01", "2025-03-01", "--to"),
            (nil, "2025-03-02", "2025-03-01", "--to"), (nil, "2025-03-14T16:00:00Z", nil, "--from"),
            (nil, "2025-03-01T00:00:01Z", "2025-03-02", "--from"),
            (nil, "2025-03-01T23:30:00Z", "2025-03-02", "--from"),
            (nil, "2025-03-01", "2025-03-02T00:00:00.001Z", "--to"),
        ] as [(String?, String?, String?, String)])
    func otherWordsAreRefusedAtTheOptionThatIsWrong(
        month: String?, from: String?, to: String?, option: String
    ) throws {
        try refusal(.wrongUse, at: option) {
            try PeriodWords(month: month, from: from, to: to).period(in: .utc, at: now)
        }
    }

    /// Where a civil day begins inside a UTC hour, the ledger has a row from there on.
    @Test func aMidnightInsideAnHourCutsNoLedgerHour() throws {
        let words = PeriodWords(from: "2025-03-01T18:30:00Z", to: "2025-03-01T20:00:00Z")
        #expect(try words.period(in: india, at: now).seconds == 5400)
        try refusal(.wrongUse, at: "--from") { try words.period(in: .utc, at: now) }
        let other = PeriodWords(from: "2025-03-01T17:30:00Z", to: "2025-03-01T20:00:00Z")
        try refusal(.wrongUse, at: "--from") { try other.period(in: india, at: now) }
    }

    @Test func theAppReadsWordsInTheZoneOfItsSettings() throws {
        let firm = try Firm(settings: "time_zone: Asia/Kolkata\n")
        #expect(
            try firm.app.period(PeriodWords(month: "2025-01")).description
                == "2024-12-31T18:30:00Z/2025-01-31T18:30:00Z")
        #expect(try firm.app.givenPeriod(PeriodWords()) == nil)
        #expect(
            try firm.app.givenPeriod(PeriodWords(month: "2025-01"))
                == firm.app.period(PeriodWords(month: "2025-01")))
        try refusal(.wrongUse, at: "--to") {
            try firm.app.givenPeriod(PeriodWords(to: "2025-01-01"))
        }
    }

    /// Every instant that `readTime` gives comes back from its own description.
    @Test func aTimeIsReadAsItIsWritten() throws {
        var random = SeededRandom(seed: 31)
        for _ in 0..<200 {
            let time = Instant(seconds: Int64.random(in: 0..<253_402_300_800, using: &random))
            #expect(try readTime("--at", time.description, in: india) == time)
        }
        #expect(
            try readTime("--at", "2025-01-01", in: india).description == "2024-12-31T18:30:00Z")
        for text in [
            "", "2025", "2025-01-01T00:00:00", "1969-12-31T23:59:59Z", "now", "\u{1B}[2J",
        ] {
            let fault = try refusal(.wrongUse, at: "--at") { try readTime("--at", text, in: .utc) }
            #expect(!fault.problem.contains("\u{1B}"))
        }
    }

    @Test(
        arguments: [
            ("1ms", 1), ("10s", 10_000), ("5m", 300_000), ("2h", 7_200_000),
            ("366d", 31_622_400_000),
            ("0s", nil), ("-1s", nil), ("367d", nil), ("1.5h", nil), ("10", nil), ("s", nil),
            ("1w", nil), ("99999999999999999999s", nil), ("9223372036854775807d", nil),
        ] as [(String, Int64?)])
    func aDurationHasANumberAndAUnit(text: String, expected: Int64?) throws {
        guard let expected else {
            try refusal(.wrongUse, at: "--for") { try milliseconds("--for", text) }
            return
        }
        #expect(try milliseconds("--for", text) == expected)
    }
}
