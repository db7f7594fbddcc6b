import Foundation
import Metering
import Pricing
import TestSupport
import Testing
import Units

private func decimal(_ text: String) throws -> DecimalPrice { try #require(DecimalPrice(text)) }
private func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

private func read<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}

/// Prices as text: what is read, and what the store keeps of them.
@Suite struct PriceStorageTests {
    @Test(arguments: [
        ("0.04048", "0.04048"), ("1.50", "1.50"), ("01.50", "1.50"), ("007", "7"), ("0", "0"),
        ("000", "0"), ("00.10", "0.10"), ("100", "100"), ("0.0", "0.0"),
    ])
    func aPriceStaysAsWritten(text: String, shown: String) throws {
        let price = try decimal(text)
        #expect(price.description == shown && price.value == Rational(decimal: text))
        // What is stored is what is shown, and is read again as the same price.
        let stored = try json([price])
        #expect(stored == "[\"\(shown)\"]")
        #expect(try read([DecimalPrice].self, stored) == [price])
    }

    @Test(arguments: [
        "", "-1", "-0", "+1", "1e3", "1,5", "1.", ".5", " 1", "1 ", "0x1", "\u{661}", "1.2.3",
        String(repeating: "1", count: 101),
    ])
    func whatIsNoPriceIsRefused(text: String) throws {
        #expect(DecimalPrice(text) == nil)
        let stored = try json([text])
        #expect(throws: DecodingError.self) { try read([DecimalPrice].self, stored) }
    }

    /// A number in JSON has gone through floating point, so it is no price.
    @Test(arguments: ["[0.1]", "[1]", "[null]", "[{}]"])
    func aNumberIsNoPrice(text: String) {
        #expect(throws: DecodingError.self) { try read([DecimalPrice].self, text) }
    }

    @Test(arguments: [
        ("free", TierPlace.free), ("1", .number(1)), ("12", .number(12)), ("0", nil), ("-1", nil),
        ("01", nil), ("+1", nil), ("Free", nil), ("", nil), ("1 ", nil),
        ("99999999999999999999", nil),
    ])
    func aTierIsReadAsWritten(text: String, place: TierPlace?) {
        #expect(TierPlace(text) == place)
        if let place { #expect(place.description == text) }
    }

    /// Only what differs from a plain price is stored, so that a store of old stays unchanged.
    @Test func aPlainPriceIsStoredPlainly() throws {
        let plain = Price(amount: try decimal("0.040"), per: try unit("1 vCPU-hour"))
        #expect(try json(plain) == "{\"amount\":\"0.040\",\"per\":\"1 vCPU-hour\"}")
        var full = plain
        (full.basis, full.free) = (.max, try unit("5 vCPU-hour"))
        full.step = try unit("1 vCPU-hour")
        (full.minimumSeconds, full.mode) = (60, .volume)
        #expect(
            try json(full) == """
                {"amount":"0.040","basis":"max","free":"5 vCPU-hour","minimumSeconds":60,\
                "mode":"volume","per":"1 vCPU-hour","step":"1 vCPU-hour"}
                """)
        var tiered = plain
        tiered.tiers = [
            Tier(upTo: try decimal("10"), price: try decimal("2")),
            Tier(upTo: nil, price: try decimal("1"), flat: try decimal("3")),
        ]
        #expect(
            try json(tiered) == """
                {"per":"1 vCPU-hour","tiers":[{"price":"2","upTo":"10"},{"flat":"3","price":"1"}]}
                """)
        // A single tier with a flat amount is no plain price.
        var flat = plain
        flat.tiers[0].flat = try decimal("3")
        #expect(try json(flat).contains("\"tiers\":[{\"flat\":\"3\",\"price\":\"0.040\"}]"))
        for price in [plain, full, tiered, flat] {
            #expect(try read(Price.self, json(price)) == price)
        }
    }

    @Test(arguments: [
        "{\"per\":\"1 vCPU-hour\"}", "{\"per\":\"1 vCPU-hour\",\"tiers\":[]}",
        "{\"amount\":\"1\"}", "{\"amount\":\"1\",\"per\":\"1 vCPU\"}",
        "{\"amount\":\"1\",\"per\":\"0 GB\"}",
        "{\"amount\":\"1\",\"per\":\"1 GB\",\"basis\":\"x\"}",
        "{\"amount\":\"1\",\"per\":\"1 GB\",\"mode\":\"stairs\"}",
    ])
    func aDamagedPriceIsNotRead(text: String) {
        #expect(throws: DecodingError.self) { try read(Price.self, text) }
    }

    /// The price of the first tier can be changed alone.
    @Test func theAmountIsThatOfTheFirstTier() throws {
        var price = Price(
            per: try unit("1 GB"),
            tiers: [
                Tier(upTo: try decimal("10"), price: try decimal("2"), flat: try decimal("5")),
                Tier(upTo: nil, price: try decimal("1")),
            ])
        #expect(price.amount.description == "2")
        price.amount = try decimal("3")
        #expect(price.tiers.map(\.price.description) == ["3", "1"])
        #expect(price.tiers[0].flat?.description == "5")
        // By the first tier alone, whatever the quantity.
        let month = Period(monthOf: Instant(seconds: 0))
        #expect(price.amount(of: 20_500_000_000, in: month) == Rational(decimal: "61.5"))
    }

    /// A book without fees and discounts has no fields for them, and one with them comes back.
    @Test func aBookIsStoredWithoutWhatItHasNot() throws {
        var book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfUp, memory: .workingSet, unpriced: .block, taxes: [], meters: [:])
        #expect(
            try json(book) == """
                {"currency":"EUR","effective":"1970-01-01T00:00:00Z","id":"standard",\
                "memory":"working_set","meters":{},"rounding":"half-up","taxes":[],\
                "unpriced":"block"}
                """)
        #expect(try read(PriceBook.self, json(book)) == book)
        book.minimum = try decimal("5")
        book.fixed = [FixedFee(code: "a", name: "A", price: try decimal("1"))]
        book.discounts = [
            Discount(
                percent: try decimal("10"), meters: ["cpu"], tenants: nil,
                from: Instant(seconds: 3600), until: nil)
        ]
        #expect(try read(PriceBook.self, json(book)) == book)
    }
}
