import BigInt
import Invoicing
import Metering
import Pricing
import TestSupport
import Testing
import Units

private let month = Period(monthOf: Instant(seconds: 1_793_000_000))

private func book(
    _ currency: String, _ rounding: Rounding, _ taxes: [Tax], discounts: [Discount] = [],
    minimum: String? = nil, fixed: [FixedFee] = [], meters: [String: Price] = [:]
) throws -> PriceBook {
    PriceBook(
        id: "standard", currency: try #require(Currency(currency)), effective: Instant(seconds: 0),
        rounding: rounding, memory: .unreclaimable, unpriced: .show, taxes: taxes, meters: meters,
        minimum: try minimum.map { try #require(DecimalPrice($0)) }, fixed: fixed,
        discounts: discounts)
}

private func usage(_ meter: String) -> LineSubject {
    .usage(
        UsageLine(
            container: ExactText("c"), meter: meter, CountedQuantity(1), unit: nil, price: nil))
}

@Suite struct InvoiceLawTests {
    /// 12,000 random invoices, no two alike: with credits, discounts and two taxes, in currencies of 0, 2 and 3
    /// digits, lines add up to the total, each within one unit of what it is exactly, in any order.
    @Test(arguments: ["JPY", "EUR", "BHD"], Rounding.allCases)
    func linesAddUp(currency: String, rounding: Rounding) throws {
        // Each case has invoices of its own.
        let seed = "\(currency) \(rounding.rawValue)".utf8.reduce(0) { $0 &* 31 &+ UInt64($1) }
        var random = SeededRandom(seed: seed)
        var all: Set<[LineItem]> = []
        let taxes = try [("a", "20"), ("b", "5.5")].map {
            Tax(code: $0, name: $0, rate: try #require(DecimalPrice($1)))
        }
        let book = try book(currency, rounding, taxes)
        let scale = Rational(book.currency.scale)
        let percent = Percentage(try #require(DecimalPrice("1")), of: book.currency)
        let subjects: [(String) throws -> LineSubject] = [
            { usage($0) }, { .discount(meter: $0, percent) },
            { .fee(FeeLine(code: $0, CountedQuantity(1), .month, price: .zero)) },
            // An invoice has one minimum for its month.
            { $0 == "m0" ? .minimum(nil) : usage($0) },
        ]
        for round in 0..<1000 {
            let lines = try (0..<Int.random(in: 1...6, using: &random)).map { index in
                try LineItem(
                    subjects[Int.random(in: subjects.indices, using: &random)]("m\(index)"),
                    period: month,
                    exactAmount: Rational(
                        BigInt(Int.random(in: -400_000...900_000, using: &random)),
                        over: BigInt(Int.random(in: 1...3600, using: &random))),
                    taxes: taxes.filter { _ in Bool.random(using: &random) })
            }
            all.insert(lines)
            let draft = try Draft(
                tenant: "a", period: month, lines: lines, segments: [], book: book)
            let own = draft.lines.filter { !$0.isTax }
            let exact = lines.reduce(Rational.zero) { $0 + $1.exactAmount } * scale
            guard draft.net == rounding.round(exact),
                draft.total == draft.lines.reduce(BigInt(0), { $0 + $1.amount }),
                own.allSatisfy({
                    let off = Rational($0.amount) - $0.exactAmount * scale
                    return off > Rational(-1) && off < Rational(2)
                }),
                draft.lines.filter({ $0.kind == .tax }).allSatisfy({ tax in
                    let base = own.filter { $0.taxes.contains { tax.taxes.contains($0) } }
                        .reduce(BigInt(0)) { $0 + $1.amount }
                    let rate = tax.taxes.first?.rate.value ?? .zero
                    return tax.amount == rounding.round(Rational(base) * rate / Rational(100))
                })
            else {
                Issue.record("\(draft.lines)")
                return
            }
            guard round % 20 == 0 else { continue }
            let again = try Draft(
                tenant: "a", period: month, lines: lines.shuffled(using: &random), segments: [],
                book: book)
            #expect(again == draft)
        }
        #expect(all.count == 1000)
    }

    /// Crediting an invoice line by line, in any steps, comes to nothing left, taxes included.
    @Test func creditedLineByLineNothingIsLeft() throws {
        var random = SeededRandom(seed: 3)
        let tax = Tax(code: "vat", name: "TVA", rate: try #require(DecimalPrice("19.6")))
        for rounding in Rounding.allCases {
            let book = try book("EUR", rounding, [tax])
            for _ in 0..<200 {
                let lines = (0..<Int.random(in: 1...8, using: &random)).map {
                    LineItem(
                        usage("m\($0)"), period: month,
                        exactAmount: Rational(
                            BigInt(Int.random(in: 0...9999, using: &random)), over: 700),
                        taxes: [tax])
                }
                let invoice = try Draft(
                    tenant: "a", period: month, lines: lines, segments: [], book: book)
                var left = Set(lines.indices.map { $0 + 1 })
                var (credited, total) = (Set<Int>(), invoice.total)
                while !left.isEmpty {
                    let some = Set(left.prefix(Int.random(in: 1...left.count, using: &random)))
                    let note = invoice.credit(some, after: credited, rounding: rounding)
                    total += note.total
                    (credited, left) = (credited.union(some), left.subtracting(some))
                }
                #expect(total == 0)
            }
        }
    }

    /// Correcting what was billed to what it should be, and again, leaves nothing to correct.
    @Test func correctionsMakeUpTheDifference() throws {
        var random = SeededRandom(seed: 4)
        let price = UnitPrice(
            try #require(DecimalPrice("2")), per: try #require(UnitQuantity("1 thing")))
        func lines() -> [LineItem] {
            (0..<Int.random(in: 0...5, using: &random)).map {
                let quantity = Int128(Int.random(in: 0...50, using: &random))
                return LineItem(
                    .usage(
                        UsageLine(
                            container: ExactText("c\($0)"), meter: "m\($0 % 3)",
                            CountedQuantity(quantity, priced: quantity), unit: "thing",
                            price: price)), period: month,
                    exactAmount: Rational(quantity) * Rational(2))
            }
        }
        for _ in 0..<500 {
            let (billed, now) = (lines(), lines())
            let late = corrections(to: "OCT-000001", from: billed, to: now)
            let sum = (billed + late).reduce(Rational.zero) { $0 + $1.exactAmount }
            #expect(sum == now.reduce(Rational.zero) { $0 + $1.exactAmount })
            #expect(late.allSatisfy { $0.kind == .correction && $0.reference == "OCT-000001" })
            #expect(corrections(to: "OCT-000001", from: billed + late, to: now).isEmpty)
        }
    }
}

@Suite struct StatementTests {
    private func statement(_ book: PriceBook, _ contract: ContractTime = ContractTime()) throws
        -> [LineItem]
    {
        let use = MeterUsage(container: ExactText("a"), meter: "thing", quantity: 100)
        let part = SegmentUsage(
            segment: Segment(period: month, month: month, book: book), usage: [use])
        return try Invoicing.statement(of: "acme", [part], contract)
    }

    private func thing() throws -> [String: Price] {
        [
            "thing": Price(
                amount: try #require(DecimalPrice("0.02")),
                per: try #require(UnitQuantity("1 thing")))
        ]
    }

    @Test(arguments: [("5.00", "3"), ("2", nil), ("1.99", nil), ("2.01", "0.01")])
    func theMinimumMakesUpTheDifference(minimum: String, missing: String?) throws {
        let lines = try statement(book("EUR", .halfEven, [], minimum: minimum, meters: thing()))
        #expect(lines.first { $0.kind == .minimum }?.exactAmount.description == missing)
    }

    /// Ten days of thirty-one cost 10/31 of the month, fee and minimum alike.
    @Test func aPartOfTheContractCostsThatPart() throws {
        let fee = FixedFee(code: "fee", name: "Fee", price: try #require(DecimalPrice("31")))
        let book = try book("EUR", .halfEven, [], minimum: "62", fixed: [fee], meters: thing())
        let days = Int64(10 * 86_400)
        let lines = try statement(
            book, ContractTime(since: nil, until: month.start.advanced(bySeconds: days)))
        #expect(lines.first { $0.kind == .fixed }?.exactAmount == Rational(10))
        #expect(lines.first { $0.kind == .minimum }?.exactAmount == Rational(20 - 12))
        let before = ContractTime(since: month.end)
        #expect(try statement(book, before).map(\.kind) == [.usage])
        #expect(!before.covers(month) && ContractTime(since: month.start).covers(month))
    }

    @Test func discountsAddUpAndEnd() throws {
        let percents = try ["10", "2.5"].map {
            Discount(
                percent: try #require(DecimalPrice($0)), meters: ["thing"], tenants: nil, from: nil,
                until: nil)
        }
        let other = Discount(
            percent: try #require(DecimalPrice("50")), meters: nil, tenants: ["lab"], from: nil,
            until: nil)
        let ended = Discount(
            percent: try #require(DecimalPrice("50")), meters: nil, tenants: nil, from: nil,
            until: month.start)
        let lines = try statement(
            book("EUR", .halfEven, [], discounts: percents + [other, ended], meters: thing()))
        let off = lines.filter { $0.kind == .discount }.map(\.exactAmount.description)
        #expect(off.sorted() == ["-0.05", "-0.2"])
    }
}
