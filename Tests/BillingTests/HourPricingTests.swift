import GRDB
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }
private func money(_ text: String) throws -> Rational { try #require(Rational(decimal: text)) }

private func tiers(_ steps: [(String?, String, String?)]) throws -> [Tier] {
    try steps.map {
        Tier(upTo: try $0.0.map(decimal), price: try decimal($0.1), flat: try $0.2.map(decimal))
    }
}

/// A way to price things, and what the third hour of a month costs by it: 6 of `a` and 2 of `b`,
/// after 5 of each in the two hours before.
private struct Tariff: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Of the tenant, of `a` and of `b`.
    var costs: (String, String, String)
    var change: @Sendable (inout PriceBook) throws -> Void

    static let all = [
        Tariff(testDescription: "one price", costs: ("8", "6", "2")) { _ in },
        Tariff(
            testDescription: "tiers: 2 things are left of the first", costs: ("5", "3.75", "1.25")
        ) {
            $0.meters["thing"]?.tiers = try tiers([("12", "1", nil), (nil, "0.5", nil)])
        },
        Tariff(testDescription: "a flat amount of the tier", costs: ("12", "9", "3")) {
            $0.meters["thing"]?.tiers = try tiers([("12", "1", "3"), (nil, "0.5", "7")])
        },
        Tariff(testDescription: "a free part that ends in the hour", costs: ("4", "3", "1")) {
            $0.meters["thing"]?.free = try unit("14 thing")
        },
        Tariff(testDescription: "all is free", costs: ("0", "0", "0")) {
            $0.meters["thing"]?.free = try unit("18 thing")
        },
        Tariff(
            testDescription: "a volume price makes the month cheaper",
            costs: ("-6.4", "-4.8", "-1.6")
        ) {
            $0.meters["thing"]?.tiers = try tiers([("10", "1", nil), (nil, "0.2", nil)])
            $0.meters["thing"]?.mode = .volume
        },
        Tariff(testDescription: "packages of ten", costs: ("10", "7.5", "2.5")) {
            $0.meters["thing"]?.step = try unit("10 thing")
        },
        Tariff(testDescription: "discounts", costs: ("6", "4.5", "1.5")) {
            $0.discounts = [
                Discount(
                    percent: try decimal("20"), meters: nil, tenants: nil, from: nil, until: nil),
                Discount(
                    percent: try decimal("5"), meters: ["thing"], tenants: ["acme"], from: nil,
                    until: nil),
                Discount(
                    percent: try decimal("50"), meters: nil, tenants: ["lab"], from: nil,
                    until: nil),
            ]
        },
        Tariff(testDescription: "fees and a minimum are not of an hour", costs: ("8", "6", "2")) {
            $0.fixed = [FixedFee(code: "support", name: "Support", price: try decimal("720"))]
            $0.minimum = try decimal("1000")
        },
    ]
}

/// A zone in which November begins five hours earlier.
private let east = BillingZone(
    name: "Test/East", offsets: [.init(since: Instant(seconds: 0), seconds: 5 * 3600)])

/// A store whose usage is said hour by hour.
private struct Hours {
    let billing: Billing
    let thing: Meter
    /// Which zone's November it is.
    let start: Instant

    init(_ zone: BillingZone = .utc, _ change: (inout PriceBook) throws -> Void) throws {
        thing = try #require(Meter("thing"))
        billing = try Billing(
            unpriced: .show,
            meters: ["thing": Price(amount: try decimal("1"), per: try unit("1 thing"))])
        start = try #require(zone.month("2026-11")).start
        var book = try #require(try billing.store.bookVersions().first)
        try change(&book)
        _ = try billing.store.apply(Contract(tenants: nil, books: [book]), isPlan: false, at: now)
    }

    func hour(_ number: Int64) -> Instant { start.advanced(bySeconds: number * 3600) }

    func use(
        _ hour: Int64, _ container: String, _ quantity: Int128, of meter: Meter? = nil,
        by tenant: String = "acme"
    ) throws {
        let period = try #require(Period(start: self.hour(hour), end: self.hour(hour + 1)))
        _ = try billing.store.importUsage(
            [billing.row(tenant, container, meter ?? thing, quantity, period)], at: now)
    }

    /// Puts a row into an hour that is not closed.
    func useOpen(_ hour: Int64, _ container: String, _ quantity: Int64) throws {
        try DatabaseQueue(path: billing.store.path).write { db in
            try db.execute(
                sql: """
                    INSERT INTO usage_open (hour_s, container, meter, assurance, quantity)
                    SELECT ?, c.id, m.id, 0, ? FROM container c, meter m
                    WHERE c.path = ? AND m.name = 'thing'
                    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity
                    """, arguments: [self.hour(hour).seconds, quantity, container])
        }
    }

    func rows() throws -> [String: Int64] {
        try DatabaseQueue(path: billing.store.path).read { db in
            try Row.fetchAll(db, sql: "SELECT path, id FROM container")
                .reduce(into: [:]) { $0[$1["path"]] = $1["id"] }
        }
    }
}

@Suite struct HourPricingTests {
    @Test(arguments: Tariff.all, [BillingZone.utc, east])
    fileprivate func anHourCostsWhatItAddsToTheMonth(tariff: Tariff, zone: BillingZone) throws {
        let hours = try Hours(zone, tariff.change)
        // The month before is another month.
        for container in ["a", "b"] { try hours.use(-1, container, 1000) }
        for container in ["a", "b"] { try hours.use(container == "a" ? 0 : 1, container, 5) }
        try hours.use(2, "a", 6)
        try hours.use(2, "b", 2)
        // What comes later is not of this hour.
        try hours.use(3, "a", 500)
        var pricing = HourPricing(hours.billing.store, in: zone)
        let moment = hours.hour(2).advanced(bySeconds: 1234)
        let cost = try #require(try pricing.costs(at: moment)["acme"])
        let rows = try hours.rows()
        let (a, b) = (try #require(rows["a"]), try #require(rows["b"]))
        #expect(cost.total == (try money(tariff.costs.0)))
        #expect(cost.shares == [a: try money(tariff.costs.1), b: try money(tariff.costs.2)])
        // Looking again, with the month known, says the same.
        #expect(try pricing.costs(at: moment)["acme"] == cost)
        #expect(try pricing.costs(at: moment)["lab"]?.total == .zero)
    }

    /// By `max`, an hour costs the larger of use and reservation; by `reserved`, what is reserved.
    @Test(arguments: [
        (Price.Basis.used, "7.2", "3.6", "3.6"), (.reserved, "3.6", "3.6", "0"),
        (.max, "7.2", "3.6", "3.6"),
    ])
    func theBasisIsTheInvoices(
        basis: Price.Basis, total: String, first: String, second: String
    ) throws {
        let hours = try Hours {
            $0.meters = ["cpu": Price(amount: try decimal("3.6"), per: try unit("1 vCPU-hour"))]
            $0.meters["cpu"]?.basis = basis
        }
        // One has a limit and uses less of it in one hour; the other has none.
        let core: Int128 = 3_600_000_000
        try hours.use(0, "a", core, of: .cpu)
        try hours.use(0, "a", core * 2, of: .cpuReserved)
        try hours.use(1, "a", core, of: .cpu)
        try hours.use(1, "a", core, of: .cpuReserved)
        try hours.use(1, "b", core, of: .cpu)
        var pricing = HourPricing(hours.billing.store)
        let cost = try #require(try pricing.costs(at: hours.hour(1))["acme"])
        let rows = try hours.rows()
        let (a, b) = (try #require(rows["a"]), try #require(rows["b"]))
        #expect(cost.total == (try money(total)))
        #expect(cost.shares[a] == (try money(first)))
        #expect((cost.shares[b] ?? .zero) == (try money(second)))
    }

    @Test func whatIsNotKnownIsLeftOut() throws {
        let hours = try Hours {
            $0.effective = try #require(Period(month: "2026-11")).start
                .advanced(bySeconds: 3600)
            $0.id = "late"
        }
        let tenants = [("acme", "late"), ("lab", nil)].map {
            Tenant(id: $0, name: $0, priceBook: $1, invoiceTo: InvoiceAddress(), match: [])
        }
        _ = try hours.billing.store.apply(
            Contract(tenants: tenants, books: nil), isPlan: false, at: now)
        try hours.use(0, "a", 3)
        try hours.use(1, "a", 5)
        try hours.use(1, "b", 5, by: "lab")
        var pricing = HourPricing(hours.billing.store)
        #expect(try pricing.costs(at: hours.hour(0)).isEmpty)
        let costs = try pricing.costs(at: hours.hour(1))
        #expect(costs.keys.sorted() == ["acme"] && costs["acme"]?.total == Rational(5))
    }

    /// What is kept of the month before must not outlive a change of it.
    @Test func aChangeOfTheMonthIsSeen() throws {
        let hours = try Hours {
            $0.meters["thing"]?.tiers = try tiers([("10", "1", nil), (nil, "0.1", nil)])
        }
        try hours.use(0, "a", 3)
        try hours.use(0, "b", 3)
        var pricing = HourPricing(hours.billing.store)
        func total(_ hour: Int64 = 2) throws -> Rational? {
            try pricing.costs(at: hours.hour(hour))["acme"]?.total
        }
        #expect(try total() == .zero)
        try hours.useOpen(2, "a", 4)
        #expect(try total() == Rational(4))
        // Four more of the same hour, one of them in the next tier.
        try hours.useOpen(2, "b", 4)
        #expect(try total() == (try money("4.4")))
        // An open row of an hour before: now all of the hour but one lies in the next tier.
        try hours.useOpen(1, "a", 3)
        #expect(try total() == (try money("1.7")))
        // Rows that come closed.
        try hours.use(0, "c", 1)
        #expect(try total() == (try money("0.8")))
        try hours.use(2, "c", 10)
        #expect(try total() == (try money("1.8")))
        // An hour before changes hands, and so does this one.
        let whole = try #require(Period(start: hours.start, end: hours.hour(3)))
        _ = try hours.billing.assign("c", to: "lab", over: whole)
        #expect(try total() == (try money("1.7")))
        #expect(try pricing.costs(at: hours.hour(2))["lab"]?.total == (try money("9.1")))
        // Another price from now on.
        var book = try #require(try hours.billing.store.bookVersions().first)
        book.meters["thing"]?.tiers = try tiers([(nil, "2", nil)])
        _ = try hours.billing.store.apply(
            Contract(tenants: nil, books: [book]), isPlan: false, at: now)
        #expect(try total() == Rational(16))
        // And the next hour.
        try hours.useOpen(3, "b", 1)
        #expect(try total(3) == Rational(2) && total(2) == Rational(16))
    }
}
