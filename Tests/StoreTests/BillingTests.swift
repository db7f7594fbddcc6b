import BigInt
import GRDB
import Invoicing
import Metering
import Pricing
import Store
import TestSupport
import Testing
import Units

@Suite struct ImportTests {
    @Test func aFileCanBeImportedTwice() throws {
        let billing = try Billing()
        let rows = [billing.row("acme", "a", .cpu, 1_000_003), billing.row("lab", "a", .cpu, 7)]
        #expect(try billing.store.importUsage(rows, at: now) == 2)
        #expect(try billing.store.importUsage(rows, at: now) == 0)
        let usage = try billing.store.usage(over: billing.october, by: .tenant)
        #expect(usage.map(\.quantity) == [1_000_003, 7])
        #expect(usage.allSatisfy { $0.assurance == .imported })
        let hours = try billing.store.usage(over: billing.october, by: .hour, tenant: "acme")
        #expect(hours.count == 744 && hours.reduce(0) { $0 + $1.quantity } == 1_000_003)
    }

    @Test func oneBadRowKeepsAllOut() throws {
        let billing = try Billing()
        let bad = [
            billing.row("nobody", "a", .cpu, 5, line: 3),
            billing.row("acme", "a", .cpu, Int128.max, line: 3),
        ]
        for row in bad {
            #expect {
                try billing.store.importUsage([billing.row("acme", "a", .cpu, 1), row], at: now)
            } throws: {
                ($0 as? Fault)?.place.hasPrefix("line 3") == true
            }
        }
        #expect(try billing.count("usage") == 0)
        #expect(try billing.count("container") == 0)
    }

    @Test func anotherQuantityForTheSameRowIsRefused() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 5)], at: now)
        #expect(throws: Fault.self) {
            try billing.store.importUsage([billing.row("acme", "a", .cpu, 6, line: 9)], at: now)
        }
        #expect(try billing.store.usage(over: billing.october, by: .tenant).map(\.quantity) == [5])
    }

    @Test func sumsBeyond64BitsAreExact() throws {
        let billing = try Billing()
        // A petabyte for a month: 2.7e21 byte-seconds.
        let month = Int128(1) << 50 * Int128(billing.october.seconds)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .memory, month),
                billing.row("acme", "b", .memory, month + 1),
            ], at: now)
        let usage = try billing.store.usage(over: billing.october, by: .meter)
        #expect(usage.map(\.quantity) == [2 * month + 1])
    }
}

@Suite struct InvoiceStoreTests {
    @Test func numbersAreGaplessAndIssuingTwiceChangesNothing() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 3_600_000_000),
                billing.row("lab", "b", .cpu, 7_200_000_000),
                billing.row("acme", "a", .cpu, 36_000_000_000, billing.november),
            ], at: now)
        let first = try billing.issue(billing.october)
        #expect(first.map(\.number) == ["OCT-000001", "OCT-000002"])
        #expect(first.map(\.draft.total) == [43, 86])
        #expect(try billing.issue(billing.october) == first)
        #expect(try billing.issue(billing.november).map(\.number) == ["OCT-000003"])
        #expect(try billing.store.invoices().count == 3)
        #expect(try billing.store.invoices(number: "OCT-000002").map(\.draft) == [first[1].draft])
    }

    @Test func aFailedIssueUsesNoNumber() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 3_600_000_000),
                billing.row("lab", "b", .ioReadBytes, 5),
            ], at: now)
        #expect { try billing.issue(billing.october) } throws: {
            ($0 as? Fault)?.found.contains("no price for that meter") == true
        }
        #expect(try billing.store.invoices().isEmpty)
        #expect(try billing.issue(billing.october, tenant: "acme").map(\.number) == ["OCT-000001"])
    }

    @Test func anIssuedInvoiceCannotBeChanged() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        let issued = try billing.issue(billing.october)
        for sql in [
            "UPDATE invoice SET total_minor = 1, net_minor = 1, tax_minor = 0",
            "DELETE FROM invoice",
            "UPDATE invoice_line SET amount_minor = 0", "DELETE FROM invoice_line",
            "UPDATE invoice_segment SET price_book = 1", "DELETE FROM invoice_segment",
            "INSERT OR REPLACE INTO invoice SELECT number, series, sequence, tenant, "
                + "period_start_s, period_end_s, currency, 0, 0, 0, issued_ms FROM invoice",
        ] {
            #expect(throws: DatabaseError.self, "\(sql)") {
                try DatabaseQueue(path: billing.store.path).write { try $0.execute(sql: sql) }
            }
        }
        #expect(try billing.store.invoices() == issued)
    }

    @Test func anOverlappingPeriodIsRefused() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        _ = try billing.issue(billing.october)
        let part = try #require(
            Period(
                start: billing.october.start.advanced(bySeconds: 3600), end: billing.november.start)
        )
        #expect { try billing.issue(part) } throws: { ($0 as? Fault)?.kind == .wrongUse }
    }

    @Test func lateUsageIsOnTheNextInvoiceOnceAsACorrection() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        let october = try billing.issue(billing.october)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "late", .cpu, 7_200_000_000),
                billing.row("acme", "a", .cpu, 36_000_000_000, billing.november),
            ], at: now)
        #expect(try billing.issue(billing.october) == october)
        let november = try #require(try billing.issue(billing.november).first)
        let corrections = november.draft.lines.filter { $0.kind == .correction }
        #expect(corrections.map(\.container) == ["late"])
        #expect(corrections.map(\.period) == [billing.october])
        #expect(november.draft.net == 360 + 72)
        let december = try #require(Period(month: "2026-12"))
        #expect(try billing.store.drafts(over: december, tenant: nil).isEmpty)
    }

    @Test func aChangedBookDoesNotTouchWhatItPriced() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        let before = try billing.issue(billing.october)
        var book = try #require(try billing.store.bookVersions().first)
        book.meters["cpu"]?.amount = try #require(DecimalPrice("99"))
        #expect(
            try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
                == ["changed price book standard from 1970-01-01T00:00:00Z"])
        #expect(try billing.store.invoices() == before)
        _ = try billing.store.importUsage(
            [billing.row("acme", "late", .cpu, 3_600_000_000)], at: now)
        // Late usage of an invoiced period is priced by the version that invoice used.
        let draft = try #require(
            try billing.store.drafts(over: billing.november, tenant: "acme").first)
        #expect(draft.net == 36)
    }

    @Test func aTenantWithoutABookBlocksOnlyIfItUsedSomething() throws {
        let billing = try Billing()
        let free = Tenant(
            id: "free", name: "free", priceBook: nil, invoiceTo: InvoiceAddress(), match: [])
        _ = try billing.store.apply(Contract(tenants: [free], books: nil), isPlan: false, at: now)
        #expect(try billing.issue(billing.october).isEmpty)
        _ = try billing.store.importUsage([billing.row("free", "a", .cpu, 1)], at: now)
        #expect(throws: Fault.self) { try billing.issue(billing.october) }
    }

    @Test func anUnpricedLateMeterCanBePricedLater() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "a", .ioReadOps, 500)], at: now)
        #expect(throws: Fault.self) { try billing.issue(billing.november) }
        var book = try #require(try billing.store.bookVersions().first)
        book.meters["io_read_ops"] = Price(
            amount: try #require(DecimalPrice("0.01")),
            per: try #require(UnitQuantity("1 operation")))
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        #expect(try billing.issue(billing.november).map(\.draft.net) == [500])
    }

    @Test func lateUsageOfAnotherCurrencyIsOnAnInvoiceOfItsOwn() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        _ = try billing.issue(billing.october)
        var book = try #require(try billing.store.bookVersions().first)
        book.currency = try #require(Currency("USD"))
        book.effective = billing.november.start
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        _ = try billing.store.importUsage(
            [billing.row("acme", "late", .cpu, 3_600_000_000)], at: now)
        // Nothing used in November yet: the correction alone, in its own currency.
        let issued = try billing.issue(billing.november)
        #expect(issued.map(\.draft.currency.code) == ["EUR"])
        // What comes in November after that is not lost.
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 7_200_000_000, billing.november)], at: now)
        let december = try #require(Period(month: "2026-12"))
        let next = try billing.issue(december)
        #expect(next.map(\.draft.currency.code) == ["USD"])
        #expect(next.map(\.draft.net) == [72])
        #expect(next.flatMap(\.draft.lines).first?.kind == .correction)
    }

    @Test func aTenantWithNothingToPayBlocksNobody() throws {
        let billing = try Billing()
        var book = try #require(try billing.store.bookVersions().first)
        (book.id, book.effective) = ("young", billing.november.start)
        let idle = Tenant(
            id: "idle", name: "idle", priceBook: "young", invoiceTo: InvoiceAddress(), match: [])
        _ = try billing.store.apply(
            Contract(tenants: [idle], books: [book]), isPlan: false, at: now)
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        #expect(try billing.issue(billing.october).map(\.draft.tenant) == ["acme"])
    }

    @Test func namesThatUnicodeHoldsEqualAreTwo() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "caf\u{E9}", .cpu, 3_600_000_000),
                billing.row("acme", "cafe\u{301}", .cpu, 36_000_000_000),
            ], at: now)
        let lines = try billing.issue(billing.october).flatMap(\.draft.lines)
        let quantities = lines.filter { $0.kind == .usage }.compactMap(\.quantity)
        #expect(quantities.reduce(0, +) == 39_600_000_000)
    }

    @Test func aPricePerMonthUsesEachMonthsLength() throws {
        let month = Price(
            amount: try #require(DecimalPrice("100")),
            per: try #require(UnitQuantity("1 vCPU-month")))
        let billing = try Billing(meters: ["cpu": month])
        let february = try #require(Period(month: "2026-02"))
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, Int128(february.seconds) * 1_000_000, february)],
            at: now)
        let start = february.start.advanced(bySeconds: -86_400)
        let period = try #require(Period(start: start, end: february.end))
        #expect(try billing.store.drafts(over: period, tenant: nil).map(\.net) == [10_000])
    }

    @Test(arguments: [
        (Rule.root("/t"), Rule.root("/t"), false), (.root("/t"), .root("/t/a"), false),
        (.root("/t/a/b"), .root("/t/a"), false), (.slice("a.slice"), .slice("a-b.slice"), false),
        (.root("/t"), .root("/tt"), true), (.root("/t/a"), .root("/t/b"), true),
        (.slice("tenant-a.slice"), .slice("tenant-b.slice"), true),
    ])
    func aTenantRootInsideAnotherIsRefused(outer: Rule, inner: Rule, isAllowed: Bool) throws {
        let billing = try Billing()
        let tenants = [("x", outer), ("y", inner)].map {
            Tenant(
                id: $0.0, name: $0.0, priceBook: nil, invoiceTo: InvoiceAddress(), match: [$0.1])
        }
        let apply = {
            _ = try billing.store.apply(
                Contract(tenants: tenants, books: nil), isPlan: false, at: now)
        }
        if isAllowed {
            #expect(throws: Never.self) { try apply() }
        } else {
            #expect(throws: Fault.self) { try apply() }
            #expect(try billing.store.tenants().map(\.id) == ["acme", "lab"])
        }
    }

    @Test func aSecondFileTakesNothingFromTheFirst() throws {
        let billing = try Billing()
        let rest = Tenant(
            id: "rest", name: "rest", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.cgroup("/**")])
        _ = try billing.store.apply(Contract(tenants: [rest], books: nil), isPlan: false, at: now)
        #expect(try billing.store.tenants().map(\.id) == ["acme", "lab", "rest"])
        let turned = Array(try billing.store.tenants().reversed().dropFirst())
        _ = try billing.store.apply(Contract(tenants: turned, books: nil), isPlan: false, at: now)
        #expect(try billing.store.tenants().map(\.id) == ["lab", "acme", "rest"])
    }

    @Test func latePricesAreOfTheirTimeAndCurrency() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        _ = try billing.issue(billing.october)
        let gpu = try #require(Meter("gpu"))
        let day = try #require(
            Period(
                start: billing.october.start, end: billing.october.start.advanced(bySeconds: 86_400)
            ))
        _ = try billing.store.importUsage([billing.row("acme", "a", gpu, 10, day)], at: now)
        var books: [PriceBook] = []
        for (price, date) in [("0.20", Instant(seconds: 0)), ("0.90", day.end)] {
            var book = try #require(try billing.store.bookVersions().first)
            book.meters["gpu"] = Price(
                amount: try #require(DecimalPrice(price)), per: try #require(UnitQuantity("1 GPU")))
            book.effective = date
            books.append(book)
        }
        _ = try billing.store.apply(Contract(tenants: nil, books: books), isPlan: false, at: now)
        #expect(try billing.issue(billing.november).map(\.draft.net) == [200])
        let december = try #require(Period(month: "2026-12"))
        #expect(try billing.issue(december).isEmpty, "it is billed once")
        #expect(try billing.store.uninvoiced(before: december, tenant: nil).isEmpty)
    }

    @Test func usageThatNoInvoiceCoversIsTold() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 3_600_000_000)], at: now)
        let open = try billing.store.uninvoiced(before: billing.november, tenant: nil)
        #expect(open.map(\.tenant) == ["acme"] && open.map(\.since) == [billing.october.start])
    }

    @Test func applyIsIdempotentAndAPlanWritesNothing() throws {
        let billing = try Billing()
        let tenants = try billing.store.tenants()
        let same = Contract(tenants: tenants, books: try billing.store.bookVersions())
        #expect(try billing.store.apply(same, isPlan: false, at: now).isEmpty)
        var renamed = tenants
        renamed[0].name = "ACME"
        #expect(
            try billing.store.apply(Contract(tenants: renamed, books: nil), isPlan: true, at: now)
                == ["changed tenant acme"])
        #expect(try billing.store.tenants() == tenants)
        var lost = tenants
        lost[0].priceBook = "nowhere"
        #expect(throws: Fault.self) {
            try billing.store.apply(Contract(tenants: lost, books: nil), isPlan: false, at: now)
        }
    }

    @Test func reportsCanOnlyRead() throws {
        let billing = try Billing()
        for sql in [
            "DELETE FROM tenant", "SELECT * FROM nowhere", "SELECT 1; DELETE FROM tenant", "",
        ] {
            #expect(throws: Fault.self, "\(sql)") {
                try billing.store.report(sql, over: billing.october, place: "x.sql")
            }
        }
        #expect(try billing.store.tenants().count == 2)
        #expect(
            try billing.store.report("SELECT :from AS a", over: billing.october, place: "x").columns
                == ["a"])
    }
}
