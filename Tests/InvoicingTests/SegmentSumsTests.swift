import Invoicing
import Metering
import Pricing
import TestSupport
import Testing
import Units

private let hour: Int64 = 3600

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

private func book(
    _ id: String = "standard", _ currency: String = "EUR", meters: [String: Price] = [:],
    memory: MemoryFormula = .unreclaimable, unpriced: UnpricedPolicy = .show,
    discounts: [Discount] = []
) throws -> PriceBook {
    PriceBook(
        id: id, currency: try #require(Currency(currency)), effective: Instant(seconds: 0),
        rounding: .halfEven, memory: memory, unpriced: unpriced, taxes: [], meters: meters,
        discounts: discounts)
}

/// The hours of October 2026 from one to another, counted from 0.
private func period(_ hours: Range<Int64>) throws -> Period {
    let month = try #require(Period(month: "2026-10"))
    return try #require(
        Period(
            start: month.start.advanced(bySeconds: hours.lowerBound * hour),
            end: month.start.advanced(bySeconds: hours.upperBound * hour)))
}

private func segment(_ hours: Range<Int64>, _ book: PriceBook) throws -> Segment {
    Segment(period: try period(hours), month: try #require(Period(month: "2026-10")), book: book)
}

private func span(_ container: Int64 = 1, life: Int64? = nil) throws -> OwnedSpan {
    let month = try #require(Period(month: "2026-10"))
    return OwnedSpan(
        container: container, path: ExactText("/c\(container)"), since: month.start.seconds,
        until: month.end.seconds, life: life)
}

/// Rows of the ledger become sums by segment and meter.
@Suite struct SegmentSumsTests {
    private static let names = [
        "", "cpu", "cpu_reserved", "memory", "memory", "memory_reserved", "thing",
    ]
    private let meters = MeterTable(
        names: Self.names,
        formulas: [nil, nil, nil, .unreclaimable, .current, nil, nil], ids: [:])

    private typealias Row = (hour: Int64, meter: Int64, quantity: Int64)

    private func sums(
        _ segments: [Segment], _ rows: [Row], life: Int64? = nil
    ) throws -> (usage: [AccountUsage], assured: AssuredUsage) {
        var (sums, usage, assured) = (
            SegmentSums(segments, meters), [AccountUsage](), AssuredUsage()
        )
        let start = try #require(Period(month: "2026-10")).start.seconds
        for row in rows {
            sums.add(start + row.hour * hour, row.meter, row.quantity, Assurance.conserved.code)
        }
        sums.finish(try span(life: life), into: &usage, &assured)
        return (usage, assured)
    }

    private func shown(_ usage: [AccountUsage]) -> [String] {
        usage.map {
            "\($0.segment) \($0.meter) \($0.quantity)\($0.isUnreserved ? " unreserved" : "")"
        }
    }

    @Test func rowsAreSummedBySegment() throws {
        let book = try book()
        let segments = [try segment(0..<2, book), try segment(4..<6, book)]
        let usage = try sums(
            segments,
            [(0, 1, 5), (1, 1, 7), (1, 6, 2), (3, 1, 100), (4, 1, 1), (5, 6, 9), (6, 1, 50)]
        ).usage
        #expect(shown(usage) == ["0 cpu 12", "0 thing 2", "1 cpu 1", "1 thing 9"])
    }

    @Test(arguments: [
        (MemoryFormula.unreclaimable, "0 memory 3"), (.current, "0 memory 40"), (.workingSet, ""),
    ])
    func memoryIsThatOfTheBooksFormula(formula: MemoryFormula, wanted: String) throws {
        let segments = [try segment(0..<4, try book(memory: formula))]
        let usage = try sums(segments, [(0, 3, 1), (0, 4, 10), (1, 3, 2), (1, 4, 30)]).usage
        #expect(shown(usage).joined() == wanted)
    }

    /// Used 5, 9 and 4; granted 7, 7 and nothing.
    @Test(arguments: [
        (Price.Basis.used, ["0 cpu 18"]), (.reserved, ["0 cpu 4 unreserved", "0 cpu 14"]),
        (.max, ["0 cpu 20"]),
    ])
    func theBasisSaysWhichHoursCount(basis: Price.Basis, wanted: [String]) throws {
        var price = Price(amount: try decimal("1"), per: try unit("1 vCPU-hour"))
        price.basis = basis
        let segments = [try segment(0..<10, try book(meters: ["cpu": price]))]
        let usage = try sums(
            segments, [(0, 1, 5), (0, 2, 7), (1, 1, 9), (1, 2, 7), (2, 1, 4)]
        ).usage
        #expect(shown(usage) == wanted)
    }

    @Test func whatNobodySumsIsLeftOutAndSumsBeginAnew() throws {
        let segments = [try segment(0..<4, try book())]
        var (all, usage, assured) = (
            SegmentSums(segments, meters), [AccountUsage](), AssuredUsage()
        )
        let start = segments[0].period.start.seconds
        for container in 1...3 as ClosedRange<Int64> {
            all.add(start, 1, container * 10, Assurance.sampled.code)
            all.finish(try span(container), into: &usage, &assured)
        }
        all.finish(try span(4), into: &usage, &assured)
        #expect(usage.map(\.quantity) == [10, 20, 30])
        #expect(usage.map(\.span.container) == [1, 2, 3])
        #expect(assured.sums == ["cpu": [Assurance.sampled.code: 60]])
    }

    @Test func quantitiesPass64Bits() throws {
        let segments = [try segment(0..<4, try book())]
        let usage = try sums(segments, [(0, 6, .max), (1, 6, .max), (2, 6, .max)]).usage
        #expect(usage.first?.quantity == Int128(Int64.max) * 3)
    }
}

/// A short life counts its minimum, once for each run of segments of one version and month.
@Suite struct MinimumDurationTests {
    private func billable(
        _ quantities: [(segment: Int, quantity: Int128)], life: Int64?, minimum: Int64?,
        books: [String] = ["standard", "standard"]
    ) throws -> [Int128] {
        var price = Price(amount: try decimal("1"), per: try unit("1 thing"))
        price.minimumSeconds = minimum
        let segments = try books.enumerated().map { index, id in
            try segment(
                Int64(index) * 2..<Int64(index) * 2 + 2, try book(id, meters: ["thing": price]))
        }
        var rule = MinimumDuration(segments)
        return try quantities.map {
            rule.billable(
                $0.quantity, of: "thing", isUnreserved: false, in: $0.segment,
                try span(life: life))
        }
    }

    @Test(
        arguments: [
            (10, 60, [Int128(5)], [Int128(30)]), (60, 60, [5], [5]), (61, 60, [5], [5]),
            (nil, 60, [5], [5]), (10, nil, [5], [5]),
            // 7 × 60 ÷ 9 is 46.6…: begun units count.
            (9, 60, [7], [47]),
        ] as [(Int64?, Int64?, [Int128], [Int128])])
    func aLifeIsRaisedToTheMinimum(
        life: Int64?, minimum: Int64?, used: [Int128], wanted: [Int128]
    ) throws {
        #expect(try billable(used.map { (0, $0) }, life: life, minimum: minimum) == wanted)
    }

    /// However the life is cut, the parts come to the whole.
    @Test func cutsMakeNoDifference() throws {
        let whole = try billable([(0, 7)], life: 9, minimum: 60)
        for first in 0...7 as ClosedRange<Int128> {
            let parts = try billable([(0, first), (1, 7 - first)], life: 9, minimum: 60)
            #expect(parts.reduce(0, +) == whole[0])
        }
    }

    @Test func anotherVersionBeginsAnew() throws {
        let parts = try billable(
            [(0, 1), (1, 1)], life: 7, minimum: 60, books: ["standard", "other"])
        #expect(parts == [9, 9])
    }
}

/// Groups of invoices: which share months, and in which currency.
@Suite struct BillingGroupTests {
    private func stretch(
        _ hours: Range<Int64>, _ number: String?, _ currency: String = "EUR"
    ) throws -> BillingGroup.Stretch {
        BillingGroup.Stretch(
            number: number, period: try period(hours),
            segments: [try segment(hours, try book("b", currency))], contract: ContractTime())
    }

    @Test func eachCurrencyIsAGroupAndTheOthersTimeLiesAroundIt() throws {
        let groups = BillingGroup.byCurrency(
            [try stretch(0..<5, "1"), try stretch(5..<9, "2", "USD"), try stretch(9..<12, "3")],
            around: [])
        #expect(groups.map { $0.stretches.map(\.number) } == [["1", "3"], ["2"]])
        #expect(groups[0].around.map(\.period) == [try period(5..<9)])
        #expect(groups[1].around.map(\.period) == [try period(0..<5)])
        #expect(
            groups[0].segments.map(\.period) == [
                try period(0..<5), try period(5..<9), try period(9..<12),
            ])
    }

    @Test func theHullReachesFromTheMonthsStart() throws {
        let group = BillingGroup(stretches: [try stretch(5..<9, "2")], around: [])
        let hull = try period(0..<9)
        #expect(group.hull == hull)
        #expect(BillingGroup(stretches: [], around: []).hull == nil)
    }

    @Test func usageIsPinnedByTheInvoiceThatBillsIt() throws {
        let old = BillingGroup(stretches: [try stretch(0..<5, "1")], around: [])
        #expect(!old.hasNew && old.pinKeys == ["1", "around 1"] && old.aroundKey == "around 1")
        let new = BillingGroup(
            stretches: [try stretch(0..<5, "1"), try stretch(5..<9, nil)], around: [])
        #expect(new.hasNew && new.pinKeys == ["", "1"] && new.aroundKey == "")
        #expect(PinnedUsage(corrects: "1", segments: [], usage: []).isOfAnother)
        #expect(!PinnedUsage(corrects: "", segments: [], usage: []).isOfAnother)
        #expect(!PinnedUsage(corrects: "around 1", segments: [], usage: []).isOfAnother)
    }

    @Test func outsideIsWhatNoStretchHolds() throws {
        let group = BillingGroup(stretches: [try stretch(2..<4, "1")], around: [])
        let left = group.outside([try segment(0..<8, try book())])
        #expect(left.map(\.period) == [try period(0..<2), try period(4..<8)])
    }
}

/// Prices of meters that the books of issued invoices do not know.
@Suite struct LatePricesTests {
    private func thing(_ amount: String) throws -> Price {
        Price(amount: try decimal(amount), per: try unit("1 thing"))
    }

    private func discount(_ percent: String) throws -> Discount {
        Discount(percent: try decimal(percent), meters: nil, tenants: nil, from: nil, until: nil)
    }

    private func group(_ unpriced: UnpricedPolicy = .block) throws -> BillingGroup {
        BillingGroup(
            stretches: [
                BillingGroup.Stretch(
                    number: "1", period: try period(0..<10),
                    segments: [try segment(0..<10, try book(unpriced: unpriced))],
                    contract: ContractTime())
            ], around: [])
    }

    private func used(at place: Int64, _ meter: String = "thing") throws -> [MeterUse] {
        [MeterUse(at: try period(place..<place + 1).start, meter: meter)]
    }

    private func priced(
        _ group: BillingGroup, _ used: [MeterUse], billed: [PriceBook] = [], now: PriceBook
    ) throws -> [Segment]? {
        let late = LatePrices(tenant: "acme", books: PriceBooks([now])) { _, _ in
            billed.map { PriceBooks([$0]) }
        }
        return try late.priced(group, used)?.segments
    }

    @Test func aMeterThatTheBookBlocksGetsTodaysPrice() throws {
        let now = try book(meters: ["thing": try thing("3")])
        let found = try #require(try priced(group(), used(at: 4), now: now))
        #expect(found.map { $0.book.meters["thing"]?.amount.description } == ["3"])
    }

    /// The first document that bills a meter decides its price for later ones.
    @Test func thePriceOfAnEarlierDocumentStays() throws {
        let found = try #require(
            try priced(
                group(), used(at: 4), billed: [try book(meters: ["thing": try thing("2")])],
                now: try book(meters: ["thing": try thing("3")])))
        #expect(found.allSatisfy { $0.book.meters["thing"]?.amount.description == "2" })
    }

    @Test func whatIsKnownOrShownStaysAsItIs() throws {
        let now = try book(meters: ["thing": try thing("3")])
        #expect(try priced(group(.show), used(at: 4), now: now) == nil)
        #expect(try priced(group(), used(at: 40), now: now) == nil, "not in its time")
        #expect(try priced(group(), [], now: now) == nil)
    }

    /// A discount on every meter does not become one on the late meter; that has its own book's.
    @Test func discountsStayWithTheirBook() throws {
        let all = try discount("10")
        let now = try book(
            meters: ["thing": try thing("3")], discounts: [try discount("50")])
        var group = try group()
        group.stretches[0].segments[0].book.discounts = [all]
        group.stretches[0].segments[0].book.meters = ["cpu": try thing("1")]
        let found = try #require(try priced(group, used(at: 4), now: now))
        #expect(found[0].book.discounts.map(\.meters) == [["cpu"], ["thing"]])
        #expect(found[0].book.discounts.map(\.percent.description) == ["10", "50"])
    }
}
