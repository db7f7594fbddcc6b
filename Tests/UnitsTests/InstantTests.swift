import TestSupport
import Testing
import Units

@Suite struct InstantTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-23T15:04:05Z", 1_795_446_245_000),
        ("2024-02-29T23:59:59.250Z", 1_709_251_199_250),
        ("2000-01-01T02:30:00+02:30", 946_684_800_000),
        ("1969-12-31T23:59:59Z", -1000), ("2026-11-23t15:04:05z", 1_795_446_245_000),
        ("2026-11-23T15:04:05.1239999Z", 1_795_446_245_123),
        ("2026-11-23T15:04:05.000000000000000000001+00:00", 1_795_446_245_000),
    ])
    func readsRFC3339(text: String, milliseconds: Int64) {
        #expect(Instant(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23 15:04:05Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T15:04:05", "2026-11-23T15:04:05z ",
        "2026-1-23T15:04:05Z",
        "２026-11-23T15:04:05Z", "2026-11-23T15:04:05.Z", "2026-11-23T15:04:05.12", "2026-11-23z",
    ])
    func refusesOther(text: String) { #expect(Instant(rfc3339: text) == nil) }

    @Test func printedTimeIsReadBack() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            let instant = Instant(milliseconds: .random(in: 0...4_102_444_800_000, using: &random))
            #expect(Instant(rfc3339: instant.description) == instant)
        }
    }

    @Test(arguments: [
        ("2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2028-02", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    ])
    func monthsAreHalfOpen(month: String, start: String, end: String) throws {
        let period = try #require(Period(month: month))
        #expect(period.description == "\(start)/\(end)")
        #expect(Period(monthOf: period.start) == period)
        #expect(Period(monthOf: Instant(milliseconds: period.end.milliseconds - 1)) == period)
    }

    @Test(arguments: [
        ("2026-11-23", "2026-11-23T00:00:00Z/2026-11-24T00:00:00Z"),
        ("2028-02-29", "2028-02-29T00:00:00Z/2028-03-01T00:00:00Z"),
    ])
    func aDateIsADay(text: String, period: String) {
        #expect(BillingZone.utc.day(text)?.description == period)
    }

    @Test func badDatesAreNone() {
        for text in ["2026-02-29", "2026-13-01", "2026-11", "2026-11-1", "", "2026-11-23T", "x"] {
            #expect(BillingZone.utc.day(text) == nil, "\(text)")
        }
    }

    @Test func badMonthsAreNone() {
        for text in ["2026-13", "2026-00", "202611", "2026-1", "", "2026-11-01"] {
            #expect(Period(month: text) == nil, "\(text)")
        }
    }

    @Test func partsOfASplitAddUp() throws {
        var random = SeededRandom(seed: 2)
        for _ in 0..<2000 {
            let start = Int64.random(in: 0...1_000_000_000, using: &random)
            let length = Int64.random(in: 1...40_000_000, using: &random)
            let period = try #require(
                Period(
                    start: Instant(milliseconds: start), end: Instant(milliseconds: start + length))
            )
            let quantity = Int128(Int64.random(in: 0...Int64.max, using: &random)) * 1_000_000_007
            let parts = period.splitByHour(quantity, in: .utc)
            #expect(parts.reduce(0) { $0 + $1.quantity } == quantity)
            #expect(parts.allSatisfy { $0.quantity >= 0 && $0.hour == $0.hour.startOfHour })
            #expect(parts.first?.hour == period.start.startOfHour)
        }
    }

    @Test func theOddUnitGoesToTheLaterHour() throws {
        let start = Instant(milliseconds: 3_599_500)
        let period = try #require(Period(start: start, end: Instant(milliseconds: 3_600_500)))
        #expect(period.splitByHour(3, in: .utc).map(\.quantity) == [1, 2])
    }
}
