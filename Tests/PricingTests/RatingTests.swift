import Metering
import Pricing
import TestSupport
import Testing
import Units

private let month = Period(monthOf: Instant(seconds: 1_793_000_000))

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

private func book(_ meters: [String: Price], unpriced: UnpricedPolicy = .block) throws -> PriceBook
{
    PriceBook(
        id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
        rounding: .halfEven, memory: .unreclaimable, unpriced: unpriced, taxes: [], meters: meters)
}

private func tiers(
    _ mode: PriceModel, _ steps: [(String?, String, String?)], free: String? = nil,
    step: String? = nil
) throws -> Price {
    Price(
        per: try unit("1 thing"), mode: mode,
        tiers: try steps.map {
            Tier(
                upTo: try $0.0.map(decimal), price: try decimal($0.1), flat: try $0.2.map(decimal))
        }, free: try free.map(unit), step: try step.map(unit))
}

/// Rates quantities by container, in segments of equal length.
private func charges(
    _ price: Price, _ segments: [[(String, Int128)]], charged: Int = 0
) throws -> [Charge] {
    let book = try book(["thing": price])
    let length = month.seconds / 3600 / Int64(segments.count) * 3600
    let parts = try segments.enumerated().map { index, usage in
        let start = month.start.advanced(bySeconds: Int64(index) * length)
        let period = try #require(
            Period(start: start, end: start.advanced(bySeconds: length)))
        return SegmentUsage(
            segment: Segment(period: period, month: month, book: book),
            usage: usage.map {
                MeterUsage(container: ExactText($0.0), meter: "thing", quantity: $0.1)
            }, isCharged: index >= charged)
    }
    return try rate(parts, tenant: "acme")
}

private func total(_ charges: [Charge]) -> String {
    charges.reduce(Rational.zero) { $0 + $1.amount }.description
}

@Suite struct RatingTests {
    /// A price of 1 to 5 things 7, 6 to 10 6.50, above 6; and one with flat amounts.
    @Test(arguments: [
        (1, "7", "7", "17"), (5, "35", "35", "45"), (6, "41.5", "39", "71.5"),
        (10, "67.5", "65", "97.5"), (11, "73.5", "66", "133.5"), (25, "157.5", "150", "217.5"),
        (0, "0", "0", "0"),
    ])
    func tiersAreHalfOpen(
        quantity: Int, graduated: String, volume: String, flat: String
    ) throws {
        let steps: [(String?, String, String?)] = [
            ("5", "7", nil), ("10", "6.5", nil), (nil, "6", nil),
        ]
        let flats: [(String?, String, String?)] = [
            ("5", "7", "10"), ("10", "6.5", "20"), (nil, "6", "30"),
        ]
        let usage = [[("a", Int128(quantity))]]
        #expect(try total(charges(tiers(.graduated, steps), usage)) == graduated)
        #expect(try total(charges(tiers(.volume, steps), usage)) == volume)
        #expect(try total(charges(tiers(.graduated, flats), usage)) == flat)
    }

    /// Quantities are real: 5.5 units lie in a tier, not between two (lago-api#1699).
    @Test func aFractionIsInATier() throws {
        let price = Price(
            per: try unit("1 GB"),
            tiers: [
                Tier(upTo: try decimal("5"), price: try decimal("7")),
                Tier(upTo: nil, price: try decimal("6")),
            ])
        let scaled = try book(["net_tx_bytes": price])
        let use = MeterUsage(
            container: ExactText("a"), meter: "net_tx_bytes", quantity: 5_500_000_000)
        let part = SegmentUsage(
            segment: Segment(period: month, month: month, book: scaled), usage: [use])
        #expect(try total(rate([part], tenant: "a")) == "38")
    }

    /// The free part takes the first units, counts in the tiers, and is free in every segment.
    @Test(arguments: [
        ([3], "0"), ([4], "0"), ([5], "7"), ([4, 1], "7"), ([1, 1, 3], "7"), ([20], "99.5"),
        ([2, 18], "99.5"), ([10, 10], "99.5"),
    ])
    func freeRunsThroughTheMonth(segments: [Int], wanted: String) throws {
        let price = try tiers(
            .graduated, [("5", "7", nil), ("10", "6.5", nil), (nil, "6", nil)], free: "4 thing")
        let usage = segments.map { [("a", Int128($0))] }
        #expect(try total(charges(price, usage)) == wanted)
    }

    /// What is rounded up is the month's quantity beyond the free one, whatever its segments.
    @Test(arguments: [
        ([1], 1), ([1000], 1), ([1001], 2), ([600, 600], 2), ([600, 300], 1), ([1, 1, 998], 1),
        ([1, 1, 999], 2),
    ])
    func startedPackagesCount(segments: [Int], packages: Int) throws {
        let price = try Price(
            per: unit("1000 thing"), tiers: [Tier(upTo: nil, price: decimal("3"))],
            step: unit("1000 thing"))
        let usage = segments.map { [("a", Int128($0))] }
        let found = try charges(price, usage)
        #expect(total(found) == "\(packages * 3)")
        #expect(found.reduce(0) { $0 + $1.quantity } == Int128(segments.reduce(0, +)))
        #expect(found.reduce(0) { $0 + $1.priced } == Int128(packages * 1000))
    }

    @Test func whatIsNotChargedOnlyMovesTheTiers() throws {
        let price = try tiers(.graduated, [("10", "2", "5"), (nil, "1", nil)])
        let found = try charges(price, [[("a", 8)], [("a", 8)]], charged: 1)
        #expect(found.map(\.quantity) == [2, 6] && found.map(\.tier) == [.number(1), .number(2)])
        #expect(total(found) == "10", "the flat amount was due before")
    }

    /// A new version goes on where the one before ended: packages are no gift, flats are due once.
    @Test func versionsFollowEachOther() throws {
        func cost(_ first: Price, _ second: Price, _ usage: [Int128]) throws -> String {
            let middle = month.start.advanced(bySeconds: 15 * 86_400)
            let halves = month.cut(at: [middle])
            let parts = try zip(halves, zip([first, second], usage)).map { half, rest in
                SegmentUsage(
                    segment: Segment(
                        period: half, month: month, book: try book(["thing": rest.0])),
                    usage: [
                        MeterUsage(container: ExactText("a"), meter: "thing", quantity: rest.1)
                    ])
            }
            return try total(rate(parts, tenant: "acme"))
        }
        let plain = try tiers(.graduated, [(nil, "1", nil)])
        let package = try tiers(.graduated, [(nil, "1", nil)], step: "1000 thing")
        #expect(try cost(plain, package, [1, 998]) == "1000")
        let (wide, narrow) = (
            try tiers(.graduated, [("200", "0", nil), (nil, "0.01", "50")]),
            try tiers(.graduated, [("100", "0", nil), (nil, "0.01", "50")])
        )
        #expect(try cost(wide, narrow, [150, 100]) == "51")
        #expect(try cost(narrow, wide, [150, 100]) == "51")
    }

    @Test func aVolumePriceLooksAtTheWholeMonth() throws {
        let price = try tiers(.volume, [("10", "2", nil), (nil, "1", nil)])
        let found = try charges(price, [[("a", 8)], [("a", 8)]])
        #expect(found.map(\.tier) == [.number(2), .number(2)] && total(found) == "16")
    }

    @Test func whatHasNoReservationIsUnpriced() throws {
        var price = try tiers(.graduated, [(nil, "1", nil)])
        price.basis = .reserved
        for policy in UnpricedPolicy.allCases {
            let use = MeterUsage(
                container: ExactText("a"), meter: "thing", quantity: 5, isUnreserved: true)
            let part = SegmentUsage(
                segment: Segment(
                    period: month, month: month, book: try book(["thing": price], unpriced: policy)),
                usage: [use])
            if policy == .block {
                #expect(throws: Fault.self) { try rate([part], tenant: "acme") }
            } else {
                #expect(try rate([part], tenant: "acme").map(\.kind) == [.unpriced])
            }
        }
    }
}

@Suite struct RatingLawTests {
    private func randomPrice(_ random: inout SeededRandom) throws -> Price {
        var bounds = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            Int.random(in: 1...400, using: &random)
        }
        bounds = Array(Set(bounds)).sorted()
        let flats = [nil, nil, "1", "0.37"]
        let steps: [(String?, String, String?)] = (bounds.map { "\($0)" } + [nil]).map {
            (
                $0, "0.\(Int.random(in: 0...999_999, using: &random))",
                flats.randomElement(using: &random) ?? nil
            )
        }
        return try tiers(
            Bool.random(using: &random) ? .graduated : .volume, steps,
            free: Bool.random(using: &random)
                ? "\(Int.random(in: 1...300, using: &random)) thing" : nil,
            step: Int.random(in: 0...2, using: &random) == 0
                ? "\(Int.random(in: 1...50, using: &random)) thing" : nil)
    }

    private func randomUsage(_ random: inout SeededRandom) -> [(String, Int128)] {
        (0..<Int.random(in: 0...6, using: &random)).map {
            ("c\($0)", Int128(Int.random(in: 0...120, using: &random)))
        }
    }

    /// Nothing is lost between usage and charges, each is its quantity times its price, in any order.
    @Test func partsAddUpToTheWhole() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2000 {
            let price = try randomPrice(&random)
            let segments = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                randomUsage(&random)
            }
            let found = try charges(price, segments)
            let used = segments.joined().reduce(0) { $0 + $1.1 }
            #expect(found.filter { $0.kind == .usage }.reduce(0) { $0 + $1.quantity } == used)
            for charge in found where charge.kind == .usage {
                let exact = Rational(charge.priced) * (charge.price?.value ?? .zero)
                #expect(charge.amount == exact && charge.priced >= 0 && charge.quantity >= 0)
            }
            let shuffled = segments.map { $0.shuffled(using: &random) }
            #expect(try charges(price, shuffled) == found)
        }
    }

    /// A month in one segment costs what it costs in several, or billed in two parts.
    @Test func cuttingTheMonthChangesNothing() throws {
        var random = SeededRandom(seed: 8)
        for _ in 0..<1000 {
            var price = try randomPrice(&random)
            price.mode = .graduated
            let segments = (0..<3).map { _ in randomUsage(&random) }
            var whole: [String: Int128] = [:]
            for (container, quantity) in segments.joined() {
                whole[container, default: 0] += quantity
            }
            let once = try total(charges(price, [whole.map { ($0.key, $0.value) }]))
            #expect(try total(charges(price, segments)) == once)
            let later = try charges(price, segments, charged: 2)
            let earlier = try charges(price, Array(segments[..<2]))
            #expect(total(earlier + later) == once)
        }
    }

    /// Apportioned parts are whole, within one of their share, and add up.
    @Test func apportionedPartsAddUp() {
        var random = SeededRandom(seed: 9)
        for _ in 0..<2000 {
            let wide = Bool.random(using: &random)
            let weights = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                wide
                    ? Int128.random(in: 0...(1 << 100), using: &random)
                    : Int128.random(in: 0...5, using: &random)
            }
            let sum = weights.reduce(0, +)
            guard sum > 0 else { continue }
            let total = Int128.random(in: 0...sum, using: &random)
            let parts = apportion(total, over: weights)
            #expect(parts.reduce(0, +) == total)
            for (part, weight) in zip(parts, weights) {
                #expect(part >= 0 && part <= weight)
                let exact = scale(weight, by: total, over: sum).quotient
                #expect(part == exact || part == exact + 1)
            }
        }
    }
}
