import Foundation
import Metering
import Pricing
import TestSupport
import Testing
import Units

/// What every price model has to keep.
@Suite struct PriceModelTests {
    @Test(arguments: PriceModel.all)
    func aModelIsStoredByItsName(model: PriceModel) throws {
        #expect(PriceModel(model.name) == model)
        let text = try JSONEncoder().encode([model])
        #expect(try JSONDecoder().decode([PriceModel].self, from: text) == [model])
        // What a price is stored as stays so: else octroi apply would see a change.
        #expect(model.storedModel.storedModel == model.storedModel)
        let page = try String(contentsOfFile: "\(repository)/docs/prices.md", encoding: .utf8)
        #expect(page.contains("`mode: \(model.name)`"))
    }

    /// Names are stored in price books and must never change.
    @Test func namesStay() {
        #expect(PriceModel.all.map(\.name) == ["graduated", "volume", "package"])
        #expect(PriceModel("stairs") == nil)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([PriceModel].self, from: Data(#"["stairs"]"#.utf8))
        }
    }

    /// Every model prices the whole quantity of a month, whatever its tiers are.
    @Test(arguments: PriceModel.all)
    func nothingIsLeftUnpriced(model: PriceModel) throws {
        var random = SeededRandom(seed: 11)
        let per = try #require(UnitQuantity("1 thing"))
        let month = Period(monthOf: Instant(seconds: 1_793_000_000))
        for _ in 0..<200 {
            var bound = 0
            var tiers = try (0..<Int.random(in: 1...4, using: &random)).map { _ in
                bound += .random(in: 1...50, using: &random)
                return Tier(
                    upTo: DecimalPrice("\(bound)"),
                    price: try #require(DecimalPrice("1")))
            }
            tiers[tiers.count - 1].upTo = nil
            let price = Price(per: per, mode: model, tiers: tiers)
            let book = PriceBook(
                id: "b", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
                rounding: .halfEven, memory: .unreclaimable, unpriced: .block, taxes: [],
                meters: ["thing": price])
            let quantity = Int128.random(in: 1...200, using: &random)
            let charges = try rate(
                [
                    SegmentUsage(
                        segment: Segment(period: month, month: month, book: book),
                        usage: [
                            MeterUsage(
                                container: ExactText("a"), meter: "thing", quantity: quantity)
                        ])
                ], tenant: "acme")
            #expect(charges.reduce(0) { $0 + $1.quantity } == quantity)
            // Every tier costs 1, so the amount is the quantity.
            #expect(charges.reduce(Rational.zero) { $0 + $1.amount } == Rational(quantity))
        }
    }
}
