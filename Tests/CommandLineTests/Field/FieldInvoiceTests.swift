import TestSupport
import Testing
import Units

/// Invoices of months that are cut, corrected late, or cost next to nothing.
@Suite struct FieldInvoiceTests {
    private static let graduated =
        "{ unit: item, per: 1 item, mode: graduated, "
        + "tiers: [ { up_to: 200, price: \"3\" }, { price: \"1\" } ] }"
    private static let volume =
        "{ unit: item, per: 1 item, mode: volume, "
        + "tiers: [ { up_to: 200, price: \"3\" }, { price: \"1\" } ] }"

    /// 110 items on each side of the cut, and 40 more that come late.
    @Test(
        arguments: [
            (graduated, "2025-08-06T00", ["330.00", "290.00", "40.00"]),
            (graduated, "2025-08-21T00", ["330.00", "290.00", "40.00"]),
            // The second invoice is a credit note, which the list puts last.
            (volume, "2025-08-06T00", ["330.00", "40.00", "-110.00"]),
            (
                "{ unit: item, per: 100 item, mode: package, price: \"7\" }", "2025-08-06T00",
                ["14.00", "7.00", "0.00"]
            ),
            (
                "{ unit: item, per: 100 item, round_up: true, price: \"7\" }", "2025-08-06T00",
                ["14.00", "7.00", "0.00"]
            ),
            (
                "{ unit: item, per: 1 item, free: 150 item, price: \"2\" }", "2025-08-06T00",
                ["0.00", "140.00", "80.00"]
            ),
        ])
    func lateUsageOfACutMonthIsBilledAsIfItHadBeenInTime(
        price: String, late: String, nets: [String]
    ) throws {
        let host = try FieldHost(prices: book(["crate": price]))
        try host.take([try row(110, at: "2025-08-05T00"), try row(110, at: "2025-08-20T00")])
        try host.must(
            "invoice", "issue", "--from", "2025-08-01T00:00:00Z", "--to", "2025-08-16T00:00:00Z")
        try host.must("invoice", "issue", "--month", "2025-08")
        try host.take([try row(40, at: late, container: "deck")])
        try host.must("invoice", "issue", "--month", "2025-09")
        #expect(try host.nets() == nets.map { "harbor \($0)" })
        // The same usage in time, on one invoice.
        let other = try FieldHost(prices: book(["crate": price]))
        try other.take([
            try row(110, at: "2025-08-05T00"), try row(110, at: "2025-08-20T00"),
            try row(40, at: late, container: "deck"),
        ])
        let whole = nets.compactMap { Rational(decimal: $0) }.reduce(.zero, +)
        #expect(sum(try other.draft("2025-08"), "amount") == whole)
        try host.must("invoice", "verify")
    }

    /// In a file of usage a date would be other hours in another zone, and the file no longer the same.
    @Test func aDateIsNoTimeOfUsage() throws {
        let host = try FieldHost(settings: "time_zone: Europe/Paris\n")
        let path = try host.file(
            "days.csv", usageHeader + "2025-08-01,2025-08-02,harbor,hold,crate,24\n")
        let refused = try host.run("usage", "import", path)
        #expect(refused.status == 65)
        #expect(refused.errors.contains("line 2, start: \"2025-08-01\""), "\(refused.errors)")
    }

    /// Whose invoices were of another zone has to know where its months begin now.
    @Test func anotherZoneThanTheLastInvoicesIsSaid() throws {
        let host = try FieldHost(settings: "time_zone: Europe/Paris\n")
        try host.take([row(5, at: "2025-07-05T00")])
        let issued = try host.must("invoice", "issue", "--month", "2025-07")
        #expect(!issued.errors.contains("time_zone"), "\(issued.errors)")
        _ = try host.file("config/octroi.yaml", "time_zone: Asia/Kolkata\n")
        let more = try host.file("more.csv", usageHeader + row(5, at: "2025-08-05T00"))
        for words in [
            ["apply"], ["usage", "import", more], ["invoice", "draft", "--month", "2025-08"],
        ] {
            let said = try octroi(words, store: host.store, config: host.config).errors
            #expect(
                said.contains(
                    "time_zone is Asia/Kolkata, and the last invoice was of Europe/Paris"),
                "\(words): \(said)")
        }
        // July of Kolkata ends 210 minutes before that of Paris: the rest of August is due.
        let august = try host.must(
            "invoice", "issue", "--from", "2025-07-31T22:00:00Z", "--to", "2025-09-01")
        #expect(august.output.contains("5.00"))
    }

    /// It would be found by the daemon, or by the first invoice, else.
    @Test func applyRefusesABillingZoneThatThereIsNot() throws {
        let host = try FieldHost()
        try host.folder.write("time_zone: Europe/Atlantis\n", to: "config/octroi.yaml")
        for words in [["apply"], ["apply", "--plan"], ["apply", "\(host.config)/prices.yaml"]] {
            let applied = try octroi(words, store: host.store, config: host.config)
            #expect(applied.status == 65 && applied.output.isEmpty)
            #expect(applied.errors.contains("octroi.yaml:1: time_zone: Europe/Atlantis"))
        }
    }

    /// The file that was applied is among those that are compared: one row, unless a price differs.
    @Test(arguments: [
        ("1", ["tide true 5.00", "flood false 10.00"]),
        ("3", ["tide true 5.00", "flood false 10.00", "tide false 15.00"]),
    ])
    func aTenantsOwnBookIsComparedOnce(price: String, wanted: [String]) throws {
        let host = try FieldHost()
        try host.take([try row(5, at: "2025-08-05T00")])
        let own = try host.file(
            "own.yaml", book(["crate": "{ unit: item, price: \"\(price)\", per: 1 item }"]))
        let other = try host.file(
            "other.yaml",
            book(["crate": "{ unit: item, price: \"2\", per: 1 item }"])
                .replacing("id: tide", with: "id: flood"))
        let rows = try table(
            host.must("price", "compare", "--month", "2025-08", own, other, "--format", "csv")
                .output)
        #expect(
            rows.map { "\($0["book"] ?? "") \($0["own"] ?? "") \($0["net"] ?? "")" } == wanted)
        let report = try table(
            host.must("report", "price-compare", "--month", "2025-08", "--format", "csv").output)
        #expect(report.map { $0["book"] } == ["tide"])
    }

    @Test func aVerificationSaysWhatItFound() throws {
        let host = try FieldHost()
        #expect(try host.must("invoice", "verify").output.contains("nothing to verify"))
        try host.take([try row(5, at: "2025-08-05T00"), try row(5, at: "2025-09-05T00")])
        try host.must("invoice", "issue", "--month", "2025-08")
        let one = try host.must("invoice", "verify")
        #expect(one.output == "1 invoice verified: all figures agree\n")
        #expect(one.errors.contains("1 invoices recomputed, 0 differences; head "))
        try host.must("invoice", "issue", "--month", "2025-09")
        #expect(
            try host.must("invoice", "verify").output == "2 invoices verified: all figures agree\n")
        #expect(
            try host.must("invoice", "verify", "--format", "csv").output == "invoice,difference\n")
        #expect(try host.must("invoice", "verify", "--format", "json").output == "[]\n")
        // A chain that was cut off agrees in all that is left of it.
        let lost = try host.run("invoice", "verify", "--head", String(repeating: "0", count: 64))
        #expect(lost.status != 0 && lost.output.isEmpty)
    }

    @Test func anAuditOfAMonthWithoutAReadingSaysSo() throws {
        let host = try FieldHost(["harbor": "{ root: /crane }"])
        #expect(try host.must("audit").errors.contains("nothing was metered ever"))
        try host.cgroup("/crane")
        try host.collect()
        #expect(try !host.must("audit").errors.contains("nothing was metered"))
        let empty = try host.must("audit", "--month", "2001-02")
        #expect(
            empty.errors.contains(
                "nothing was metered between 2001-02-01T00:00:00Z and 2001-03-01T00:00:00Z"))
    }

    /// What an import says of invoices, and that what it says comes to pass.
    @Test(arguments: [
        (["2025-08-05T00"], "line 2: it lies in time that OCT-000001 has billed"),
        (
            ["2025-10-01T00", "2025-08-05T00", "2025-08-31T23"],
            "line 3: 2 rows from here lie in time"
        ),
        (["2025-09-01T00"], nil), (["2025-10-01T00"], nil),
    ])
    func usageOfAnInvoicedMonthIsSaidToBeACorrection(hours: [String], said: String?) throws {
        let host = try FieldHost()
        try host.take([try row(7, at: "2025-08-05T00")])
        try host.must("invoice", "issue", "--month", "2025-08")
        let rows = try hours.map { try row(1, at: $0, container: "deck") }
        let path = try host.file("late.csv", usageHeader + rows.joined())
        let imported = try host.must("usage", "import", path)
        #expect(imported.output.contains("\(rows.count)"))
        #expect(imported.errors.isEmpty == (said == nil), "\(imported.errors)")
        if let said {
            #expect(imported.errors.contains(said), "\(imported.errors)")
            #expect(imported.errors.contains("the next invoice of tenant harbor"))
        }
        // The same again brings nothing new.
        #expect(try host.must("usage", "import", path).errors.isEmpty)
        let corrections = try host.draft("2025-09").filter { $0["reference"] == "OCT-000001" }
        #expect(corrections.isEmpty == (said == nil))
    }

    @Test func usageOfAnInvoiceThatWasCreditedIsNoCorrection() throws {
        let host = try FieldHost()
        try host.take([try row(7, at: "2025-08-05T00")])
        try host.must("invoice", "issue", "--month", "2025-08")
        try host.must("invoice", "credit", "OCT-000001")
        let path = try host.file(
            "late.csv", usageHeader + (try row(1, at: "2025-08-05T00", container: "deck")))
        #expect(try host.must("usage", "import", path).errors.isEmpty)
    }

    /// 220 items cost 1 each, where 110 were billed at 3: the second invoice gives money back.
    @Test(arguments: ["1.2", "1.3", "1.4"])
    func aCreditNoteThatCorrectionsMadeIsSoundInFocus(version: String) throws {
        let host = try FieldHost(
            prices: book(["crate": Self.volume], "taxes: [ { code: town, rate: \"20\" } ]"))
        try host.take([try row(110, at: "2025-08-05T00"), try row(110, at: "2025-08-20T00")])
        try host.must(
            "invoice", "issue", "--from", "2025-08-01T00:00:00Z", "--to", "2025-08-16T00:00:00Z")
        try host.must("invoice", "issue", "--month", "2025-08")
        // Another note takes back what is left of the first invoice.
        try host.must("invoice", "credit", "OCT-000001")
        let listed = try table(host.must("invoice", "list", "--format", "csv").output)
        let totals = Dictionary(
            uniqueKeysWithValues: listed.map { ($0["invoice"] ?? "", $0["total"] ?? "") })
        #expect(
            totals == [
                "OCT-000001": "396.00", "OCT-CN-000001": "-132.00", "OCT-CN-000002": "-396.00",
            ])
        let csv = try host.must("invoice", "export", "--format", "focus", "--focus", version).output
        let header = try #require(csv.split(separator: "\n").first)
        let rows = try table(csv)
        #expect(
            focusFaults(
                rows, columns: header.split(separator: ",").map(String.init), version: version)
                == [])
        for (number, total) in totals {
            #expect(focusSum(rows, invoice: number) == Rational(decimal: total), "\(number)")
        }
        let note = rows.filter { $0["InvoiceId"] == "OCT-CN-000001" }
        #expect(note.contains { $0["ChargeClass"] == "Correction" })
        #expect(note.allSatisfy { $0["BillingCurrency"] == "EUR" })
        try host.must("invoice", "verify")
    }

    /// The minimum of August covers late usage first; that of September is its own.
    @Test func lateUsageUsesUpTheMinimumOfItsOwnMonth() throws {
        let host = try FieldHost(
            ["harbor": "", "quarry": ""],
            prices: book(
                ["crate": "{ unit: item, price: \"1\", per: 1 item }"], "minimum: \"9.00\""))
        try host.take([
            try row(4, at: "2025-08-01T00"), try row(11, at: "2025-08-01T00", tenant: "quarry"),
        ])
        try host.must("invoice", "issue", "--month", "2025-08")
        try host.take([
            try row(3, at: "2025-08-02T00"), try row(13, at: "2025-09-01T00"),
            try row(6, at: "2025-08-02T00", tenant: "quarry"),
            try row(2, at: "2025-09-01T00", tenant: "quarry"),
        ])
        try host.must("invoice", "issue", "--month", "2025-09")
        #expect(
            try host.nets().sorted() == [
                "harbor 13.00", "harbor 9.00", "quarry 11.00", "quarry 15.00",
            ])
        // 4 + 3 are below 9 still; 5 more pass it by 3.
        try host.take([try row(5, at: "2025-08-03T00")])
        try host.must("invoice", "issue", "--month", "2025-10")
        #expect(try host.nets().last == "harbor 3.00")
    }

    /// One item of January is imported a month, and each month is invoiced.
    @Test(arguments: [
        // 8 x 0.003 = 0.024, 8 x 0.4 = 3.2, 8 x 0.00004 = 0.00032.
        ("EUR", "0.003", "0.02"), ("JPY", "0.4", "3"), ("CLF", "0.00004", "0.0003"),
        ("KWD", "0.0004", "0.003"),
    ])
    func lateUsageInSmallPiecesIsBilledAsOne(
        currency: String, price: String, total: String
    ) throws {
        let host = try FieldHost(
            prices: book(
                ["crate": "{ unit: item, price: \"\(price)\", per: 1 item }"], currency: currency))
        for month in 1...8 {
            try host.take([try row(1, at: "2025-01-05T0\(month)")])
            try host.must("invoice", "issue", "--month", "2025-0\(month)")
        }
        let nets = try host.nets().compactMap { Rational(decimal: $0.dropFirst(7)) }
        #expect(nets.count == 8)
        #expect(nets.reduce(.zero, +) == Rational(decimal: total))
    }

    /// What is invoiced of October already is not in its draft, however often it was cut.
    @Test(
        arguments: [
            (["2025-10-16"], [], "{ unit: item, price: \"2\", per: 1 item }", "6.00"),
            (["2025-10-16"], [], graduated, "9.00"),
            (
                ["2025-10-11", "2025-10-21"],
                ["fixed: [ { code: berth, name: Berth, price: \"31.00\", per: month } ]"],
                "{ unit: item, price: \"2\", per: 1 item }", "17.00"
            ),
        ] as [([String], [String], String, String)])
    func aDraftOfAMonthIsWhatIsStillToCome(
        cuts: [String], more: [String], price: String, amount: String
    ) throws {
        let host = try FieldHost(
            prices: book(["crate": price], more.first ?? "rounding: half-even"))
        try host.take([
            try row(5, at: "2025-10-01T00"), try row(4, at: "2025-10-12T00"),
            try row(3, at: "2025-10-25T00"),
        ])
        var start = "2025-10-01"
        for cut in cuts {
            try host.must(
                "invoice", "issue", "--from", "\(start)T00:00:00Z", "--to", "\(cut)T00:00:00Z")
            start = cut
        }
        #expect(sum(try host.draft("2025-10"), "amount") == Rational(decimal: amount))
        try host.must("invoice", "issue", "--month", "2025-10")
        #expect(try host.nets().count == cuts.count + 1)
        #expect(try host.nets().last == "harbor \(amount)")
        #expect(sum(try host.draft("2025-10"), "amount") == .zero)
    }

    /// Two meters of which each has a part of the smallest coin, and two taxes of their sum.
    @Test(
        arguments: [
            ("JPY", "200.6", ["401"], ["32", "10"]), ("CLP", "200.6", ["401"], ["32", "10"]),
            ("KWD", "0.2006", ["0.401"], ["0.032", "0.010"]),
            ("CLF", "0.02006", ["0.0401"], ["0.0032", "0.0010"]),
            ("EUR", "2.006", ["4.01"], ["0.32", "0.10"]),
        ])
    func linesAddUpToTheNetAndTaxesAreOfIt(
        currency: String, price: String, net: [String], taxes: [String]
    ) throws {
        let meter = "{ unit: item, price: \"\(price)\", per: 1 item }"
        let host = try FieldHost(
            prices: book(
                ["crate": meter, "barrel": meter], currency: currency, "rounding: down",
                "taxes: [ { code: realm, rate: \"8\" }, { code: town, rate: \"2.5\" } ]"))
        try host.take([
            try row(1, at: "2025-10-05T00"), try row(1, at: "2025-10-05T00", meter: "barrel"),
        ])
        let lines = try host.draft("2025-10")
        let usage = lines.filter { $0["kind"] == "usage" }
        #expect(usage.count == 2 && usage.allSatisfy { $0["currency"] == currency })
        #expect(sum(usage, "amount") == Rational(decimal: net[0]))
        #expect(lines.filter { $0["kind"] == "tax" }.map { $0["amount"] } == taxes)
    }

    private func check(_ book: String) throws -> ProcessResult {
        let folder = try TemporaryFolder()
        try folder.write(book, to: "other.yaml")
        return try octroi(
            ["price", "check", "\(folder.path)/other.yaml"], store: "\(folder.path)/octroi.db")
    }

    @Test(
        arguments: [
            ("CLF", 0, ""), ("UYW", 0, ""), ("ISK", 0, ""), ("TND", 0, ""), ("XCG", 0, ""),
            ("HRK", 65, "\"HRK\""), ("XAU", 65, "\"XAU\""), ("clf", 65, "\"clf\""),
            ("BGN", 65, "replaced by EUR on 2026-01-01"),
        ] as [(String, Int32, String)])
    func currenciesAreThoseOfTheStandard(code: String, status: Int32, said: String) throws {
        let checked = try check(
            book(["crate": "{ unit: item, price: \"1.23456\", per: 1 item }"], currency: code))
        #expect(checked.status == status)
        #expect(checked.errors.contains(said) && checked.errors.isEmpty == said.isEmpty)
        if status == 0 { #expect(checked.lines.last?.hasSuffix("  \(code)") == true) }
    }

    @Test(
        arguments: [
            ("100", 0), ("0", 0), ("100.01", 65), ("99999999", 65), ("-7", 65), ("19%", 65),
            ("1e2", 65), ("19,6", 65),
        ] as [(String, Int32)])
    func aTaxAboveAHundredPercentIsASlip(rate: String, status: Int32) throws {
        let checked = try check(
            book(
                ["crate": "{ unit: item, price: \"1\", per: 1 item }"],
                "taxes: [ { code: town, rate: \"\(rate)\" } ]"))
        #expect(checked.status == status)
        let place = "other.yaml:6: books[0].taxes[0].rate: \"\(rate)\""
        #expect(checked.errors.contains(place) == (status != 0), "\(checked.errors)")
    }

    /// It ran before anybody looked, so its life is not known to have been short.
    @Test func aContainerOfUnknownAgeIsNotMadeUpToTheMinimum() throws {
        let host = try FieldHost(
            ["harbor": "{ cgroup: /crane }"],
            prices: book(["cpu": "{ price: \"2\", per: 1 vCPU-second, minimum_duration: 90s }"]))
        try host.cgroup("/crane", cpu: 70_000_000)
        try host.collect()
        try host.cgroup("/crane", cpu: 73_000_000)
        try host.collect()
        try host.folder.remove("tree/crane")
        try host.collect()
        let usage = try host.must("usage", "--format", "csv").lines
        let draft = try host.draft(String(usage[1].prefix(7))).filter { $0["meter"] == "cpu" }
        #expect(sum(draft, "amount") == Rational(6))
        #expect(sum(draft, "priced_quantity") == Rational(3_000_000))
    }
}
