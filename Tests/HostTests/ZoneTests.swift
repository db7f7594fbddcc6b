@testable import Host
import TestSupport
import Testing
import Units

@Suite struct ZoneTests {
    /// Months of zones, as everybody's calendar has them: with and without summer time, north and
    /// south of the equator, a leap day, beyond the last year that a file lists.
    @Test(arguments: [
        ("UTC", "2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("UTC", "2028-02", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("Europe/Paris", "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("Europe/Paris", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("Europe/Paris", "2028-02", "2028-01-31T23:00:00Z", "2028-02-29T23:00:00Z"),
        ("Europe/Paris", "2055-07", "2055-06-30T22:00:00Z", "2055-07-31T22:00:00Z"),
        ("America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"),
        ("America/New_York", "2061-03", "2061-03-01T05:00:00Z", "2061-04-01T04:00:00Z"),
        ("America/Santiago", "2026-09", "2026-09-01T04:00:00Z", "2026-10-01T03:00:00Z"),
        ("Pacific/Auckland", "2026-04", "2026-03-31T11:00:00Z", "2026-04-30T12:00:00Z"),
        ("Asia/Kolkata", "2026-02", "2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"),
        ("Asia/Kathmandu", "2026-02", "2026-01-31T18:15:00Z", "2026-02-28T18:15:00Z"),
        ("America/St_Johns", "2026-03", "2026-03-01T03:30:00Z", "2026-04-01T02:30:00Z"),
        ("Australia/Lord_Howe", "2026-04", "2026-03-31T13:00:00Z", "2026-04-30T13:30:00Z"),
        ("Asia/Tokyo", "2026-12", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z"),
    ])
    func monthsBeginAndEndAtMidnight(
        name: String, month: String, start: String, end: String
    ) throws {
        let zone = try billingZone(name)
        let period = try #require(zone.month(month))
        #expect(["\(period.start)", "\(period.end)"] == [start, end])
        #expect(zone.month(of: period.start) == period)
        let last = Instant(milliseconds: period.end.milliseconds - 1)
        #expect(zone.month(of: last) == period)
        #expect(zone.day(of: last).period.end == period.end)
        #expect(zone.day(of: period.start).date == month + "-01")
        #expect(zone.day(month + "-01") == zone.day(of: period.start).period)
    }

    /// Days follow each other without a gap, and those in which the clock is set have 23 or 25 hours.
    @Test(arguments: ["Europe/Paris", "America/Santiago", "Asia/Beirut", "America/Havana"])
    func daysMakeUpTheYear(name: String) throws {
        let zone = try billingZone(name)
        var next = try #require(zone.month("2026-01")).start
        var hours: [Int64: Int] = [:]
        for _ in 0..<365 {
            let day = zone.day(of: next).period
            #expect(day.start == next)
            hours[day.seconds / 3600, default: 0] += 1
            next = day.end
        }
        #expect(next == zone.month("2027-01")?.start)
        #expect(hours == [24: 363, 23: 1, 25: 1])
    }

    /// The hours of the ledger follow each other, none is longer than a UTC hour or reaches over one, and
    /// every day and every UTC hour begins with one.
    @Test(arguments: [
        ("UTC", 0), ("Europe/Paris", 0), ("Asia/Kolkata", 365), ("Asia/Kathmandu", 365),
        ("America/St_Johns", 365), ("Australia/Lord_Howe", 182), ("Pacific/Chatham", 365),
    ])
    func hoursOfTheLedgerMakeUpDaysAndUTCHours(name: String, cut: Int) throws {
        let zone = try billingZone(name)
        let (year, end) = (
            try #require(zone.month("2026-01")).start, try #require(zone.month("2027-01")).start
        )
        var (next, halves) = (year, 0)
        while next < end {
            let hour = zone.ledgerHour(of: next)
            #expect(hour.start == next && zone.isLedgerHour(next))
            let last = Instant(milliseconds: hour.end.milliseconds - 1)
            #expect(zone.ledgerHour(of: last) == hour)
            #expect(last.startOfHour == next.startOfHour)
            #expect(zone.day(of: last).period == zone.day(of: next).period)
            let begins = hour.start == hour.start.startOfHour
            let isDay = zone.day(of: hour.start).period.start == hour.start
            #expect(begins || isDay, "\(hour)")
            if !begins { halves += 1 }
            next = hour.end
        }
        #expect(next == end && halves == cut)
    }

    @Test(arguments: [
        ("Nowhere/Land", "no such zone"), ("../../../etc/passwd", "no such zone"),
        ("/etc/localtime", "no such zone"), ("", "no such zone"),
    ])
    func otherZonesAreRefused(name: String, found: String) throws {
        #expect { try billingZone(name) } throws: {
            ($0 as? Fault)?.problem.contains(found) == true
        }
    }
}
