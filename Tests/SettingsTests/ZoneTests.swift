import Settings
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
        let folder = try TemporaryFolder()
        try folder.write("interval: 10s\ntime_zone: \"\(name)\"\n", to: "octroi.yaml")
        #expect {
            try Settings(folder: folder.path)
        } throws: {
            "\($0)".contains("octroi.yaml:2: time_zone")
        }
    }
}

@Suite struct PriceMistakeTests {
    private func faults(_ meter: String, _ rest: String = "") throws -> [String] {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            books:
              - id: s
                currency: EUR
                effective: 2026-01-01T00:00:00Z
                meters:
                  cpu: { price: "1", per: 1 vCPU-hour }
                  net_tx_bytes: \(meter)
            \(rest)
            """, to: "p.yaml")
        return try ContractFiles(checking: ["\(folder.path)/p.yaml"], in: .utc).faults.map {
            $0.description.replacing(folder.path, with: "")
        }
    }

    /// What DESIGN's own sample uses, and every mistake beside it: line, key and cure.
    @Test(arguments: [
        (
            "{ per: 1 GB, tiers: [ { up_to: 100, price: \"0\" }, { price: \"1\", flat: \"2\" } ] }",
            ""
        ),
        ("{ per: 1 GB, mode: package, price: \"1\" }", ""),
        ("{ per: 1 GB, round_up: 10 MB, free: 3 GiB, minimum_duration: 60s, price: \"1\" }", ""),
        ("{ per: 1 GB, price: \"1\", tiers: [] }", "a price and tiers"),
        ("{ per: 1 GB, tiers: [] }", "no tier"),
        ("{ per: 1 GB }", "no \"price\""), ("{ price: \"1\" }", "no \"per\""),
        ("{ per: 1 GB, tiers: [ { up_to: 5, price: \"1\" } ] }", "what lies above has no price"),
        (
            "{ per: 1 GB, tiers: [ { price: \"1\" }, { up_to: 5, price: \"1\" }, { price: \"2\" } ] }",
            "overlap"
        ),
        (
            "{ per: 1 GB, tiers: [ { up_to: 5, price: \"1\" }, { up_to: 5, price: \"1\" }, { price: \"2\" } ] }",
            "not above the one before"
        ),
        ("{ per: 1 GB, tiers: [ { up_to: 0, price: \"1\" }, { price: \"2\" } ] }", "not above 0"),
        (
            "{ per: 1 GB, tiers: [ { up_to: \"0.0000000001\", price: \"1\" }, { price: \"2\" } ] }",
            "no whole number of byte"
        ),
        ("{ per: 1 GB, tiers: [ { up_to: 5, price: 1 }, { price: \"2\" } ] }", "bare number"),
        ("{ per: 1 GB, price: \"1\", mode: stairs }", "stairs"),
        (
            "{ per: 170141183460469231731687303715884105727 byte, price: \"1\", round_up: true }",
            "more than anybody uses"
        ),
        (
            "{ per: 1 byte, tiers: [ { up_to: 170141183460469231731687303715884105728, price: \"1\" }, "
                + "{ price: \"2\" } ] }", "more than anybody uses"
        ),
        ("{ per: 1 GB, price: \"1\", free: 1e999 GB }", "1e999"),
        ("{ per: 1 GB, price: \"1\", mode: package, round_up: false }", "does not round up"),
        ("{ per: 1 GB, price: \"1\", round_up: 3 vCPU-hour }", "not counted in byte"),
        ("{ per: 1 GB, price: \"1\", free: 5 }", "\"5\""),
        ("{ per: 1 GB, price: \"1\", free: 5 GiB-hour }", "not counted in byte"),
        ("{ per: 1 GB, price: \"1\", minimum_duration: 500ms }", "500ms"),
        ("{ per: 1 GB, price: \"1\", basis: max }", "nothing is reserved"),
        ("{ per: 1 GB, price: \"1\", unit: GPU }", "Take the unit out"),
        ("{ per: 1 parsec, price: \"1\" }", "does not measure"),
        ("{ per: 1 GB, price: \"1\", colour: red }", "unknown key"),
    ])
    func metersAreChecked(meter: String, found: String) throws {
        let faults = try faults(meter)
        guard !found.isEmpty else { return #expect(faults == []) }
        #expect(faults.count == 1)
        #expect(
            faults.first?.hasPrefix("/p.yaml:7: books[0].meters.net_tx_bytes") == true
                && faults.first?.contains(found) == true, "\(faults)")
    }

    @Test(arguments: [
        ("minimum: \"5.00\"", ""), ("minimum: 5", "bare number"), ("minimum: \"-5\"", "-5"),
        ("fixed: [ { code: a, name: A, price: \"20.00\", per: month } ]", ""),
        ("fixed: [ { code: a, price: \"1\" }, { code: a, price: \"2\" } ]", "twice"),
        ("fixed: [ { code: a, price: \"1\", per: day } ]", "each billing month"),
        ("fixed: [ { price: \"1\" } ]", "no \"code\""),
        ("discounts: [ { percent: \"10\", meters: [cpu], tenants: [acme] } ]", ""),
        ("discounts: [ { percent: \"101\" } ]", "100 percent at most"),
        ("discounts: [ { percent: \"60\" }, { percent: \"60\", meters: [cpu] } ]", "add up"),
        (
            "discounts: [ { percent: \"60\", tenants: [a] }, { percent: \"60\", tenants: [b] } ]",
            ""
        ),
        ("discounts: [ { percent: \"10\", tenants: [] } ]", "an empty list"),
        ("discounts: [ { percent: \"10\", meters: [] } ]", "an empty list"),
        ("discounts: [ { percent: \"10\", meters: [memory] } ]", "memory"),
        ("discounts: [ { percent: \"10\", tenants: [A] } ]", "\"A\""),
        ("discounts: [ { percent: \"10\", until: 2026-07-01T00:30:00Z } ]", "00:30"),
        (
            "discounts: [ { percent: \"1\", from: 2026-07-01T00:00:00Z, until: 2026-06-01T00:00:00Z } ]",
            "not after from"
        ),
        ("taxes: [ { code: v, rate: \"20\" }, { code: v, rate: \"5\" } ]", "twice"),
        ("taxes: [ { code: v, rate: 20 } ]", "bare number"),
    ])
    func booksAreChecked(key: String, found: String) throws {
        let faults = try faults("{ per: 1 GB, price: \"1\" }", "    " + key)
        guard !found.isEmpty else { return #expect(faults == []) }
        #expect(faults.count == 1 && faults.first?.hasPrefix("/p.yaml:8: books[0].") == true)
        #expect(faults.first?.contains(found) == true, "\(faults)")
    }
}
