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

    @Test(arguments: [
        ("Asia/Kolkata", "whole hours"), ("America/St_Johns", "whole hours"),
        ("Mars/Phobos", "no such zone"), ("europe/paris", "no such zone"),
    ])
    func aZoneThatCannotBeBilledIsRefused(zone: String, why: String) throws {
        let host = try FieldHost(settings: "time_zone: \(zone)\n")
        let refused = try host.run("invoice", "draft", "--month", "2025-03")
        #expect(refused.status == 65)
        #expect(refused.errors.contains("octroi.yaml:1: time_zone: \(zone)"))
        #expect(refused.errors.contains(why))
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
