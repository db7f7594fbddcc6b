import TestSupport
import Testing

/// Months of zones whose clocks do what they like at midnight.
@Suite struct FieldCalendarTests {
    /// Items of an hour each, by the UTC hour in which it begins, and the month each is billed in.
    @Test(
        arguments: [
            // Both changes of the clock lie inside a month.
            (
                "Europe/Paris",
                [
                    ("2025-02-28T22", "2025-02"), ("2025-02-28T23", "2025-03"),
                    ("2025-03-31T21", "2025-03"), ("2025-03-31T22", "2025-04"),
                    ("2025-10-31T22", "2025-10"), ("2025-10-31T23", "2025-11"),
                ]
            ),
            // The midnight of November came twice: the month begins at the first.
            (
                "America/Havana",
                [
                    ("2020-10-01T03", "2020-09"), ("2020-10-01T04", "2020-10"),
                    ("2020-11-01T03", "2020-10"), ("2020-11-01T04", "2020-11"),
                    ("2020-11-01T05", "2020-11"), ("2020-12-01T04", "2020-11"),
                    ("2020-12-01T05", "2020-12"),
                ]
            ),
            // The midnight of October never was: the clock went from 23:59 to 1:00.
            (
                "America/Asuncion",
                [
                    ("2023-09-30T23", "2023-09"), ("2023-10-01T03", "2023-09"),
                    ("2023-10-01T04", "2023-10"), ("2023-11-01T02", "2023-10"),
                    ("2023-11-01T03", "2023-11"),
                ]
            ),
            // Samoa left out December 30th.
            (
                "Pacific/Apia",
                [
                    ("2011-12-01T09", "2011-11"), ("2011-12-01T10", "2011-12"),
                    ("2011-12-30T09", "2011-12"), ("2011-12-30T10", "2011-12"),
                    ("2011-12-31T09", "2011-12"), ("2011-12-31T10", "2012-01"),
                ]
            ),
            // Winter time in Ramadan only, the other way round, and by two hours.
            ("Africa/Casablanca", [("2025-02-28T23", "2025-02"), ("2025-03-01T00", "2025-03")]),
            ("Europe/Dublin", [("2025-03-31T22", "2025-03"), ("2025-03-31T23", "2025-04")]),
            ("Antarctica/Troll", [("2025-03-31T21", "2025-03"), ("2025-03-31T22", "2025-04")]),
            ("Pacific/Kiritimati", [("2025-02-28T09", "2025-02"), ("2025-02-28T10", "2025-03")]),
            ("Pacific/Pago_Pago", [("2025-03-01T10", "2025-02"), ("2025-03-01T11", "2025-03")]),
        ] as [(String, [(String, String)])])
    func everyHourIsBilledInTheMonthThatItsZoneSays(
        zone: String, hours: [(hour: String, month: String)]
    ) throws {
        let host = try FieldHost(settings: "time_zone: \(zone)\n")
        var quantity = 1
        var wanted: [String: Int] = [:]
        var rows: [String] = []
        for (hour, month) in hours {
            rows.append(try row(quantity, at: hour))
            wanted[month, default: 0] += quantity
            quantity *= 10
        }
        try host.take(rows)
        for (month, items) in wanted { #expect(try host.quantity(month) == items, "\(month)") }
    }

    /// Usage of the UTC hour in which a month begins: so many of 3600 items are of the month before.
    @Test(arguments: [
        ("Asia/Kolkata", "2025-02-28T18", 1800), ("Asia/Kathmandu", "2025-02-28T18", 900),
        ("America/St_Johns", "2025-03-01T03", 1800), ("Australia/Adelaide", "2025-02-28T13", 1800),
        ("Pacific/Chatham", "2025-02-28T10", 900), ("Asia/Tehran", "2025-02-28T20", 1800),
        ("Australia/Lord_Howe", "2025-02-28T13", 0),
    ])
    func theHourInWhichAMonthBeginsIsSplitByTime(
        zone: String, hour: String, before: Int
    ) throws {
        let prices =
            "books:\n  - { id: tide, currency: EUR, effective: 2025-02-01,\n"
            + "      meters: { crate: { unit: item, price: \"1\", per: 1 item } } }\n"
        let host = try FieldHost(prices: prices, settings: "time_zone: \(zone)\n")
        try host.take([row(3600, at: hour), row(7, at: "2025-02-26T12")])
        #expect(try host.quantity("2025-02") == before + 7)
        #expect(try host.quantity("2025-03") == 3600 - before)
        // The same file again brings nothing; the second month first, then the first.
        try host.take([row(3600, at: hour)])
        for month in ["2025-03", "2025-02"] { try host.must("invoice", "issue", "--month", month) }
        #expect(try host.nets() == ["harbor \(3600 - before).00", "harbor \(before + 7).00"])
        try host.must("invoice", "verify")
        try host.must("store", "verify")
        let days = try table(
            host.must(
                "usage", "--from", "2025-02-28", "--to", "2025-03-02", "--by", "day", "--format",
                "csv"
            ).output)
        let used = days.filter { $0["meter"] == "crate" }.map { $0["quantity"] ?? "" }
        #expect(used == [before, 3600 - before].filter { $0 > 0 }.map(String.init))
    }

    @Test func whatCutsAnHourIsRefusedAndADateIsNot() throws {
        let host = try FieldHost(settings: "time_zone: Asia/Kolkata\n")
        try host.take([row(10, at: "2025-02-28T18")])
        for time in ["2025-03-01", "2025-03-01T00:00:00+05:30", "2025-02-28T18:30:00Z"] {
            let used = try table(
                host.must("usage", "--from", time, "--to", "2025-03-02", "--format", "csv").output)
            #expect(used.map { $0["quantity"] } == ["5"], "\(time)")
        }
        let refused = try host.run(
            "usage", "--from", "2025-03-01T10:00:00+05:30", "--to", "2025-03-02")
        #expect(refused.status == 64)
        #expect(
            refused.errors.contains("--from: 2025-03-01T04:30:00Z, which cuts an hour"),
            "\(refused.errors)")
        // Hours change hands at midnight.
        try host.must(
            "tenant", "add", "quay", "--price-book", "tide")
        try host.must(
            "tenant", "assign", "quay", "--container", "hold", "--from", "2025-03-01", "--to",
            "2025-03-02")
        let used = try table(
            host.must("usage", "--from", "2025-02-28", "--to", "2025-03-02", "--format", "csv")
                .output)
        #expect(
            used.map { "\($0["tenant"] ?? "") \($0["quantity"] ?? "")" } == ["harbor 5", "quay 5"])
    }

    @Test(arguments: [
        ("Mars/Phobos", "no such zone"), ("europe/paris", "no such zone"),
    ])
    func aZoneThatCannotBeBilledIsRefused(zone: String, why: String) throws {
        let host = try FieldHost()
        _ = try host.file("config/octroi.yaml", "time_zone: \(zone)\n")
        for command in [["apply"], ["invoice", "draft", "--month", "2025-03"]] {
            let refused = try octroi(command, store: host.store, config: host.config)
            #expect(refused.status == 65)
            #expect(refused.errors.contains("octroi.yaml:1: time_zone: \(zone)"))
            #expect(refused.errors.contains(why))
        }
    }

    @Test(arguments: [("2099-10-01T00", "31 days"), ("9998-01-01T00", "31 days")])
    func usageThatIsStillToComeIsRefused(hour: String, why: String) throws {
        let host = try FieldHost()
        let path = try host.file("future.csv", usageHeader + row(5, at: hour))
        let refused = try host.run("usage", "import", path)
        #expect(refused.status == 65)
        #expect(refused.errors.contains("future.csv, line 2, end: \(hour.prefix(10))"))
        #expect(refused.errors.contains(why), "\(refused.errors)")
        let issued = try host.run("invoice", "issue", "--month", String(hour.prefix(7)))
        #expect(issued.status == 64 && issued.errors.contains("it has not begun"))
        #expect(try host.nets() == [])
    }
}
