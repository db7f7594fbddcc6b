import GRDB
import Invoicing
import Limits
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

private func tiers(_ per: String, _ steps: [(String?, String, String?)]) throws -> Price {
    Price(
        per: try unit(per),
        tiers: try steps.map {
            Tier(
                upTo: try $0.0.map(decimal), price: try decimal($0.1), flat: try $0.2.map(decimal))
        })
}

/// A way to price a month.
private struct Tariff: CustomTestStringConvertible, Sendable {
    var testDescription: String
    /// Whether the next hour can make what came before cheaper.
    var canFall = false
    var change: @Sendable (inout PriceBook) throws -> Void

    static let all = [
        Tariff(testDescription: "flat") { _ in },
        Tariff(testDescription: "tiers with flat amounts") {
            $0.meters["cpu"] = try tiers(
                "1 vCPU-hour", [("20", "1", nil), ("60", "0.7", "5"), (nil, "0.31", "3")])
        },
        Tariff(testDescription: "volume", canFall: true) {
            $0.meters["cpu"] = try tiers("1 vCPU-hour", [("30", "1", nil), (nil, "0.4", nil)])
            $0.meters["cpu"]?.mode = .volume
        },
        Tariff(testDescription: "free part and packages") {
            $0.meters["cpu"]?.free = try unit("25 vCPU-hour")
            $0.meters["thing"]?.step = try unit("700 thing")
        },
        Tariff(testDescription: "discounts") { book in
            let until = try #require(Instant(rfc3339: "2026-11-10T12:00:00Z"))
            book.discounts = [
                Discount(
                    percent: try decimal("12.5"), meters: nil, tenants: nil, from: nil,
                    until: until),
                Discount(
                    percent: try decimal("3"), meters: ["cpu"], tenants: ["acme"], from: nil,
                    until: nil),
                Discount(
                    percent: try decimal("50"), meters: nil, tenants: ["lab"], from: nil,
                    until: nil),
            ]
        },
        Tariff(testDescription: "fixed fees and a minimum") {
            $0.fixed = [FixedFee(code: "support", name: "Support", price: try decimal("19.99"))]
            $0.minimum = try decimal("1000")
        },
        Tariff(testDescription: "the larger of use and reservation") {
            $0.meters["cpu"]?.basis = .max
        },
        Tariff(testDescription: "by reservation") { $0.meters["cpu"]?.basis = .reserved },
        Tariff(testDescription: "minimum duration") {
            $0.meters["cpu"]?.minimumSeconds = 86_400
            $0.meters["memory"]?.minimumSeconds = 86_401
        },
        Tariff(testDescription: "by the month") {
            $0.meters["cpu"] = Price(
                amount: try decimal("100"), per: try unit("1 vCPU-month"))
        },
        Tariff(testDescription: "no price for things") { $0.meters["thing"] = nil },
    ]
}

/// A store with November's usage of three containers, and books of which another is in force later.
private struct Spent {
    let billing: Billing

    init(_ tariff: Tariff) throws {
        billing = try Billing(
            unpriced: .show,
            meters: [
                "cpu": Price(amount: try decimal("0.36"), per: try unit("1 vCPU-hour")),
                "memory": Price(amount: try decimal("0.0071"), per: try unit("1 GiB-hour")),
                "thing": Price(amount: try decimal("0.013"), per: try unit("1 thing")),
            ])
        var book = try #require(try billing.store.bookVersions().first)
        var later = book
        later.effective = billing.november.start.advanced(bySeconds: (14 * 24 + 7) * 3600)
        try tariff.change(&book)
        _ = try billing.store.apply(
            Contract(tenants: nil, books: [book, later]), isPlan: false, at: now)
        _ = try billing.store.importUsage(try rows(), at: now)
    }

    private func rows() throws -> [ImportedUsage] {
        var random = SeededRandom(seed: 20)
        let thing = try #require(Meter("thing"))
        let meters: [(Meter, Int64)] = [
            (.cpu, 28_800_000_000), (.memory, 15_461_882_265_600), (thing, 1000),
            (.cpuReserved, 20_000_000_000),
        ]
        var rows: [ImportedUsage] = []
        for day in 0..<24 as Range<Int64> {
            for container in ["a", "b"] {
                for (meter, most) in meters {
                    let hour = day * 24 + Int64.random(in: 0..<20, using: &random)
                    let start = billing.november.start.advanced(bySeconds: hour * 3600)
                    let period = try #require(
                        Period(start: start, end: start.advanced(bySeconds: 4 * 3600)))
                    let quantity = Int128(Int64.random(in: 0...most, using: &random))
                    rows.append(billing.row("acme", container, meter, quantity, period))
                }
            }
        }
        // A short life that begins on one day and ends on the next.
        let start = billing.november.start.advanced(bySeconds: (8 * 24 + 12) * 3600)
        let life = try #require(Period(start: start, end: start.advanced(bySeconds: 10_801)))
        return rows + [
            billing.row("acme", "short", .cpu, 10_000_019, life),
            billing.row("acme", "short", .memory, 77_777_777, life),
        ]
    }

    /// The exact net of a draft from the start of the period around a moment, minimum aside.
    func drafted(_ span: Budget.Span, _ zone: BillingZone, at moment: Instant) throws -> Rational {
        let end = moment.startOfHour.advanced(bySeconds: 3600)
        let start = span.around(moment, in: zone).start
        let period = try #require(Period(start: start, end: end))
        return try billing.store.drafts(over: period, tenant: "acme", in: zone).flatMap(\.lines)
            .filter { !$0.isTax && !$0.isMinimum }
            .reduce(.zero) { $0 + $1.exactAmount }
    }

    func spending(
        _ span: Budget.Span, _ zone: BillingZone = .utc, at moment: Instant
    ) throws -> TenantSpending {
        let all = try billing.store.spending(of: ["acme"], per: span, in: zone, at: moment)
        return try #require(all["acme"]).get()
    }
}

@Suite struct SpendingTests {
    private static let east = BillingZone(
        name: "Test/East", offsets: [.init(since: Instant(seconds: 0), seconds: 5 * 3600)])

    @Test(arguments: Tariff.all)
    fileprivate func spentIsTheNetOfADraft(tariff: Tariff) throws {
        let spent = try Spent(tariff)
        // Minutes into the month, while the short life's first day is cut, when the book changes,
        // and at the end of it all.
        for minutes in [10, 13_777, 20_160, 20_610, 43_170] as [Int64] {
            let moment = spent.billing.november.start.advanced(bySeconds: minutes * 60)
            for zone in [BillingZone.utc, Self.east] {
                for span in Budget.Span.allCases {
                    let found = try spent.spending(span, zone, at: moment)
                    let drafted = try spent.drafted(span, zone, at: moment)
                    #expect(found.spent == drafted, "\(span) of \(moment) in \(zone)")
                    #expect(found.period == span.around(moment, in: zone))
                    #expect(found.forecast >= found.spent && found.otherBurn <= found.burn)
                }
            }
        }
    }

    @Test(arguments: Tariff.all)
    fileprivate func historyIsSpendingHourByHour(tariff: Tariff) throws {
        let spent = try Spent(tariff)
        let month = spent.billing.november
        let moment = month.start.advanced(bySeconds: 13_777 * 60)
        for span in Budget.Span.allCases {
            let last = try spent.spending(span, at: moment)
            let period = try #require(Period(start: last.period.start, end: last.until))
            let points = try spent.billing.store.spendingHistory(of: "acme", over: period)
            #expect(points.map(\.at).first == period.start.advanced(bySeconds: 3600))
            #expect(points.count == Int(period.seconds) / 3600)
            #expect(points.last?.at == last.until && points.last?.spent == last.spent)
            for (earlier, later) in zip(points, points.dropFirst()) where !tariff.canFall {
                #expect(earlier.spent <= later.spent, "\(later.at)")
            }
            for point in points.enumerated().filter({ $0.offset % 41 == 3 }).map(\.element) {
                let before = point.at.advanced(bySeconds: -1)
                #expect(try spent.spending(span, at: before).spent == point.spent, "\(point.at)")
            }
        }
    }

    /// What one core costs next, by the hours of CPU that were used before: 2 are free.
    @Test(arguments: [
        (0, nil), (1, nil), (2, "1"), (9, "1"), (10, "0.5"), (11, "0.5"), (20, nil), (25, nil),
    ])
    func theNextSecondIsPricedByItsTier(hours: Int128, perHour: String?) throws {
        let billing = try Billing()
        var book = try #require(try billing.store.bookVersions().first)
        book.meters["cpu"] = try tiers(
            "1 vCPU-hour", [("10", "1", "3"), ("20", "0.5", "8"), (nil, "0", nil)])
        book.meters["cpu"]?.free = try unit("2 vCPU-hour")
        book.meters["cpu"]?.step = try unit("1 vCPU-hour")
        let price = perHour.flatMap { Rational(decimal: $0) }
        let day = try #require(
            Period(
                start: billing.november.start,
                end: billing.november.start.advanced(bySeconds: 86_400)))
        let row = billing.row("acme", "a", .cpu, hours * 3_600_000_000, day)
        if hours > 0 { _ = try billing.store.importUsage([row], at: now) }
        for (percent, part) in [("0", "1"), ("25", "0.75")] {
            book.discounts = [
                Discount(
                    percent: try decimal(percent), meters: ["cpu"], tenants: nil, from: nil,
                    until: nil)
            ]
            _ = try billing.store.apply(
                Contract(tenants: nil, books: [book]), isPlan: false, at: now)
            let taken = try #require(Rational(decimal: part))
            for span in Budget.Span.allCases {
                let all = try billing.store.spending(per: span, at: now)
                let found = try #require(all["acme"]).get().cpuPrice
                #expect(found == price.map { $0 * taken / Rational(3600) }, "\(span) \(percent)")
            }
        }
    }

    /// One core and one GiB held all the time, also in the hour that is not over.
    @Test(arguments: [3600, 100_000, 823_815, 2_591_999] as [Int64])
    func constantUsageIsForecastExactly(seconds: Int64) throws {
        let spent = try constant(seconds)
        let moment = spent.billing.november.start.advanced(bySeconds: seconds)
        let perSecond = try #require(Rational(decimal: "0.000101"))
        let perSecondOfMemory = try #require(Rational(decimal: "0.000001"))
        for span in Budget.Span.allCases {
            let found = try spent.spending(span, at: moment)
            #expect(found.burn == perSecond && found.otherBurn == perSecondOfMemory)
            #expect(found.forecast == perSecond * Rational(found.period.seconds), "\(span)")
            #expect(found.cpuPrice == perSecond - perSecondOfMemory)
        }
        let period = try #require(
            Period(
                start: spent.billing.november.start,
                end: moment.startOfHour.advanced(bySeconds: 3600)))
        let points = try spent.billing.store.spendingHistory(of: "acme", over: period)
        for (hour, point) in points.dropLast().enumerated() {
            #expect(point.spent == perSecond * Rational((hour + 1) * 3600))
        }
        #expect(points.last?.spent == perSecond * Rational(seconds))
    }

    /// What the first minutes of a month use is not taken for more than an hour's.
    @Test func aForecastRestsOnAnHourAtLeast() throws {
        let spent = try constant(600)
        let moment = spent.billing.november.start.advanced(bySeconds: 600)
        let found = try spent.spending(.month, at: moment)
        #expect(found.spent == Rational(decimal: "0.0606"))
        #expect(found.burn == found.spent / Rational(3600))
        #expect(
            found.forecast
                == found.spent + found.burn * Rational(spent.billing.november.seconds - 600))
    }

    private func constant(_ seconds: Int64) throws -> Constant {
        let billing = try Billing(meters: [
            "cpu": Price(amount: try decimal("0.36"), per: try unit("1 vCPU-hour")),
            "memory": Price(amount: try decimal("0.0036"), per: try unit("1 GiB-hour")),
        ])
        let start = billing.november.start
        let period = try #require(Period(start: start, end: start.advanced(bySeconds: seconds)))
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, Int128(seconds) * 1_000_000, period),
                billing.row("acme", "a", .memory, Int128(seconds) << 30, period),
            ], at: now)
        return Constant(billing: billing)
    }

    private struct Constant {
        let billing: Billing

        func spending(_ span: Budget.Span, at moment: Instant) throws -> TenantSpending {
            try #require(try billing.store.spending(per: span, at: moment)["acme"]).get()
        }
    }

    @Test func openHoursCount() throws {
        let billing = try Billing()
        let hour = try #require(
            Period(
                start: billing.november.start,
                end: billing.november.start.advanced(bySeconds: 3600)))
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 3_600_000_000, hour)], at: now)
        try DatabaseQueue(path: billing.store.path).write { db in
            try db.execute(
                sql: """
                    INSERT INTO usage_open (hour_s, container, meter, assurance, quantity)
                    SELECT ?, id, 1, 0, 7200000000 FROM container
                    """, arguments: [now.startOfHour.seconds])
        }
        let month = try #require(
            try billing.store.spending(of: ["acme"], per: .month, at: now)["acme"]
        ).get()
        let day = try #require(
            try billing.store.spending(of: ["acme"], per: .day, at: now)["acme"]
        ).get()
        #expect(month.spent == Rational(decimal: "1.08") && day.spent == Rational(decimal: "0.72"))
        #expect(month.until == now.startOfHour.advanced(bySeconds: 3600))
    }

    @Test func whatIsNotKnownIsSaid() throws {
        let billing = try Billing()
        let bare = Tenant(
            id: "bare", name: "bare", priceBook: nil, invoiceTo: InvoiceAddress(), match: [])
        _ = try billing.store.apply(Contract(tenants: [bare], books: nil), isPlan: false, at: now)
        _ = try billing.store.importUsage(
            [
                billing.row("bare", "a", .cpu, 1_000_000, billing.november),
                billing.row("acme", "a", .ioReadOps, 5_000_000, billing.november),
            ], at: now)
        let all = try billing.store.spending(per: .month, at: now)
        #expect(Set(all.keys) == ["acme", "bare", "lab"])
        #expect(throws: Fault.self) { try #require(all["bare"]).get() }
        // The book blocks an invoice over operations; a budget goes on, and counts them as 0.
        #expect(throws: Fault.self) {
            try billing.store.drafts(over: billing.november, tenant: "acme")
        }
        #expect(try #require(all["acme"]).get().spent == .zero)
        #expect(try #require(all["lab"]).get().forecast == .zero)
        #expect(throws: Fault.self) {
            try billing.store.spending(of: ["acme", "nobody"], per: .day, at: now)
        }
        #expect(throws: Fault.self) {
            try billing.store.spendingHistory(of: "bare", over: billing.november)
        }
    }
}
