import BigInt
import Invoicing
import Metering
import Pricing
import Billing
import Store
import Testing
import Units

private let gpu = Meter("gpu")
private let hour: Int128 = 3_600_000_000

/// How a meter is priced that the book did not know at first.
enum LateTariff: CaseIterable {
    case graduated
    case volume
    case free
    case package
    case flat

    func price() throws -> Price {
        let one = try #require(UnitQuantity("1 item"))
        let (euro, half) = (
            try #require(DecimalPrice("1")), try #require(DecimalPrice("0.5"))
        )
        let tiers = [
            Tier(upTo: DecimalPrice("60"), price: euro), Tier(upTo: nil, price: half),
        ]
        switch self {
        case .graduated: return Price(per: one, tiers: tiers)
        case .volume: return Price(per: one, mode: .volume, tiers: tiers)
        case .free:
            var price = Price(amount: euro, per: one)
            price.free = UnitQuantity("10 item")
            return price
        case .package:
            var price = Price(amount: euro, per: try #require(UnitQuantity("1000 item")))
            price.step = UnitQuantity("1000 item")
            return price
        case .flat:
            return Price(
                per: one,
                tiers: [
                    Tier(upTo: DecimalPrice("1000"), price: .zero, flat: DecimalPrice("7")),
                    Tier(upTo: nil, price: euro),
                ])
        }
    }

    /// What 60 items on the 5th and 60 on the 20th cost, in cents.
    var cost: Int {
        switch self {
        case .graduated: 9000
        case .volume: 6000
        case .free: 11_000
        case .package: 100
        case .flat: 700
        }
    }
}

extension Billing {
    /// From the start of a day of October until before another.
    fileprivate func days(_ from: Int64, _ to: Int64) throws -> Period {
        let start = october.start.advanced(bySeconds: (from - 1) * 86_400)
        return try #require(
            Period(start: start, end: start.advanced(bySeconds: (to - from) * 86_400)))
    }

    fileprivate func use(_ quantity: Int128, on day: Int64, of meter: Meter? = gpu) throws {
        let day = try days(day, day + 1)
        _ = try store.importUsage(
            [row("acme", "a", try #require(meter), quantity, day)], at: now)
    }

    /// Changes the book: its only version, or a new one from a day of October on.
    fileprivate func edit(
        from day: Int64? = nil, at now: Instant = now, _ change: (inout PriceBook) throws -> Void
    ) throws {
        var book = try #require(try store.bookVersions().first)
        if let day { book.effective = try days(day, day + 1).start }
        try change(&book)
        _ = try store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
    }

    /// What was charged in cents.
    fileprivate func cents() throws -> Rational { try charged() * Rational(100) }

    fileprivate func isSound() throws -> Bool {
        try store.verifyInvoices(nil).differences.isEmpty
    }
}

/// A meter that gets its price after documents of the month were issued is rated as if it had had it
/// from the start.
@Suite struct PricedLaterTests {
    /// Ends of the invoices that are issued before the meter has a price, in days of October.
    static let cuts: [[Int64]] = [
        [16], [16, 32], [32], [3, 10, 18], [11, 22, 32], [5, 6, 20, 21],
    ]

    @Test(arguments: LateTariff.allCases, cuts)
    func itsMonthIsRatedAsOne(tariff: LateTariff, cuts: [Int64]) throws {
        let billing = try Billing()
        try billing.use(10 * hour, on: 5, of: .cpu)
        for (start, end) in zip([1] + cuts, cuts) {
            _ = try billing.issue(billing.days(start, end))
        }
        try billing.edit { $0.meters["gpu"] = try tariff.price() }
        try billing.use(60, on: 5)
        try billing.use(60, on: 20)
        _ = try billing.issue(billing.october)
        _ = try billing.issue(billing.november)
        #expect(try billing.cents() == Rational(360 + tariff.cost))
        #expect(try billing.isSound())
        #expect(try billing.issue(try #require(Period(month: "2026-12"))).isEmpty)
    }

    /// What is used of it late counts towards the minimum that was billed.
    @Test(arguments: [(20, 5000), (60, 6660)])
    func itCountsTowardsTheMinimum(items: Int128, cents: Int) throws {
        let billing = try Billing()
        try billing.edit {
            $0.minimum = DecimalPrice("50")
            $0.fixed = [
                FixedFee(code: "f", name: "F", price: try #require(DecimalPrice("3")))
            ]
        }
        try billing.use(10 * hour, on: 5, of: .cpu)
        #expect(try billing.issue(billing.october).map(\.draft.net) == [5000])
        try billing.edit { $0.meters["gpu"] = try LateTariff.graduated.price() }
        try billing.use(items, on: 6)
        _ = try billing.issue(billing.november)
        #expect(try billing.cents() == Rational(cents))
        #expect(try billing.isSound())
    }

    /// A month of which half is invoiced when gpu gets its price.
    private func pricedLate() throws -> Billing {
        let billing = try Billing()
        try billing.use(10 * hour, on: 5, of: .cpu)
        _ = try billing.issue(billing.days(1, 16))
        try billing.edit { $0.meters["gpu"] = try LateTariff.graduated.price() }
        return billing
    }

    /// A document that bills a meter decides its price, as for every other meter.
    @Test func whatADocumentBilledKeepsItsPrice() throws {
        let billing = try pricedLate()
        try billing.use(60, on: 5)
        _ = try billing.issue(billing.days(16, 20))
        try billing.edit { $0.meters["gpu"]?.tiers[0].price = try #require(DecimalPrice("9")) }
        try billing.use(10 * hour, on: 6, of: .cpu)
        _ = try billing.issue(billing.days(20, 24))
        #expect(try billing.cents() == Rational(720 + 6000))
        // Late, and beyond the first tier by now.
        try billing.use(4, on: 6)
        _ = try billing.issue(billing.november)
        #expect(try billing.cents() == Rational(720 + 6000 + 200))
        #expect(try billing.isSound())
    }

    /// What an Octroi that kept no price books in the ledger left tells by its times.
    @Test func anOlderStoresPricesAreThoseOfTheirTime() throws {
        let billing = try pricedLate()
        try billing.use(50, on: 5)
        _ = try billing.issue(billing.october)
        try billing.edit(at: now.advanced(bySeconds: 60)) {
            $0.meters["gpu"]?.tiers[0].price = try #require(DecimalPrice("9"))
        }
        try billing.use(4, on: 6)
        // As the change of the schema says it, in one entry after all of these.
        try billing.tamper("UPDATE term SET uid = NULL, entry = 1000")
        let drafts = try billing.store.drafts(over: billing.november, tenant: "acme")
        #expect(drafts.map(\.net) == [400])
    }

    /// One who prices a meter from a day on that is invoiced already prices it from that day on.
    @Test(arguments: [false, true]) func aVersionMayBeginInInvoicedTime(isEarlierUsed: Bool) throws
    {
        let billing = try Billing()
        try billing.use(10 * hour, on: 5, of: .cpu)
        try billing.use(10 * hour, on: 12, of: .cpu)
        _ = try billing.issue(billing.days(1, 16))
        try billing.edit(from: 10) { $0.meters["gpu"] = try LateTariff.graduated.price() }
        if isEarlierUsed { try billing.use(1, on: 9) }
        try billing.use(50, on: 12)
        try billing.use(50, on: 20)
        guard !isEarlierUsed else {
            let fault = try #require(throws: Fault.self) { try billing.issue(billing.october) }
            #expect(fault.problem.contains("no price for that meter"))
            return
        }
        _ = try billing.issue(billing.october)
        #expect(try billing.cents() == Rational(720 + 8000))
        #expect(try billing.isSound())
        #expect(try billing.issue(billing.november).isEmpty)
    }

    /// Its line leads to what it was made of, and is recomputed by the prices of its day.
    @Test func itsLineIsExplainedAndVerified() throws {
        let billing = try pricedLate()
        try billing.use(40, on: 5)
        try billing.use(60, on: 6)
        let invoice = try #require(try billing.issue(billing.days(16, 20)).last)
        try billing.edit { $0.meters["gpu"]?.tiers[0].price = try #require(DecimalPrice("9")) }
        let place = try #require(invoice.draft.lines.firstIndex { $0.columns.tier == "2" })
        var explainer = try billing.store.explainer(of: invoice.number)
        let explained = try explainer.explain(line: place + 1)
        #expect(explained.segment?.book.meters["gpu"]?.amount == DecimalPrice("1"))
        #expect(explained.accounts.map(\.quantity) == [100])
        #expect(try billing.isSound())
        try billing.tamper("UPDATE invoice_line SET quantity_low = 39 WHERE tier = '2'")
        #expect(
            try billing.store.verifyInvoices(nil).differences
                .contains { $0.found.contains("39") && $0.found.contains("and should be") })
    }

    /// Discounts on it are those of the version that prices it; others stay as they were billed.
    @Test func itsDiscountsComeWithIt() throws {
        func discount(_ percent: String, _ meters: [String]?) throws -> Discount {
            Discount(
                percent: try #require(DecimalPrice(percent)), meters: meters, tenants: nil,
                from: nil, until: nil)
        }
        let billing = try Billing()
        try billing.edit { $0.discounts = [try discount("10", nil)] }
        try billing.use(10 * hour, on: 5, of: .cpu)
        _ = try billing.issue(billing.days(1, 16))
        try billing.edit {
            $0.meters["gpu"] = try LateTariff.graduated.price()
            $0.discounts = [try discount("50", ["gpu"]), try discount("20", nil)]
        }
        try billing.use(60, on: 5)
        _ = try billing.issue(billing.october)
        #expect(try billing.cents() == Rational(324 + 1800))
        #expect(try billing.isSound())
    }

    /// The advice of the complaint works: what is shown without a price stays so.
    @Test func itMayBeShownWithoutAPrice() throws {
        let billing = try Billing()
        try billing.use(10 * hour, on: 5, of: .cpu)
        _ = try billing.issue(billing.days(1, 16))
        try billing.use(60, on: 5)
        #expect(throws: Fault.self) { try billing.issue(billing.days(16, 20)) }
        try billing.edit { $0.unpriced = .show }
        let shown = try billing.issue(billing.days(16, 20)).flatMap(\.draft.lines)
            .filter { $0.kind != .tax }
        #expect(shown.map(\.kind) == [.unpriced] && shown.map(\.counted?.metered) == [60])
        try billing.edit { $0.meters["gpu"] = try LateTariff.graduated.price() }
        try billing.use(30, on: 6)
        _ = try billing.issue(billing.october)
        #expect(try billing.cents() == Rational(360))
        #expect(try billing.isSound())
    }

    /// A price in another currency is none.
    @Test func itIsNotPricedInAnotherCurrency() throws {
        let billing = try Billing()
        try billing.use(10 * hour, on: 5, of: .cpu)
        _ = try billing.issue(billing.october)
        try billing.use(60, on: 5)
        try billing.edit {
            $0.currency = try #require(Currency("JPY"))
            $0.meters["gpu"] = try LateTariff.graduated.price()
        }
        let fault = try #require(throws: Fault.self) { try billing.issue(billing.november) }
        #expect(fault.problem.contains("no price for that meter"))
    }

    /// A meter that is billed by the larger of use and reservation is read so, too.
    @Test func itMayBePricedByWhatLimitsGrant() throws {
        let billing = try Billing(meters: ["gpu": LateTariff.package.price()])
        try billing.use(1, on: 5)
        _ = try billing.issue(billing.days(1, 16))
        try billing.edit {
            $0.meters["cpu"] = Price(
                per: try #require(UnitQuantity("1 vCPU-hour")),
                tiers: [Tier(upTo: nil, price: try #require(DecimalPrice("2")))], basis: .max)
        }
        for day in [5, 20] as [Int64] {
            try billing.use(24 * hour, on: day, of: .cpu)
            try billing.use(48 * hour, on: day, of: .cpuReserved)
        }
        _ = try billing.issue(billing.october)
        #expect(try billing.cents() == Rational(100 + 2 * 9600))
        #expect(try billing.isSound())
    }
}
