import BigInt
import Invoicing
import Metering
import Pricing
import TestSupport
import Testing
import Units

private func price(_ amount: String, _ per: String) throws -> Price {
    Price(amount: try #require(DecimalPrice(amount)), per: try #require(UnitQuantity(per)))
}

private func book(
    currency: String = "EUR", rounding: Rounding = .halfEven, unpriced: UnpricedPolicy = .block,
    tax: String? = "20", meters: [String: Price]
) throws -> PriceBook {
    PriceBook(
        id: "standard", currency: try #require(Currency(currency)), effective: Instant(seconds: 0),
        rounding: rounding, memory: .unreclaimable, unpriced: unpriced,
        taxes: try tax.map { [Tax(code: "vat", name: "TVA", rate: try #require(DecimalPrice($0)))] }
            ?? [],
        meters: meters)
}

private func draft(_ book: PriceBook, _ usage: [(String, Meter, Int128)]) throws -> Draft {
    let month = try #require(Period(month: "2026-11"))
    let rows = usage.map {
        MeterUsage(container: ExactText($0.0), meter: $0.1.name, quantity: $0.2)
    }
    let segment = Segment(period: month, month: month, book: book)
    let parts = [SegmentUsage(segment: segment, usage: rows)]
    return try Draft(
        tenant: "acme", period: month, lines: try statement(of: "acme", parts),
        segments: [segment], book: book)
}

@Suite struct DraftTests {
    @Test func pricesAreExactToTheLastDigit() throws {
        // AWS Fargate, example 1: 5 tasks × 1 vCPU × 18,000 s at $0.000011244, 2 GB at $0.000001235.
        let book = try book(
            currency: "USD", tax: nil,
            meters: [
                "cpu": price("0.000011244", "1 vCPU-second"),
                "memory": price("0.000001235", "1 GiB-second"),
            ])
        let draft = try draft(
            book, [("t", .cpu, 5 * 18_000 * 1_000_000), ("t", .memory, 5 * 18_000 * 2 << 30)])
        #expect(draft.lines.map(\.exactAmount.description) == ["1.01196", "0.2223"])
        #expect(draft.lines.map(\.amount) == [101, 22])
        #expect(draft.total == 123)
    }

    @Test func anEndlessDecimalStaysAFraction() throws {
        let draft = try draft(
            try book(meters: ["cpu": price("0.04048", "1 vCPU-hour")]), [("a", .cpu, 1)])
        #expect(draft.lines[0].exactAmount.description == "253/22500000000000")
    }

    @Test func centsGoToTheLargestRemaindersAndTiesToTheFirst() throws {
        // Three lines of 1/3 cent each: 1 cent in all.
        let book = try book(tax: nil, meters: ["gpu": price("0.01", "3 GPU")])
        let gpu = try #require(Meter("gpu"))
        let draft = try draft(book, [("c", gpu, 1), ("a", gpu, 1), ("b", gpu, 1)])
        #expect(draft.lines.map(\.container) == ["a", "b", "c"])
        #expect(draft.lines.map(\.amount) == [1, 0, 0])
        #expect(draft.total == 1)
    }

    @Test func taxIsOnTheRoundedNet() throws {
        // 55 × 0.067 = 3.685: a published parking bug; the mode decides, and says so.
        let operations: [(String, Meter, Int128)] = [("a", .ioReadOps, 55)]
        let price = try price("0.067", "1 operation")
        let even = try draft(book(rounding: .halfEven, meters: ["io_read_ops": price]), operations)
        let up = try draft(book(rounding: .halfUp, meters: ["io_read_ops": price]), operations)
        #expect([even.net, even.tax, even.total] == [368, 74, 442])
        #expect([up.net, up.tax, up.total] == [369, 74, 443])
    }

    @Test func unpricedIsNeverFreeInSilence() throws {
        let meters = ["cpu": try price("1", "1 vCPU-hour")]
        #expect(throws: Fault.self) { try draft(book(meters: meters), [("a", .ioReadBytes, 5)]) }
        let shown = try draft(book(unpriced: .show, meters: meters), [("a", .ioReadBytes, 5)])
        #expect(shown.lines.map(\.kind) == [.unpriced, .tax])
        #expect(shown.total == 0)
    }

    @Test func aPricePerMonthUsesTheBillingMonth() throws {
        let meters = ["memory": try price("30", "1 GiB-month")]
        let draft = try draft(
            book(tax: nil, meters: meters), [("a", .memory, Int128(30 * 86_400) << 30)])
        #expect(draft.total == 3000)
    }

    @Test func nothingUsedIsAnEmptyDraft() throws {
        #expect(try draft(book(meters: [:]), []).lines.isEmpty)
    }

    @Test func versionsOfABookCutThePeriod() throws {
        let month = try #require(Period(month: "2026-11"))
        var later = try book(meters: [:])
        later.effective = month.start.advanced(bySeconds: 10 * 86_400)
        let books = PriceBooks([later, try book(meters: [:])])
        let segments = try books.segments(of: "standard", over: month)
        #expect(segments.map(\.period.seconds) == [10 * 86_400, 20 * 86_400])
        #expect(segments.map(\.book.effective) == [Instant(seconds: 0), later.effective])
        #expect(throws: Fault.self) { try books.segments(of: "other", over: month) }
        let early = try #require(Period(start: Instant(seconds: -3600), end: month.end))
        #expect(throws: Fault.self) { try books.segments(of: "standard", over: early) }
    }

    @Test func twoCurrenciesOnOneInvoiceAreRefused() throws {
        let month = try #require(Period(month: "2026-11"))
        let segments = try ["EUR", "USD"].map {
            Segment(period: month, month: month, book: try book(currency: $0, meters: [:]))
        }
        #expect(throws: Fault.self) {
            try Draft(
                tenant: "a", period: month, lines: [], segments: segments, book: segments[1].book)
        }
    }

    /// Lines add up to the total for every currency and mode, whatever the order of the usage.
    @Test(arguments: ["JPY", "EUR", "BHD"], Rounding.allCases)
    func linesAddUpInAnyOrder(currency: String, rounding: Rounding) throws {
        let seed = (currency + rounding.rawValue).utf8.reduce(5) { $0 &* 31 &+ UInt64($1) }
        var random = SeededRandom(seed: seed)
        let meters = [
            "cpu": try price("0.04048", "1 vCPU-hour"),
            "memory": try price("0.004445", "1 GiB-hour"),
            "io_read_bytes": try price("0.0937", "1 GB"),
            "io_read_ops": try price("3.7", "7 operation"),
        ]
        let book = try book(currency: currency, rounding: rounding, meters: meters)
        for _ in 0..<40 {
            let rows: [(String, Meter, Int128)] = (0..<Int.random(in: 1...30, using: &random)).map {
                (
                    "c\($0)",
                    [Meter.cpu, .memory, .ioReadBytes, .ioReadOps].randomElement(using: &random)
                        ?? .cpu,
                    Int128(UInt64.random(in: 0...(1 << 44), using: &random))
                )
            }
            let first = try draft(book, rows)
            #expect(try draft(book, rows.shuffled(using: &random)) == first)
            let exact = first.lines.filter { $0.kind == .usage }.map {
                $0.exactAmount * Rational(book.currency.scale)
            }
            #expect(first.net == rounding.round(exact.reduce(.zero, +)))
            for (line, amount) in zip(first.lines, exact) {
                #expect(line.amount == amount.floor || line.amount == amount.floor + 1)
            }
        }
    }

    /// Lines take one unit more or less than they round to; what is beyond that has its own line.
    @Test(arguments: [
        (0, [1]), (1, [0]), (2, [1, -2]), (100, [1, -100]), (-1, [2]), (-2, [1, 2]),
        (-100, [1, 100]),
    ])
    func whatIsCarriedBeyondTheLinesHasItsOwn(billed: Int, expected: [Int]) throws {
        let month = try #require(Period(month: "2026-11"))
        let book = try book(tax: nil, meters: [:])
        let line = LineItem(
            .usage(
                UsageLine(
                    container: ExactText("c"), meter: "crate", CountedQuantity(1), unit: nil,
                    price: nil)), period: month,
            exactAmount: Rational(1, over: 100))
        let group = RoundedTogether(
            lines: [line], billed: .zero, billedRounded: BigInt(billed), rounding: .halfEven,
            carried: .carriedRounding(over: month, taxes: [], reference: nil))
        func amounts(of group: RoundedTogether) throws -> [BigInt] {
            try Draft(tenant: "acme", period: month, groups: [group], segments: [], book: book)
                .lines.map(\.amount)
        }
        #expect(try amounts(of: group) == expected.map { BigInt($0) })
        var alone = group
        alone.lines = []
        #expect(try amounts(of: alone) == (billed == 0 ? [] : [BigInt(-billed)]))
        // Without a line of its own the others take all.
        var bare = group
        bare.carried = nil
        #expect(try amounts(of: bare) == [BigInt(1 - billed)])
        alone.carried = nil
        #expect(try amounts(of: alone) == [])
    }

    /// What is to be handed out goes to the largest remainders first; what is to be taken back, to the smallest.
    @Test(arguments: [
        (6, [1, 2, 3]), (7, [1, 2, 4]), (8, [1, 3, 4]), (9, [2, 3, 4]), (10, [2, 3, 5]),
        (5, [0, 2, 3]), (4, [0, 1, 3]), (3, [0, 1, 2]), (2, [-1, 1, 2]),
    ])
    func remaindersSayWhoseTurnItIs(total: Int, parts: [BigInt]) {
        let exact = [1, 2, 3].map { Rational(BigInt($0 * 10 + $0), over: 10) }
        #expect(distribute(BigInt(total), over: exact) == parts)
    }

    /// Signed lines, as corrections are, are handed out by the same routine.
    @Test func signedLinesAddUp() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<2000 {
            let exact = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Rational(
                    BigInt(Int.random(in: -100_000...100_000, using: &random)),
                    over: BigInt(Int.random(in: 1...999, using: &random)))
            }
            for mode in Rounding.allCases {
                let total = mode.round(exact.reduce(.zero, +))
                let parts = distribute(total, over: exact)
                #expect(parts.reduce(0, +) == total)
                // However far the total is away.
                let far = total + BigInt(Int.random(in: -1000...1000, using: &random))
                #expect(distribute(far, over: exact).reduce(0, +) == far)
            }
        }
    }
}
