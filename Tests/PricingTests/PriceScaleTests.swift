import Metering
@testable import Pricing
import TestSupport
import Testing
import Units

private let month = Period(monthOf: Instant(seconds: 1_793_000_000))

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

private func segment(_ price: Price, over period: Period = month) throws -> Segment {
    Segment(
        period: period, month: month,
        book: PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: .show, taxes: [],
            meters: ["thing": price]))
}

private func tiers(
    _ steps: [(String?, String)], per: String = "1 thing", free: String? = nil,
    step: String? = nil
) throws -> Price {
    Price(
        per: try unit(per),
        tiers: try steps.map { Tier(upTo: try $0.0.map(decimal), price: try decimal($0.1)) },
        free: try free.map(unit), step: try step.map(unit))
}

private func use(
    _ container: String, _ quantity: Int128, billable: Int128? = nil, isUnreserved: Bool = false
) -> MeterUsage {
    MeterUsage(
        container: ExactText(container), meter: "thing", quantity: quantity, billable: billable,
        isUnreserved: isUnreserved)
}

/// What lies in a lane, as text: container, tier, metered, priced.
private func words(_ charges: [Charge]) -> [String] {
    charges.map {
        "\($0.container?.text ?? "flat") \($0.tier?.description ?? "-") \($0.quantity) \($0.priced)"
    }
}

/// How usage lies along the tiers of a month.
@Suite struct PriceScaleTests {
    /// Containers share a lane in proportion to what they have left; ties go to the earlier one.
    @Test func containersShareALane() throws {
        let price = try tiers([("5", "2"), (nil, "1")])
        let found = try rate(
            [SegmentUsage(segment: segment(price), usage: [use("b", 4), use("a", 6)])],
            tenant: "acme")
        #expect(words(found) == ["a 1 3 3", "b 1 2 2", "a 2 3 3", "b 2 2 2"])
    }

    /// A minimum duration raises what is priced, and what was metered is split as it lies.
    @Test func whatIsRaisedLiesInTheTiersAsRaised() throws {
        let price = try tiers([("5", "2"), (nil, "1")])
        let found = try rate(
            [SegmentUsage(segment: segment(price), usage: [use("a", 3, billable: 12)])],
            tenant: "acme")
        // 5 of 12 lie in the first tier: of the 3 that were metered, that is 1.
        #expect(words(found) == ["a 1 1 5", "a 2 2 7"])
        #expect(found.map(\.amount) == [10, 7].map { Rational($0) })
    }

    /// The rest of a package that was paid for holds later usage at no cost, in its lane.
    @Test func aPaidPackageIsUsedUp() throws {
        let price = try tiers([(nil, "0.003")], free: "30 thing", step: "1000 thing")
        let halves = month.cut(at: [month.start.advanced(bySeconds: 86_400)])
        let parts = try zip(halves, [31, 999] as [Int128]).map { half, quantity in
            SegmentUsage(segment: try segment(price, over: half), usage: [use("a", quantity)])
        }
        let found = try rate(parts, tenant: "acme")
        #expect(words(found) == ["a free 30 30", "a - 1 1000", "a - 999 0"])
        #expect(found.reduce(Rational.zero) { $0 + $1.amount } == Rational(3))
    }

    /// By the rules of Octroi 0.1.0, metered quantities follow the priced ones.
    @Test func theFirstRulesSplitByWhatIsPriced() throws {
        let price = try tiers([("1000", "1"), (nil, "2")], step: "1000 thing")
        func found(_ rules: RatingRules) throws -> [String] {
            words(
                try rate(
                    [
                        SegmentUsage(
                            segment: segment(price), usage: [use("a", 1500)], rules: rules)
                    ], tenant: "acme"))
        }
        // 1,500 are priced as 2,000: a half in each tier.
        #expect(try found(.first) == ["a 1 750 1000", "a 2 750 1000"])
        #expect(try found(.sharedMonths) == ["a 1 1000 1000", "a 2 500 1000"])
    }

    /// By the first rules, too, a paid package holds what comes after it, once and for nothing.
    @Test func theFirstRulesUseUpAPackage() throws {
        let price = try tiers([("1000", "1"), (nil, "2")], step: "1000 thing")
        let halves = month.cut(at: [month.start.advanced(bySeconds: 86_400)])
        let parts = try zip(halves, [1500, 400] as [Int128]).map { half, quantity in
            SegmentUsage(
                segment: try segment(price, over: half), usage: [use("a", quantity)],
                rules: .first)
        }
        let found = try rate(parts, tenant: "acme")
        #expect(words(found) == ["a 1 750 1000", "a 2 750 1000", "a 2 400 0"])
        #expect(found.last?.amount == .zero)
    }

    /// Without rounding up and minimum durations, old and new rules charge the same.
    @Test func rulesDifferOnlyInRounding() throws {
        var random = SeededRandom(seed: 13)
        for _ in 0..<300 {
            let bounds = Set((0..<3).map { _ in Int.random(in: 1...90, using: &random) }).sorted()
            let steps: [(String?, String)] = bounds.map { ("\($0)", "0.\($0)") } + [(nil, "1.5")]
            let free = "\(Int.random(in: 1...99, using: &random)) thing"
            let price = try tiers(steps, free: Bool.random(using: &random) ? free : nil)
            let halves = month.cut(at: [month.start.advanced(bySeconds: 86_400)])
            let usage = halves.map { _ in
                (0..<3).map { use("\($0)", Int128(Int.random(in: 0...60, using: &random))) }
            }
            func amounts(_ rules: RatingRules) throws -> Rational {
                let parts = try zip(halves, usage).map {
                    SegmentUsage(segment: try segment(price, over: $0), usage: $1, rules: rules)
                }
                return try rate(parts, tenant: "acme").reduce(.zero) { $0 + $1.amount }
            }
            #expect(try amounts(.first) == amounts(.sharedMonths))
        }
    }

    /// A bound that is no whole number of base units cannot be rated, and the error says which.
    @Test func boundsAreWholeBaseUnits() throws {
        for price in [
            try tiers([("0.5", "1"), (nil, "2")]), try tiers([(nil, "1")], free: "0.3 thing"),
            try tiers([(nil, "1")], step: "1.5 thing"),
            // The month has 2,678,400 s, of which a ten millionth is none.
            try tiers([("0.0000001", "1"), (nil, "2")], per: "1 thing-month"),
        ] {
            let part = SegmentUsage(segment: try segment(price), usage: [use("a", 5)])
            let fault = try #require(throws: Fault.self) { try rate([part], tenant: "acme") }
            #expect(fault.kind == .badData && fault.location.hasPrefix("price book standard"))
            #expect(fault.problem.contains("whole number") && !fault.suggestion.isEmpty)
        }
    }

    /// Usage of 0 has no line, and a book may block usage without a price.
    @Test func nothingIsCharged() throws {
        let price = try tiers([(nil, "1")])
        #expect(
            try rate(
                [SegmentUsage(segment: segment(price), usage: [use("a", 0)])], tenant: "acme"
            ).isEmpty)
        #expect(try rate([], tenant: "acme").isEmpty)
        var segment = try segment(price)
        segment.book.meters = [:]
        segment.book.unpriced = .block
        var part = SegmentUsage(segment: segment, usage: [use("a\n", 5)])
        let fault = try #require(throws: Fault.self) { try rate([part], tenant: "acme") }
        #expect(fault.kind == .badData && fault.location.contains("standard"))
        #expect(fault.problem.contains("acme") && fault.problem.contains("a\\u{A}"))
        #expect(fault.suggestion.contains("meters.thing"))
        // What another invoice bills blocks nothing.
        part.isCharged = false
        #expect(try rate([part], tenant: "acme").isEmpty)
    }

    /// Usage without a reservation is no part of the month's quantity, nor of its tiers.
    @Test func whatIsUnreservedTakesNoTier() throws {
        let price = try tiers([("5", "2"), (nil, "1")])
        let found = try rate(
            [
                SegmentUsage(
                    segment: segment(price),
                    usage: [use("a", 100, isUnreserved: true), use("a", 6)])
            ], tenant: "acme")
        #expect(found.map(\.kind) == [.unpriced, .usage, .usage])
        #expect(words(found) == ["a - 100 100", "a 1 5 5", "a 2 1 1"])
        #expect(found[0].price == nil && found[0].amount == .zero)
    }

    @Test(
        arguments: [
            (0, 5, 3), (3, 12, 7), (10, 20, 0), (0, 1, 0), (2, 5, 3), (9, 10, 1), (10, 10, 0),
        ] as [(Int128, Int128, Int128)])
    func aLaneHoldsWhatLiesInIt(from: Int128, to: Int128, inside: Int128) throws {
        let lane = Lane(lower: 2, upper: 10, tier: nil, price: .zero, flat: nil)
        #expect(lane.overlap(from, to) == inside)
        let open = Lane(lower: 2, upper: nil, tier: nil, price: .zero, flat: nil)
        #expect(open.overlap(from, 1_000_000) == 1_000_000 - (from < 2 ? 2 : from))
    }
}
