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

extension Billing {
    func again(_ period: Period) throws -> [Invoice] {
        try store.issue(
            over: period, tenant: nil, at: now, IssueOptions(series: "OCT", isAgain: true)
        ).invoices
    }

    func credit(_ number: String, lines: [Int]? = nil) throws -> Invoice {
        try store.credit(number, lines: lines, reason: "test", series: "OCT", at: now)
    }

    /// All that was ever charged, less what was credited, without taxes; exact.
    func charged(_ tenant: String = "acme") throws -> Rational {
        try store.invoices(tenant: tenant).flatMap(\.draft.lines).filter { $0.kind != .tax }
            .reduce(.zero) { $0 + $1.exactAmount }
    }

    /// Runs SQL as somebody who can write the file and knows no trigger.
    func tamper(_ sql: String) throws {
        try DatabaseQueue(path: store.path).write { db in
            let triggers = try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for trigger in triggers { try db.execute(sql: "DROP TRIGGER \(trigger)") }
            try db.execute(sql: sql)
        }
    }
}

private let hour: Int128 = 3_600_000_000

@Suite struct InvoiceLifeTests {
    @Test func whatIsCreditedInFullCanBeIssuedAgain() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        let first = try #require(try billing.issue(billing.october).first)
        let note = try billing.credit(first.number)
        #expect(note.number == "OCT-CN-000001" && note.credits == first.number)
        #expect([note.draft.net, note.draft.tax] == [-36, -7])
        #expect(try billing.store.invoices(number: first.number).map(\.status) == [.credited])
        #expect(throws: Fault.self) { try billing.credit(first.number) }
        #expect(throws: Fault.self) { try billing.credit(note.number) }
        // By itself nothing is issued anew; when asked for, once.
        #expect(try billing.issue(billing.october).map(\.number) == [first.number])
        #expect(try billing.again(billing.october).map(\.number) == ["OCT-000002"])
        #expect(try billing.again(billing.october).map(\.number) == ["OCT-000002"])
        #expect(try billing.charged() == Rational(decimal: "0.36"))
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    @Test func aCreditedLineIsNotBilledAgain() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, hour), billing.row("acme", "b", .cpu, 2 * hour)],
            at: now)
        let first = try #require(try billing.issue(billing.october).first)
        _ = try billing.credit(first.number, lines: [1])
        #expect(throws: Fault.self) { try billing.credit(first.number, lines: [1]) }
        for line in [0, 3, 9] {
            #expect(throws: Fault.self) { try billing.credit(first.number, lines: [line]) }
        }
        #expect(try billing.issue(billing.november).isEmpty)
        // Late usage of the period is charged, and what was credited stays so.
        _ = try billing.store.importUsage([billing.row("acme", "c", .cpu, hour)], at: now)
        let next = try #require(try billing.issue(billing.november).first)
        #expect(next.draft.lines.map(\.container) == ["c", nil])
        #expect(try billing.store.invoices(number: first.number).map(\.status) == [.partlyCredited])
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    @Test func correctionsOfACreditedInvoiceComeAgain() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, hour)], at: now)
        let november = try #require(try billing.issue(billing.november).first)
        _ = try billing.credit(november.number)
        #expect(try billing.charged() == Rational(decimal: "0.36"))
        let december = try #require(Period(month: "2026-12"))
        #expect(try billing.issue(december).map(\.draft.net) == [36])
        #expect(try billing.charged() == Rational(decimal: "0.72"))
        // The credited November has nothing of its own: issued again, it bills nothing twice.
        #expect(try billing.again(billing.november).map(\.draft.net).reduce(0, +) == 0)
        #expect(try billing.charged() == Rational(decimal: "0.72"))
    }

    @Test func whatIsLeftOfAMonthIsIssuedByItself() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let middle = billing.october.start.advanced(bySeconds: 100 * 3600)
        let part = try #require(Period(start: billing.october.start, end: middle))
        #expect(try billing.issue(part).map(\.draft.net) == [3600])
        let all = try billing.issue(billing.october)
        #expect(all.map(\.draft.net) == [3600, 23_184])
        #expect(all.map(\.draft.period.start) == [part.start, middle])
        #expect(try billing.issue(billing.october) == all)
        #expect(try billing.issue(part).map(\.number) == [all[0].number])
    }

    /// A container that changes hands in an invoiced period is taken off one bill, put on the other.
    @Test func whatChangesHandsIsCorrectedOnBothSides() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, hour), billing.row("lab", "b", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        let whole = try #require(
            Period(start: billing.october.start, end: billing.november.start))
        #expect(try billing.assign("a", to: "lab", over: whole).accounts == 1)
        #expect(throws: Fault.self) { try billing.assign("x", to: "lab", over: whole) }
        #expect(throws: Fault.self) { try billing.assign("a", to: "x", over: whole) }
        let november = try billing.issue(billing.november)
        #expect(november.map(\.draft.tenant) == ["acme", "lab"])
        #expect(november.map(\.draft.net) == [-36, 36])
        #expect(november[0].draft.lines.first?.counted?.metered == -hour)
        #expect(try billing.charged("acme") == .zero)
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
        let december = try #require(Period(month: "2026-12"))
        #expect(try billing.issue(december).isEmpty, "it is corrected once")
    }

    /// Hours in the middle change hands, those before and behind do not.
    @Test func partsOfAContainersLifeChangeHands() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let start = billing.october.start
        let middle = try #require(
            Period(
                start: start.advanced(bySeconds: 36_000), end: start.advanced(bySeconds: 72_000)))
        _ = try billing.assign("a", to: "lab", over: middle)
        #expect(try billing.issue(billing.october).map(\.draft.net) == [734 * 36, 360])
    }

    /// Who leaves pays what it used until then.
    @Test func aRemovedTenantIsInvoiced() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        _ = try billing.store.removeTenant("acme", at: now)
        #expect(try billing.issue(billing.october).map(\.draft.tenant) == ["acme"])
        #expect(try billing.issue(billing.november).isEmpty)
    }

    /// Late usage moves the tiers: what was billed is taken back, and billed by the new tiers.
    @Test func lateUsageIsRatedAsIfItHadBeenThere() throws {
        let price = Price(
            per: try #require(UnitQuantity("1 vCPU-hour")), mode: .volume,
            tiers: [
                Tier(
                    upTo: DecimalPrice("10"), price: try #require(DecimalPrice("2"))),
                Tier(upTo: nil, price: try #require(DecimalPrice("1"))),
            ])
        let billing = try Billing(meters: ["cpu": price])
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 8 * hour)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "b", .cpu, 8 * hour)], at: now)
        let late = try #require(try billing.issue(billing.november).first)
        #expect(late.draft.lines.compactMap(\.counted?.metered) == [-8 * hour, 8 * hour, 8 * hour])
        #expect(late.draft.net == 0, "16 hours at 1 are 8 hours at 2")
    }

    @Test func aContractIsPaidWithoutUsage() throws {
        let billing = try Billing()
        var book = try #require(try billing.store.bookVersions().first)
        book.fixed = [
            FixedFee(code: "fee", name: "Fee", price: try #require(DecimalPrice("31")))
        ]
        let tenant = Tenant(
            id: "acme", name: "acme", priceBook: "standard", invoiceTo: InvoiceAddress(), match: [],
            since: billing.october.start.advanced(bySeconds: 30 * 86_400), until: nil)
        _ = try billing.store.apply(
            Contract(tenants: [tenant], books: [book]), isPlan: false, at: now)
        #expect(try billing.issue(billing.october).map(\.draft.net) == [100])
        #expect(try billing.issue(billing.november).map(\.draft.net) == [3100])
        let before = try #require(Period(month: "2026-09"))
        #expect(try billing.issue(before).isEmpty)
    }

    /// Invoices of a month are credited and issued again and again, beside corrections on others.
    @Test(arguments: [[1, 3], [1, 2], [1, 3, 2], [2, 1]])
    func creditingAndIssuingAgainEndsWhereItBegan(credits: [Int]) throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 10 * hour)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, 5 * hour)], at: now)
        _ = try billing.issue(billing.november)
        for number in credits {
            _ = try billing.credit("OCT-00000\(number)")
            for month in [billing.october, billing.november] { _ = try billing.again(month) }
        }
        for month in ["2026-12", "2027-01"] {
            _ = try billing.issue(try #require(Period(month: month)))
        }
        #expect(try billing.charged() == Rational(15 * 36) / Rational(100))
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// Routine never bills again what was credited, however the periods lie.
    @Test func onlyAgainBillsAgain() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let middle = billing.october.start.advanced(bySeconds: 100 * 3600)
        let part = try #require(Period(start: billing.october.start, end: middle))
        _ = try billing.issue(part)
        _ = try billing.issue(billing.october)
        _ = try billing.credit("OCT-000002")
        #expect(try billing.issue(billing.october).map(\.number) == ["OCT-000001", "OCT-000002"])
        #expect(try billing.charged() == Rational(36))
        #expect(throws: Fault.self) {
            try billing.issue(
                try #require(Period(start: middle, end: middle.advanced(bySeconds: 3600))))
        }
        #expect(try billing.again(billing.october).map(\.number) == ["OCT-000001", "OCT-000003"])
        #expect(try billing.charged() == Rational(744 * 36) / Rational(100))
    }

    /// The month bills every stretch that is not invoiced yet.
    @Test func gapsBetweenPartsAreBilled() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        for (from, to) in [(0, 50), (100, 200)] {
            let start = billing.october.start.advanced(bySeconds: Int64(from) * 3600)
            let end = billing.october.start.advanced(bySeconds: Int64(to) * 3600)
            _ = try billing.issue(try #require(Period(start: start, end: end)))
        }
        #expect(try billing.issue(billing.october).count == 4)
        #expect(try billing.charged() == Rational(744 * 36) / Rational(100))
    }

    /// Late usage of a month's first part moves the tiers of its second.
    @Test func lateUsageMovesTheTiersOfWhatFollows() throws {
        var price = Price(
            amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 vCPU-hour")))
        price.free = UnitQuantity("100 vCPU-hour")
        let billing = try Billing(meters: ["cpu": price])
        let days = (1...21).compactMap {
            Period(
                start: billing.october.start.advanced(bySeconds: Int64($0) * 86_400),
                end: billing.october.start.advanced(bySeconds: Int64($0 + 1) * 86_400))
        }
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 50 * hour, days[0]),
                billing.row("acme", "a", .cpu, 100 * hour, days[12]),
            ], at: now)
        _ = try billing.issue(
            try #require(Period(start: billing.october.start, end: days[9].end)))
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 50 * hour, days[3])], at: now)
        _ = try billing.issue(billing.november)
        #expect(try billing.charged() == Rational(100))
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// A line that was credited is not taken back a second time.
    @Test func whatWasCreditedIsNotTakenBackTwice() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 10 * hour), billing.row("acme", "b", .cpu, hour),
                billing.row("lab", "c", .cpu, hour),
            ], at: now)
        let first = try #require(try billing.issue(billing.october).first)
        _ = try billing.credit(first.number, lines: [1])
        _ = try billing.assign("a", to: "lab", over: billing.october)
        _ = try billing.issue(billing.november)
        #expect(try billing.charged("acme") == Rational(decimal: "0.36"))
        #expect(try billing.charged("lab") == Rational(decimal: "3.96"))
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// A life that goes on after it was made up to a minimum is billed as long as it was.
    @Test func aLifeThatGrowsIsCorrected() throws {
        var price = Price(
            amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 vCPU-hour")))
        price.minimumSeconds = 30 * 86_400
        let billing = try Billing(meters: ["cpu": price])
        let week = try #require(
            Period(
                start: billing.october.end.advanced(bySeconds: -6 * 86_400),
                end: billing.october.end))
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 144 * hour, week)], at: now)
        #expect(try billing.issue(billing.october).map(\.draft.net) == [72_000])
        let more = try #require(
            Period(
                start: billing.november.start,
                end: billing.november.start.advanced(bySeconds: 14 * 86_400)))
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 336 * hour, more)], at: now)
        _ = try billing.issue(billing.november)
        #expect(try billing.charged() == Rational(720))
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// Use in hours without a reservation is never free in silence, whatever other hours had.
    @Test func hoursWithoutAReservationAreUnpriced() throws {
        var price = Price(
            amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 vCPU-hour")))
        price.basis = .reserved
        let first = try #require(
            Period(
                start: Instant(seconds: 1_790_812_800), end: Instant(seconds: 1_790_816_400)))
        for policy in UnpricedPolicy.allCases {
            let billing = try Billing(unpriced: policy, meters: ["cpu": price])
            _ = try billing.store.importUsage(
                [
                    billing.row("acme", "a", .cpu, 744 * hour),
                    billing.row("acme", "a", .cpuReserved, 3 * hour, first),
                ], at: now)
            guard policy == .show else {
                #expect(throws: Fault.self) { try billing.issue(billing.october) }
                continue
            }
            let lines = try billing.issue(billing.october).flatMap(\.draft.lines)
            #expect(lines.map(\.kind) == [.usage, .unpriced, .tax])
            #expect(lines.compactMap(\.counted?.metered) == [3 * hour, 743 * hour])
        }
    }

    /// A correction in another currency covers nothing of the month it stands in.
    @Test func anInvoiceOfCorrectionsCoversNothing() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        var book = try #require(try billing.store.bookVersions().first)
        book.currency = try #require(Currency("USD"))
        book.effective = billing.november.start
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "late", .cpu, hour),
                billing.row("acme", "a", .cpu, 2 * hour, billing.november),
            ], at: now)
        let both = try billing.issue(billing.november)
        #expect(both.map(\.draft.currency.code) == ["USD", "EUR"])
        _ = try billing.credit(both[0].number)
        let again = try billing.again(billing.november)
        #expect(again.map(\.draft.currency.code) == ["EUR", "USD"])
        #expect(again.map(\.draft.net) == [36, 72])
    }

    /// A document in another currency may correct invoices that were rounded in different ways.
    @Test(arguments: [(Rounding.up, Rounding.down), (.down, .up)])
    func correctionsOfTwoRoundingsAreCreditedInFull(_ first: Rounding, _ second: Rounding) throws {
        let billing = try Billing()
        func apply(
            from start: Instant, _ change: (inout PriceBook) throws -> Void
        ) throws {
            var book = try #require(try billing.store.bookVersions().first)
            book.effective = start
            try change(&book)
            _ = try billing.store.apply(
                Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        }
        try apply(from: Instant(seconds: 0)) { $0.rounding = first }
        try apply(from: billing.november.start) { $0.rounding = second }
        let december = try #require(Period(month: "2026-12"))
        try apply(from: december.start) { $0.currency = try #require(Currency("USD")) }
        for month in [billing.october, billing.november] {
            _ = try billing.store.importUsage(
                [billing.row("acme", "a", .cpu, hour, month)], at: now)
            _ = try billing.issue(month)
        }
        _ = try billing.store.importUsage(
            [billing.october, billing.november].map {
                billing.row("acme", "late", .cpu, hour, $0)
            }, at: now)
        let late = try #require(try billing.issue(december).first)
        #expect(late.draft.currency.code == "EUR" && late.draft.net == 72)
        let note = try billing.credit(late.number)
        #expect(note.draft.total == -late.draft.total)
        let differences = try billing.store.verifyInvoices(nil).differences
        #expect(differences.isEmpty, "\(differences.map(\.found)) \(late.draft.lines)")
    }

    /// A comparison of prices shows what a contract costs even without usage.
    @Test func feesAloneAreCompared() throws {
        let billing = try Billing()
        var book = try #require(try billing.store.bookVersions().first)
        book.fixed = [
            FixedFee(code: "support", name: "Support", price: try #require(DecimalPrice("20")))
        ]
        var tenants = try billing.store.tenants()
        tenants[0].since = billing.october.start
        _ = try billing.store.apply(
            Contract(tenants: tenants, books: [book]), isPlan: false, at: now)
        book.fixed[0].price = try #require(DecimalPrice("30"))
        let compared = try billing.store.compare(
            over: billing.october, tenant: nil, [book], in: .utc)
        #expect(compared.map(\.tenant) == ["acme", "acme"])
        #expect(compared.map(\.draft.net) == [2000, 3000])
        // The invoice says the same.
        #expect(try billing.issue(billing.october).map(\.draft.net) == [2000])
    }

    /// A meter that is priced only later is rated as if it had been: its free part is granted once.
    @Test func aMeterPricedLaterIsRatedWhole() throws {
        let billing = try Billing()
        func book(from start: Instant, withNet: Bool) throws -> PriceBook {
            var book = try #require(try billing.store.bookVersions().first)
            book.effective = start
            var price = Price(
                amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 kB")))
            price.free = UnitQuantity("5 kB")
            book.meters["net_tx_bytes"] = withNet ? price : nil
            return book
        }
        let middle = billing.october.start.advanced(bySeconds: 15 * 86_400)
        let (first, second) = (
            try book(from: Instant(seconds: 0), withNet: false),
            try book(from: middle, withNet: true)
        )
        _ = try billing.store.apply(
            Contract(tenants: nil, books: [first, second]), isPlan: false, at: now)
        func day(_ number: Int64) throws -> Period {
            let start = billing.october.start.advanced(bySeconds: number * 86_400)
            return try #require(Period(start: start, end: start.advanced(bySeconds: 86_400)))
        }
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .netTxBytes, 20_000, day(20))], at: now)
        #expect(try billing.issue(billing.october).map(\.draft.net) == [1500])
        _ = try billing.store.importUsage(
            [billing.row("acme", "b", .netTxBytes, 10_000, day(4))], at: now)
        _ = try billing.store.apply(
            Contract(tenants: nil, books: [book(from: Instant(seconds: 0), withNet: true)]),
            isPlan: false, at: now)
        #expect(try billing.issue(billing.november).map(\.draft.net) == [1000])
        #expect(try billing.charged() == Rational(25))
        let december = try #require(Period(month: "2026-12"))
        #expect(try billing.issue(december).isEmpty)
    }

    /// Whatever is imported late, credited, issued again or cut into parts: in the end each month
    /// costs what its usage costs, by tiers that run through it.
    @Test func everyHistoryComesToTheSame() throws {
        var random = SeededRandom(seed: 12)
        for _ in 0..<40 {
            let price = Price(
                per: try #require(UnitQuantity("1 vCPU-hour")),
                tiers: [
                    Tier(
                        upTo: DecimalPrice("40"),
                        price: try #require(DecimalPrice("2")),
                        flat: DecimalPrice("5")),
                    Tier(upTo: nil, price: try #require(DecimalPrice("0.7"))),
                ], free: UnitQuantity("3 vCPU-hour"))
            let billing = try Billing(meters: ["cpu": price])
            let months = try ["2026-07", "2026-08", "2026-09"].map {
                try #require(Period(month: $0))
            }
            var used: [Period: Int128] = [:]
            for step in 0..<Int.random(in: 4...14, using: &random) {
                let month = months[Int.random(in: 0...2, using: &random)]
                switch Int.random(in: 0...6, using: &random) {
                case 0, 1:
                    let quantity = Int128(Int.random(in: 1...40, using: &random)) * hour
                    used[month, default: 0] += quantity
                    _ = try billing.store.importUsage(
                        [billing.row("acme", "c\(step)", .cpu, quantity, month)], at: now)
                case 2, 3: _ = try billing.issue(month)
                case 4:
                    let live = try billing.store.invoices().filter { $0.status == .issued }
                    if let one = live.randomElement(using: &random) {
                        _ = try billing.credit(one.number)
                    }
                case 5: _ = try billing.again(month)
                default:
                    // A part of the month, where none of it is invoiced yet.
                    let days = Int64(Int.random(in: 1...25, using: &random))
                    let part = Period(
                        start: month.start, end: month.start.advanced(bySeconds: days * 86_400))
                    do { _ = try billing.issue(try #require(part)) } catch let fault as Fault {
                        #expect(fault.kind == .wrongUse)
                    }
                }
            }
            for month in months { _ = try billing.again(month) }
            for month in ["2026-10", "2026-11"] {
                _ = try billing.issue(try #require(Period(month: month)))
            }
            let wanted = used.values.reduce(Rational.zero) { sum, quantity in
                let hours = Rational(quantity) / Rational(hour)
                let first = min(hours, Rational(40)) - min(hours, Rational(3))
                let rest = max(hours, Rational(40)) - Rational(40)
                let flat = hours > Rational(3) ? Rational(5) : .zero
                return sum + first * Rational(2) + rest * Rational(7) / Rational(10) + flat
            }
            #expect(try billing.charged() == wanted)
            #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
        }
    }
}
