import BigInt
import Invoicing
import Metering
import Pricing
import Testing
import Units

private let month = Period(monthOf: Instant(seconds: 1_793_000_000))

private func draft(
    _ currency: String, _ rounding: Rounding, _ price: String, _ per: String,
    _ quantities: [Int128], meter: String = "thing"
) throws -> Draft {
    let book = PriceBook(
        id: "standard", currency: try #require(Currency(currency)), effective: Instant(seconds: 0),
        rounding: rounding, memory: .unreclaimable, unpriced: .block, taxes: [],
        meters: [
            meter: Price(
                amount: try #require(DecimalPrice(price)), per: try #require(UnitQuantity(per)))
        ])
    let segment = Segment(period: month, month: month, book: book)
    let usage = quantities.enumerated().map {
        MeterUsage(container: ExactText("c\($0)"), meter: meter, quantity: $1)
    }
    return try Draft(
        tenant: "acme", period: month,
        lines: statement(of: "acme", [SegmentUsage(segment: segment, usage: usage)]),
        segments: [segment], book: book)
}

/// Bugs of other billing systems, each as a test that Octroi does not have it.
@Suite struct PublishedBugTests {
    /// killbill#1124: 55 × 0.067 = 3.685 parked the account.
    @Test(arguments: [(Rounding.halfUp, 369), (.halfEven, 368), (.up, 369), (.down, 368)])
    func aHalfCentIsRoundedByTheMode(rounding: Rounding, cents: Int) throws {
        #expect(try draft("USD", rounding, "0.067", "1 thing", [55]).net == BigInt(cents))
    }

    /// autumn#3407: 81 lines came to 23,072.51 where their exact sum is 23,072.5296.
    @Test func eightyOneLinesLoseNoCent() throws {
        let quantities = (0..<81).map { Int128($0 < 80 ? 2_848_460 : 2_848_496) }
        let draft = try draft("USD", .halfUp, "0.0001", "1 thing", quantities)
        let exact = draft.lines.reduce(Rational.zero) { $0 + $1.exactAmount }
        #expect(exact.description == "23072.5296")
        #expect(draft.net == 2_307_253)
        #expect(draft.lines.reduce(BigInt(0)) { $0 + $1.amount } == 2_307_253)
        // Rounded line by line it would be another sum.
        let byLine = draft.lines.map { Rounding.halfUp.round($0.exactAmount * Rational(100)) }
        #expect(byLine.reduce(BigInt(0), +) != draft.net)
    }

    /// getlago/lago#325: a unit price of 1.50 was shown as 1 in a currency without cents in use.
    @Test func aPriceKeepsItsDigits() throws {
        let line = try #require(try draft("JPY", .halfUp, "1.50", "1 thing", [3]).lines.first)
        #expect(line.columns.unitPrice == "1.50" && line.exactAmount.description == "4.5")
        #expect(line.amount == 5)
    }

    /// CloudKitty keeps nine digits of a quantity: bytes beyond a GB lose their low ones.
    @Test func noDigitOfAQuantityIsLost() throws {
        let quantity: Int128 = 170_141_183_460_469_231_731_687
        let draft = try draft(
            "EUR", .halfEven, "0.000000000000001", "1 byte", [quantity], meter: "io_read_bytes")
        #expect(draft.lines.first?.counted?.metered == quantity)
        #expect(draft.lines.first?.exactAmount.description == "170141183.460469231731687")
    }

    /// Stripe: 0.05 cents × 30 are 1.5 cents; nango#7495: 1.999… cents were cut to one.
    @Test func fractionsOfACentAddUp() throws {
        #expect(try draft("USD", .halfUp, "0.0005", "1 thing", [30]).net == 2)
        #expect(try draft("USD", .halfUp, "0.01999999999999999872", "1 thing", [1]).net == 2)
        #expect(
            try draft("USD", .halfUp, "0.0005", "1 thing", Array(repeating: 1, count: 30)).net == 2)
    }

    /// lago-api#4273: credits beyond the charges made a total negative, and blocked it for ever.
    @Test func aNegativeTotalIsATotal() throws {
        let book = try draft("EUR", .halfEven, "1", "1 thing", []).segments[0].book
        let lines = ["-5.005", "1"].map {
            LineItem(
                .rounding, period: month, exactAmount: Rational(decimal: $0) ?? .zero,
                isCorrection: true)
        }
        let draft = try Draft(
            tenant: "acme", period: month, lines: lines, segments: [], book: book)
        #expect(draft.net == -400 && draft.lines.reduce(BigInt(0)) { $0 + $1.amount } == -400)
    }
}
