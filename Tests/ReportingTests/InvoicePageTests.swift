import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import ReportFiles
import Reporting
import Testing
import Units

private func month(_ text: String) throws -> Period { try #require(Period(month: text)) }

private func price(_ amount: String, _ per: String) throws -> Price {
    Price(amount: try #require(DecimalPrice(amount)), per: try #require(UnitQuantity(per)))
}

/// A line over November as the rating makes it.
private func line(
    _ meter: Meter, _ quantity: Int128, priced: Int128? = nil, _ price: Price,
    in period: Period, reference: String? = nil
) -> LineItem {
    let billed = priced ?? quantity
    let exact = price.amount(of: billed, in: period)
    return LineItem(
        .usage(
            UsageLine(
                container: ExactText("web"), meter: meter.name,
                CountedQuantity(quantity, priced: billed), unit: price.per.dimension.baseUnit,
                price: UnitPrice(price.amount, per: price.per))),
        period: period, exactAmount: exact,
        amount: Rounding.halfEven.round(exact * Rational(100)), isCorrection: reference != nil,
        reference: reference)
}

private func book(_ meters: [String: Price]) throws -> PriceBook {
    PriceBook(
        id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
        rounding: .halfUp, memory: .unreclaimable, unpriced: .show, taxes: [], meters: meters)
}

private func draft(_ lines: [LineItem]) throws -> Draft {
    let period = try month("2026-11")
    return Draft(
        tenant: "acme", period: period, currency: try #require(Currency("EUR")), lines: lines,
        segments: [Segment(period: period, month: period, book: try book([:]))])
}

private func page(
    _ invoice: Invoice, _ language: PageLanguage = .en,
    hourly: [HourlyUsage] = [], in zone: BillingZone = .utc
) throws -> String {
    let labels = try JSONDecoder().decode(
        [String: [String: String]].self, from: Data(ReportFiles.invoiceLabels.utf8))
    var format = PageFormat(
        template: ReportFiles.invoicePage, labels: labels[language.rawValue] ?? [:], language)
    return try format.text(
        of: InvoiceDocument(
            invoice, in: zone, segments: invoice.draft.segments, hourly: hourly))
}

@Suite struct InvoicePageTests {
    /// The day of issue is that of the billing zone, as the period is.
    @Test func theDayOfIssueIsTheZones() throws {
        let tokyo = BillingZone(
            name: "Asia/Tokyo", offsets: [.init(since: Instant(seconds: 0), seconds: 32_400)])
        let evening = try month("2026-11").end.advanced(bySeconds: -3600)
        let item = line(
            .cpu, 3_600_000_000, try price("1", "1 vCPU-hour"), in: try month("2026-11"))
        let invoice = Invoice(number: "OCT-1", draft: try draft([item]), issued: evening)
        #expect(try page(invoice).contains("<dd>2026-11-30</dd>"))
        #expect(try page(invoice, in: tokyo).contains("<dd>2026-12-01</dd>"))
    }

    /// Days of the chart are those of the calendar, wherever the period begins.
    @Test func theChartNamesDaysOfTheMonth() throws {
        let whole = try month("2026-11")
        var part = try draft([
            line(.cpu, 3_600_000_000, try price("1", "1 vCPU-hour"), in: whole)
        ])
        func labels() throws -> [String] {
            let html = try page(Invoice(number: "OCT-1", draft: part, issued: whole.end))
            return html.matches(of: /y="118" text-anchor="middle">([^<]*)<\/text>/).map {
                String($0.1)
            }
        }
        #expect(try labels() == ["1", "5", "10", "15", "20", "25", "30"])
        part.period = try #require(
            Period(start: whole.start.advanced(bySeconds: 17 * 86_400), end: whole.end))
        #expect(try labels() == ["18", "20", "25", "30"])
        part.period = try #require(
            Period(start: whole.start.advanced(bySeconds: 13 * 86_400), end: whole.end))
        #expect(try labels() == ["15", "20", "25", "30"])
    }

    /// What stands on a line, by price: quantity and amount.
    @Test(
        arguments: [
            (Meter.netTxBytes, 607_951_000_000_000, "0.05", "1 GB", "607,951.000 GB", "30397.55"),
            (.cpu, 332_500_000, "0.04048", "1 vCPU-hour", "0.092 vCPU-hour", "0.00"),
            (.cpu, 332_500_000, "0.04048", "1 vCPU-second", "332.500 vCPU-second", "13.46"),
            (.memory, (1 << 30) * 3600 * 744, "0.30", "744 GiB-hour", "744.000 GiB-hour", "0.30"),
            (.memory, 1 << 30, "900", "1 GiB-month", "0.0000004 GiB-month", "0.00"),
            (.ioReadOps, 2_500_000, "0.05", "1000000 operation", "2,500,000 operation", "0.12"),
            (.netTxBytes, 12, "0.05", "1 GB", "0.00000001 GB", "0.00"),
            (.netTxBytes, 0, "0.05", "1 GB", "0.000 GB", "0.00"),
            // So dear that a thousandth is money.
            (.cpu, 3_600_000_001 / 8, "12000", "1 vCPU-hour", "0.12500000 vCPU-hour", "1500.00"),
        ] as [(Meter, Int128, String, String, String, String)])
    func aQuantityIsInTheUnitOfItsPrice(
        meter: Meter, quantity: Int128, amount: String, per: String, shown: String, money: String
    ) throws {
        let price = try price(amount, per)
        let period = try month("2026-11")
        let own = line(meter, quantity, price, in: period)
        for (item, sign) in [(own, ""), (own.negated, "-")] {
            let table = invoiceTable("OCT-1", try draft([item])).rendered(as: .table)
            let minus = quantity == 0 ? "" : sign
            let text = table.split(separator: "\n").first { $0.contains("  usage  ") } ?? ""
            #expect(text.contains("  \(minus)\(shown)  \(amount) / \(per)"), "\(text)")
            #expect(text.hasSuffix((money == "0.00" ? "" : minus) + money), "\(text)")
        }
        let html = try page(Invoice(number: "OCT-1", draft: draft([own]), issued: period.end))
        #expect(html.contains(shown.replacing(" ", with: "\u{A0}")))
    }

    /// Quantity × unit price ÷ per is the exact amount, to a tenth of a cent, both signs.
    @Test(arguments: ["0.000011244", "0.05", "2.50", "19.99", "700"])
    func quantityTimesPriceIsTheAmount(amount: String) throws {
        let period = try month("2026-11")
        let units: [(Meter, [String])] = [
            (.cpu, ["1 vCPU-second", "1 vCPU-hour", "730 vCPU-hour", "1 vCPU-month"]),
            (.memory, ["1 GiB-hour", "1 GB-day", "1 MiB-month"]),
            (.netTxBytes, ["1 GB", "0.5 TiB"]),
            (.ioReadOps, ["1 operation", "1000000 operation"]),
        ]
        for (meter, pers) in units {
            for per in pers {
                for quantity in [1, 999_999, 123_456_789_012, 98_765_432_109_876] as [Int128] {
                    let price = try price(amount, per)
                    for item in [
                        line(meter, quantity, price, in: period),
                        line(meter, quantity, price, in: period).negated,
                    ] {
                        try check(item, price)
                    }
                }
            }
        }
    }

    private func check(_ item: LineItem, _ price: Price) throws {
        let sheet = invoiceTable("OCT-1", try draft([item]))
        guard case .integer(item.counted?.metered ?? 0, let display?) = sheet.rows[0][4] else {
            Issue.record("no quantity: \(sheet.rows[0])")
            return
        }
        let words = display.split(separator: " ")
        let per = price.per.description.split(separator: " ")
        #expect(words.count == 2 && words[1] == per[1], "\(display) at \(price.per)")
        let shown = try #require(Rational(decimal: words[0].replacing(",", with: "")))
        let count = try #require(Rational(decimal: per[0]))
        let product = shown * price.amount.value / count
        let difference = product - item.exactAmount
        let tenthOfACent = Rational(1) / Rational(1000)
        #expect(
            max(difference, Rational(-1) * difference) <= tenthOfACent, "\(display) at \(price)")
    }

    @Test func whatIsPricedIsShownAndWhatWasMeteredBesides() throws {
        let period = try month("2026-11")
        let packages = line(
            .ioReadOps, 31, priced: 1000, try price("0.05", "1000 operation"), in: period)
        let table = invoiceTable(nil, try draft([packages, packages.negated]))
            .rendered(as: .table)
        #expect(table.contains("  1,000 operation (31 operation metered)  0.05 / 1000 operation"))
        #expect(table.contains("  -1,000 operation (-31 operation metered)  0.05 /"))
        let html = try page(
            Invoice(number: "OCT-1", draft: draft([packages]), issued: period.end))
        #expect(html.contains("1,000\u{A0}operation<span class=\"sub\">31\u{A0}operation metered"))
    }

    @Test(arguments: [
        (Int128(-1_500_000), Meter.cpu, "-1.500 vCPU-s"), (-7_200_000_000, .cpu, "-2.000 vCPU-h"),
        (-(1 << 32), .ioReadBytes, "-4.000 GiB"), (-12, .ioReadBytes, "-12 B"),
        (-1_234_567, .ioReadOps, "-1,234,567 op"), (-(1 << 20), .memory, "-1.000 MiB-s"),
    ])
    func whatIsBelowZeroHasTheSameUnit(quantity: Int128, meter: Meter, text: String) {
        #expect(humanQuantity(quantity, meter.dimension) == text)
        #expect("-" + humanQuantity(-quantity, meter.dimension) == text)
    }

    /// The amounts that a page's bars say, in cents.
    private func bars(_ html: String) throws -> [(name: String, cents: BigInt)] {
        try html.matches(of: /<title>([^<]+): ([\u{2212}0-9.,]+)\u{A0}EUR<\/title>/).map { match in
            let digits = String(match.output.2).replacing("\u{2212}", with: "-")
                .replacing(",", with: "").replacing(".", with: "")
            return (String(match.output.1), try #require(BigInt(digits)))
        }
    }

    /// Corrections are on the chart of the document that they are on, under their own name.
    @Test(arguments: [("3", "-1.50"), ("3", "2.25"), ("1", "-9.00"), ("3", nil)])
    func theBarsAddUpToTheNet(used: String, corrected: String?) throws {
        let (period, before) = (try month("2026-11"), try month("2026-10"))
        let thing = try #require(Meter("thing"))
        let price = try price(used, "30 thing")
        var lines = [line(thing, 30 * 30, price, in: period)]
        if let corrected {
            let exact = try #require(Rational(decimal: corrected))
            lines.append(
                LineItem(
                    .usage(
                        UsageLine(
                            container: ExactText("web"), meter: "thing",
                            CountedQuantity(1, priced: 1), unit: "thing",
                            price: UnitPrice(
                                try #require(DecimalPrice("1")),
                                per: try #require(UnitQuantity("1 thing"))))),
                    period: before, exactAmount: exact, amount: (exact * Rational(100)).floor,
                    isCorrection: true, reference: "OCT-000001"))
        }
        let draft = try draft(lines)
        let hourly = (0..<30 as Range<Int64>).map { day in
            HourlyUsage(
                hour: period.start.advanced(bySeconds: day * 86_400), meter: "thing", quantity: 30)
        }
        let html = try page(
            Invoice(number: "OCT-2", draft: draft, issued: period.end), hourly: hourly)
        let bars = try bars(html)
        #expect(bars.reduce(BigInt(0)) { $0 + $1.cents } == draft.net)
        let named = bars.filter { $0.name == "Corrections of earlier invoices" }
        #expect(named.map(\.cents) == (corrected == nil ? [] : [lines[1].amount]))
        #expect(bars.count == (corrected == nil ? 30 : 31))
        #expect(html.contains("Corrections of earlier invoices: ") == (corrected != nil))
    }

    /// An item a day, at a euro: 100 days are drawn by the day, more by the month.
    @Test(arguments: [("2026-04-11", 100, "Cost per day"), ("2026-12-31", 12, "Cost per month")])
    func theBarsOfALongPeriodAddUpToItsNet(end: String, count: Int, title: String) throws {
        let start = try month("2026-01").start
        let end = try #require(Instant(rfc3339: "\(end)T00:00:00Z"))
        let period = try #require(Period(start: start, end: end))
        let thing = try #require(Meter("thing"))
        let days = period.seconds / 86_400
        var long = try draft([line(thing, Int128(days), try price("1", "1 thing"), in: period)])
        long.period = period
        let hourly = (0..<days).map {
            HourlyUsage(
                hour: start.advanced(bySeconds: $0 * 86_400), meter: "thing", quantity: 1)
        }
        let html = try page(Invoice(number: "OCT-3", draft: long, issued: end), hourly: hourly)
        let bars = try bars(html)
        #expect(bars.count == count)
        #expect(bars.reduce(BigInt(0)) { $0 + $1.cents } == long.net)
        #expect(html.contains("<h2>\(title)</h2>"))
        #expect(bars.last?.name == (count == 100 ? "2026-04-10" : "2026-12"))
        #expect(bars.last?.cents == (count == 100 ? 100 : 3000))
    }

    /// Notes as they are sealed, and as the page says them.
    ///
    /// The last names read like codes.
    @Test(
        arguments: [
            (
                .unmetered, "/web: until 2026-11-02T00:00:00Z, before_first_reading",
                "/web: until 2026-11-02T00:00:00Z, used before the first reading: not measured and not billed"
            ),
            (
                .unmetered,
                "/web: from 2026-11-01T00:00:00Z until 2026-11-02T00:00:00Z, root_vanished",
                "/web: from 2026-11-01T00:00:00Z until 2026-11-02T00:00:00Z, it ended before its last usage"
            ),
            (
                .gap, "2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z: rebooted",
                "2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z: the host was restarted"
            ),
            (
                .unmetered,
                "/a: b: cpu reserved, net_rx_bytes, gpu not measured from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z (cpu.max: malformed, line 1)",
                "/a: b: CPU reserved, Network, received, gpu not measured from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z (cpu.max: not readable, line 1)"
            ),
            (
                .unmetered, "/rebooted: not_running: until 2026-11-01T00:00:00Z, nothing_known",
                "/rebooted: not_running: until 2026-11-01T00:00:00Z, nothing_known"
            ),
            (
                .unmetered, "and 3 more: octroi report unmetered",
                "and 3 more: octroi report unmetered"
            ),
            (.open, "the last reading is of A: rebooted", "the last reading is of A: rebooted"),
        ] as [(MeteringCaveat.Kind, String, String)])
    func codesOfNotesAreWordsOnThePage(kind: MeteringCaveat.Kind, sealed: String, said: String)
        throws
    {
        var invoice = Invoice(
            number: "OCT-1", draft: try draft([]), issued: try month("2026-11").end)
        invoice.caveats = [MeteringCaveat(kind, sealed)]
        let html = try page(invoice)
        #expect(html.contains("<li><bdi>\(said)"))
        #expect(html.contains(sealed) == (sealed == said))
    }

    /// What the audit found is no time that was not measured.
    @Test(arguments: [
        (MeteringCaveat.Kind.audit, "Differences found by the audit", "Écarts relevés par l’audit"),
        (.unmetered, "Unmetered time", "Temps non mesuré"), (.gap, "Gaps", "Lacunes"),
    ])
    func eachNoteStandsUnderItsHeading(kind: MeteringCaveat.Kind, heading: String, french: String)
        throws
    {
        var invoice = Invoice(
            number: "OCT-1", draft: try draft([]), issued: try month("2026-11").end)
        #expect(try !page(invoice).contains("Differences found by the audit"))
        invoice.caveats = [MeteringCaveat(kind, "a thing")]
        for (language, heading) in [(PageLanguage.en, heading), (.fr, french)] {
            let html = try page(invoice, language)
            let part = html.split(separator: "<dt>\(heading)</dt>").dropFirst().first
            let list = part?.split(separator: "</dd>").first
            #expect(list?.contains("<li><bdi>a thing") == true, "\(list ?? "")")
        }
    }

    /// Whatever made it one: a note that takes lines back, or corrections that come to more.
    @Test(arguments: [nil, "OCT-000001"])
    func aCreditNoteHasItsNameAndItsProof(credits: String?) throws {
        let period = try month("2026-11")
        let thing = try #require(Meter("thing"))
        let own = line(thing, 3, try price("1", "1 thing"), in: period).negated
        let ledger = Proof.Ledger(entry: 17, hash: Array(repeating: 0xAB, count: 32))
        var note = Invoice(
            number: "OCT-CN-000001", draft: try draft([own]), issued: period.end,
            status: .creditNote, credits: credits,
            proof: Proof(
                ledger: credits == nil ? ledger : nil, hash: Array(repeating: 0xCD, count: 32),
                previous: Array(repeating: 0xEF, count: 32)))
        let html = try page(note)
        #expect(html.contains("<title>Credit note OCT-CN-000001</title>"))
        #expect(!html.contains("A draft has no proof"))
        for byte in ["cd", "ef"] { #expect(html.contains(String(repeating: byte, count: 32))) }
        #expect(html.contains("octroi invoice verify OCT-CN-000001"))
        #expect(html.contains("<dd>17</dd>") == (credits == nil))
        #expect(
            html.contains("<bdi>OCT-000001</bdi>: what was used is proven on that invoice")
                == (credits != nil))
        (note.status, note.credits, note.proof) = (.issued, nil, nil)
        let plain = try page(note)
        #expect(plain.contains("<title>Invoice OCT-CN") && plain.contains("has no proof"))
    }
}
