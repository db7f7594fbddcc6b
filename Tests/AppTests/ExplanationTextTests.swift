import BigInt
import Invoicing
import Metering
import Pricing
import TestSupport
import Testing
import Units

@testable import App
@testable import Billing

/// The words of an explanation for lines that are seldom on an invoice.
@Suite struct ExplanationTextTests {
    private let january: Period
    private let book: PriceBook

    /// A meter of the operator's own has two tiers, one with a flat amount, and steps.
    init() throws {
        january = try month(1)
        let price = Price(
            per: try #require(UnitQuantity("1 GPU-hour")),
            tiers: [
                Tier(
                    upTo: DecimalPrice("10"), price: try #require(DecimalPrice("1")),
                    flat: DecimalPrice("5")),
                Tier(upTo: nil, price: try #require(DecimalPrice("2"))),
            ], step: UnitQuantity("2 GPU-hour"))
        book = PriceBook(
            id: "own", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfUp, memory: .current, unpriced: .show, taxes: [],
            meters: ["gpu": price])
    }

    private func explanation(
        _ item: LineItem, accounts: [Explanation.Account] = [], books: [PriceBook]? = nil
    ) -> Explanation {
        let draft = Draft(
            tenant: "acme", period: january, currency: book.currency, lines: [item], segments: [])
        var result = Explanation(
            invoice: Invoice(number: "OCT-000007", draft: draft, issued: january.end), line: 1,
            item: item, segment: Segment(period: january, month: january, book: book),
            accounts: accounts, books: books ?? [book], rounding: .halfUp)
        result.position = (100, 200)
        return result
    }

    /// A line for usage of the meter `gpu`.
    private func usage(
        _ metered: Int128, priced: Int128? = nil, price: String? = "3", per: String = "1 GPU-hour",
        tier: TierPlace? = nil, exact: Rational = .zero, amount: BigInt = 0
    ) throws -> LineItem {
        let unit = try price.map { text in
            UnitPrice(
                try #require(DecimalPrice(text)), per: try #require(UnitQuantity(per)))
        }
        return LineItem(
            .usage(
                UsageLine(
                    container: ExactText("web"), meter: "gpu", tier: tier,
                    CountedQuantity(metered, priced: priced), unit: "GPU-second", price: unit)),
            period: january, exactAmount: exact, amount: amount)
    }

    private func account(
        kind: String = "container", boot: String? = nil, id: Int64? = 7, quantity: Int128,
        billable: Int128? = nil, hours: [Int64] = []
    ) -> Explanation.Account {
        Explanation.Account(
            container: 1, path: "/we\u{1B}b", kind: kind, boot: boot, cgroupID: id,
            quantity: quantity, billable: billable ?? quantity, period: january,
            hours: hours.enumerated().map { index, quantity in
                Explanation.Hour(
                    hour: january.start, meter: "gpu", quantity: quantity, assurance: "sampled",
                    entry: Int64(index))
            }, billedBefore: 0)
    }

    /// A price for a month is for as many seconds as the month has.
    @Test func aPricePerMonthIsDividedByItsLength() throws {
        let item = try usage(
            5, priced: 7, per: "1 GPU-month", exact: Rational(1) / Rational(3), amount: 34)
        let text = explanationText(explanation(item), [])
        #expect(text.contains("quantity    5 GPU-second, priced as 7"))
        // January has 31 days of 86,400 s.
        #expect(
            text.contains("formula     7 × 3 ÷ 1 GPU-month (2678400 GPU-second) = 1/3"))
        #expect(
            text.contains(
                "rounding    100/3 minor units: 33 whole, remainder 1/3; the invoice is rounded "
                    + "half-up once, and this line received 1 of the rounding"))
        #expect(text.last == "amount      0.34 EUR")
    }

    @Test func everyTierSaysItsBoundAndItsFlatAmount() throws {
        let text = explanationText(explanation(try usage(5, tier: .number(2))), [])
        #expect(text[0] == "OCT-000007, line 1: usage gpu, tier 2")
        let start = try #require(text.firstIndex { $0.hasPrefix("tiers") })
        #expect(
            text[start..<(start + 4)] == [
                "tiers       graduated; the month held 100 before, 200 in this segment",
                "  round up  to whole 2 GPU-hour",
                "    1       up to 36000: 1 per 1 GPU-hour, and 5 once",
                "  > 2       beyond: 2 per 1 GPU-hour",
            ])
    }

    @Test func linesWithoutAPriceSayWhy() throws {
        let unpriced = explanationText(explanation(try usage(5, price: nil)), [])
        #expect(unpriced[0] == "OCT-000007, line 1: unpriced gpu")
        #expect(unpriced.contains("no price: shown at 0 by policy"))
        var item = LineItem.carriedRounding(over: january, taxes: [], reference: nil)
        item.amount = -2
        let carried = explanationText(explanation(item), [])
        #expect(carried[0] == "OCT-000007, line 1: correction rounding")
        #expect(carried.contains { $0.hasPrefix("formula     what rounding held back") })
        #expect(
            carried.contains(
                "rounding    0 minor units: -2 carried from earlier invoices of the same months"))
        #expect(carried.last == "amount      -0.02 EUR")
    }

    @Test func aMinimumAndADiscountHaveTheirFormulas() throws {
        let minimum = LineItem(
            .minimum(DecimalPrice("5.00")), period: january,
            exactAmount: Rational(43) / Rational(10), amount: 430)
        #expect(
            explanationText(explanation(minimum), [])
                .contains("formula     minimum 5.00, less all other lines = 4.3"))
        let percent = Percentage(try #require(DecimalPrice("10")), of: book.currency)
        let discount = LineItem(
            .discount(meter: "gpu", percent), period: january,
            exactAmount: Rational(-1) / Rational(2), amount: -50)
        let text = explanationText(explanation(discount), [])
        #expect(text[0] == "OCT-000007, line 1: discount gpu")
        #expect(text.contains("formula     10 % = -0.5"))
    }

    @Test func booksThatFollowEachOtherAreNamed() throws {
        var second = book
        second.effective = january.start
        let text = explanationText(explanation(try usage(5), books: [book, second]), [])
        #expect(
            text.contains(
                "price book  own from 1970-01-01T00:00:00Z, then own from 2025-01-01T00:00:00Z"))
    }

    /// What is billed may differ from what the ledger holds, and then it is said why.
    @Test func anAccountSaysWhatItBills() throws {
        let accounts = [
            account(quantity: 7, hours: [3, 4]), account(boot: "b", quantity: 10, hours: [3, 4]),
            account(quantity: 7, billable: 60, hours: [7]),
            account(kind: "imported", id: nil, quantity: 0),
        ]
        let reading = CounterReadings(
            name: "read_bytes", device: "254:0",
            first: CounterReadings.Reading(at: january.start, value: 1),
            last: CounterReadings.Reading(at: january.end, value: 2))
        let text = explanationText(
            explanation(try usage(5), accounts: accounts), [[reading], [], [], []])
        let parts = text.split(separator: "", omittingEmptySubsequences: false)
            .map(Array.init)
        // The first part is the line, and then there is one for each account.
        #expect(parts[1][0] == "container /we\\u{1B}b (cgroup 7 of boot ?)")
        #expect(
            parts[1][1]
                == "  kernel     read_bytes of device 254:0: 1 at 2025-01-01T00:00:00Z, 2 at "
                + "2025-02-01T00:00:00Z")
        #expect(parts[1][2] == "  ledger     2 rows, 7 GPU-second")
        // The newest entries come first.
        #expect(parts[1][3].hasSuffix("gpu  4  sampled, entry 1"))
        #expect(parts[1].count == 5)
        #expect(parts[2][0] == "container /we\\u{1B}b (cgroup 7 of boot b)")
        #expect(parts[2][1].hasPrefix("  kernel     its samples are pruned"))
        #expect(
            parts[2].last == "  quantity   10, the larger of used and reserved by the hour")
        #expect(parts[3].last == "  billable   60, as a short life counts its minimum")
        // Nobody expects samples of an import.
        #expect(
            parts[4]
                == ["imported /we\\u{1B}b (imported)", "  ledger     0 rows, 0 GPU-second"])
    }
}
