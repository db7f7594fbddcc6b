import BigInt
import GRDB
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

@Suite struct ImportTests {
    @Test func aFileCanBeImportedTwice() throws {
        let billing = try Billing()
        let rows = [billing.row("acme", "a", .cpu, 1_000_003), billing.row("lab", "a", .cpu, 7)]
        #expect(try billing.store.importUsage(rows, at: now).added == 2)
        #expect(try billing.store.importUsage(rows, at: now).thereAlready == 2)
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
                ($0 as? Fault)?.location.hasPrefix("line 3") == true
            }
        }
        #expect(try billing.count("usage") == 0)
        #expect(try billing.count("container") == 0)
    }

    /// Usage is what was used: a month may be paid in advance, a slip of the key may not.
    @Test(arguments: [(30, true), (31, true), (32, false), (365 * 73, false)])
    func usageToComeIsRefused(days: Int64, isSound: Bool) throws {
        let billing = try Billing()
        let end = now.advanced(bySeconds: days * 86_400)
        var row = billing.row("acme", "a", .cpu, 5, line: 7)
        row.period = try #require(Period(start: end.advanced(bySeconds: -3600), end: end))
        guard !isSound else {
            #expect(try billing.store.importUsage([row], at: now).added == 1)
            return
        }
        let fault = try #require(throws: Fault.self) {
            try billing.store.importUsage([row], at: now)
        }
        #expect(fault.location == "line 7, end" && fault.problem.contains("\(end)"))
    }

    /// What a cgroup used is metered: imported as well, it would be billed twice.
    @Test func whatIsMeteredIsNotImported() throws {
        let billing = try Billing()
        try DatabaseQueue(path: billing.store.path).write {
            try $0.execute(
                sql: """
                    INSERT INTO boot (id, boot_id, first_seen_ms) VALUES (1, 'b', 0);
                    INSERT INTO container (kind, boot, cgroup_id, path, runtime, first_seen_ms,
                        last_seen_ms) VALUES ('container', 1, 5, '/web', 'cgroup', 0, 0);
                    """)
        }
        for meter in [Meter.cpu, .memory, .netTxBytes] {
            #expect(throws: Fault.self) {
                try billing.store.importUsage([billing.row("lab", "/web", meter, 5)], at: now)
            }
        }
        let gpu = try #require(Meter("gpu"))
        try billing.store.importUsage(
            [billing.row("lab", "/web", gpu, 5), billing.row("lab", "fix", .cpu, 5)], at: now)
    }

    @Test func rowsThatOverlapAndMetersWithoutAPriceAreSaid() throws {
        let billing = try Billing()
        func day(_ first: Int64, _ last: Int64) throws -> ImportedUsage {
            let start = billing.october.start
            var row = billing.row("acme", "a", .cpu, 24)
            row.period = try #require(
                Period(
                    start: start.advanced(bySeconds: first * 86_400),
                    end: start.advanced(bySeconds: last * 86_400)))
            return row
        }
        func warnings(_ rows: ImportedUsage...) throws -> [String] {
            try billing.store.importUsage(rows, at: now).warnings
        }
        #expect(try warnings(day(0, 1), day(1, 2), day(5, 8)).isEmpty)
        #expect(try warnings(day(3, 4), day(2, 3), day(1, 2)).isEmpty)
        #expect(try warnings(day(7, 9)).first?.contains("overlaps") == true)
        // Behind a long row, however many short ones begin after it.
        #expect(try warnings(day(10, 20)).isEmpty)
        for first in [12, 15, 18] as [Int64] {
            let said = try warnings(day(first, first + 1), day(first + 10, first + 11))
            #expect(said == ["line 2 overlaps another row of its meter and container: both count"])
        }
        #expect(try warnings(day(9, 11)).first?.contains("overlaps") == true)
        #expect(try warnings(day(30, 31)).isEmpty)
        #expect(try warnings(day(4, 6)).first?.contains("overlaps") == true)
        #expect(try warnings(day(0, 1)).isEmpty, "it was there")
        let gpu = try #require(Meter("gpu"))
        let said = try warnings(
            billing.row("acme", "a", gpu, 1), billing.row("acme", "b", gpu, 1),
            billing.row("acme", "b", .cpuReserved, 1))
        #expect(said.count == 1 && said[0].contains("gpu of tenant acme has no price"))
    }

    /// Hours that were given away are whose they were given to, whatever a later file says: it is said.
    @Test func rowsInHoursThatWereGivenAwayAreSaid() throws {
        let billing = try Billing()
        func day(_ first: Int64, _ tenant: String = "acme") throws -> ImportedUsage {
            var row = billing.row(tenant, "vm", .cpu, 24, line: Int(first) + 2)
            let start = billing.october.start.advanced(bySeconds: first * 86_400)
            row.period = try #require(
                Period(start: start, end: start.advanced(bySeconds: 86_400)))
            return row
        }
        func warnings(_ rows: ImportedUsage...) throws -> [String] {
            try billing.store.importUsage(rows, at: now).warnings
        }
        #expect(try warnings(day(0)).isEmpty)
        let given = try #require(
            Period(
                start: billing.october.start,
                end: billing.october.start.advanced(bySeconds: 10 * 86_400)))
        _ = try billing.assign("vm", to: "lab", over: given)
        let said = try warnings(day(5), day(8), day(20))
        #expect(said.count == 1, "\(said)")
        #expect(
            said.first?.hasPrefix(
                "line 7: container \"vm\" of tenant acme: 2 rows of it lie in hours that were given "
                    + "to tenant lab, who pays") == true, "\(said)")
        #expect(try warnings(day(5), day(25)).isEmpty, "row 5 was there")
        #expect(try warnings(day(6, "lab")).isEmpty, "lab has an account of its own")
        let usage = try billing.store.usage(over: billing.october, by: .tenant)
        #expect(usage.map { "\($0.tenant ?? "") \($0.quantity)" } == ["acme 48", "lab 96"])
    }

    /// What no price book reaches back to can't be invoiced, and an import can't be undone.
    @Test func rowsFromBeforeThePricesAreSaidOrRefused() throws {
        let billing = try Billing()
        var books = try billing.store.bookVersions()
        func add(_ id: String, _ effective: Instant) {
            var book = books[0]
            (book.id, book.effective) = (id, effective)
            books.append(book)
        }
        add("young", billing.october.start)
        add("young", billing.november.start)
        let tenants = [("new", "young"), ("none", nil)].map {
            Tenant(
                id: $0.0, name: $0.0, priceBook: $0.1, invoiceTo: InvoiceAddress(), match: [])
        }
        _ = try billing.store.apply(
            Contract(tenants: tenants, books: books), isPlan: false, at: now)
        let september = try #require(Period(month: "2026-09"))
        func warnings(_ tenant: String, _ period: Period) throws -> [String] {
            try billing.store.importUsage([billing.row(tenant, "a", .cpu, 5, period)], at: now)
                .warnings
        }
        #expect(try warnings("acme", september).isEmpty)
        #expect(try warnings("new", billing.october).isEmpty)
        #expect(try warnings("none", september).allSatisfy { $0.contains("no price book") })
        #expect(
            try warnings("new", september) == [
                "line 2: it begins before 2026-10-01T00:00:00Z, when price book young begins: no invoice "
                    + "can bill that until an earlier version of the book is applied"
            ])
    }

    @Test func aRowFromBeforeAllPriceBooksIsRefused() throws {
        let folder = try TemporaryFolder(inMemory: true)
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let tenant = Tenant(
            id: "acme", name: "acme", priceBook: "standard", invoiceTo: InvoiceAddress(), match: [])
        var book = try #require(try Billing().store.bookVersions().first)
        book.effective = try #require(Period(month: "2026-10")).start
        _ = try store.apply(
            Contract(tenants: [tenant], books: [book]), isPlan: false, at: now)
        func row(_ month: String) throws -> ImportedUsage {
            ImportedUsage(
                period: try #require(Period(month: month)), tenant: "acme", container: "a",
                meter: .cpu, quantity: 5, row: 7)
        }
        let fault = try #require(throws: Fault.self) {
            try store.importUsage([row("2026-10"), row("2026-09")], at: now)
        }
        #expect(fault.location == "line 7, start" && fault.problem.contains("2026-10-01T00:00:00Z"))
        #expect(try store.importUsage([row("2026-10")], at: now).added == 1)
    }

    @Test func aRowThatIsThereTwiceIsRefused() throws {
        let billing = try Billing()
        let rows = [
            billing.row("acme", "a", .cpu, 5, line: 2), billing.row("acme", "b", .cpu, 5, line: 3),
            billing.row("acme", "a", .cpu, 5, line: 4),
        ]
        let fault = try #require(throws: Fault.self) {
            try billing.store.importUsage(rows, at: now)
        }
        #expect(fault.location == "line 4" && fault.problem.contains("line 2"))
        // The names of two accounts that only look alike are two.
        let alike = ["caf\u{E9}", "cafe\u{301}"].map { billing.row("acme", $0, .cpu, 5) }
        #expect(try billing.store.importUsage(alike, at: now).added == 2)
        #expect(try billing.count("container") == 2)
    }

    /// Rows that come in any order and any number of files make the same ledger, and its hashes hold.
    @Test func anImportIsOneSoundEntry() throws {
        let billing = try Billing()
        var random = SeededRandom(seed: 5)
        let start = billing.october.start
        let rows = try (0..<400).map { number in
            var row = billing.row(
                ["acme", "lab"][number % 2], "c\(number % 7)", number % 3 == 0 ? .cpu : .memory,
                Int128(number), line: number + 2)
            row.period = try #require(
                Period(
                    start: start.advanced(bySeconds: Int64(number) * 3000),
                    end: start.advanced(bySeconds: Int64(number) * 3000 + 3000)))
            return row
        }
        let half = rows.shuffled(using: &random)
        #expect(try billing.store.importUsage(Array(half.prefix(150)), at: now).added == 150)
        let outcome = try billing.store.importUsage(rows, at: now)
        #expect(outcome.added == 250 && outcome.thereAlready == 150)
        // Behind the chain's beginning and the entry of tenants and prices.
        #expect(try billing.count("ledger_entry") == 4)
        #expect(try billing.count("usage_open") == 0)
        let found = try billing.store.verify()
        #expect(found.damage.isEmpty && found.open == 0)
        let usage = try billing.store.usage(over: billing.october, by: .tenant)
        #expect(usage.reduce(0) { $0 + $1.quantity } == 400 * 399 / 2)
    }

    /// While the rows of a file come in, others write.
    @Test func anImportKeepsNobodyFromTheStore() throws {
        let billing = try Billing()
        let other = try Store(at: billing.store.path, for: .write)
        var number = 0
        let outcome = try billing.store.importUsage(in: .utc, at: now) { () throws(Fault) in
            number += 1
            guard number <= 50 else { return nil }
            // Each of these is a transaction of another connection, and one is an import, too.
            if number == 25 {
                try other.importUsage([billing.row("acme", "c3", .cpu, 3)], at: now)
            }
            return billing.row("acme", "c\(number)", .cpu, Int128(number), line: number + 1)
        }
        #expect(outcome.added == 49 && outcome.thereAlready == 1)
        #expect(try billing.store.verify().damage.isEmpty)
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
            ($0 as? Fault)?.problem.contains("no price for that meter") == true
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
        #expect(try billing.store.verifyInvoices(nil).differences == [])
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
        let quantities = lines.filter { $0.kind == .usage }.compactMap(\.counted?.metered)
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
                == ["changed tenant acme", "tenant acme: name \"acme\" → \"ACME\""])
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
