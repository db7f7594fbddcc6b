import TestSupport
import Testing
import Units

/// Tables of quantities and amounts that two other billing systems agree on in their own tests,
/// OpenMeter and Lago; here in other figures, each amount three times theirs.
@Suite struct FieldTariffTests {
    /// One price, and what quantities of it come to.
    private struct Tariff {
        var price: String
        var amounts: [(quantity: Int, amount: String)]

        init(_ price: String, _ amounts: (Int, String)...) {
            self.price = "{ unit: item, \(price) }"
            self.amounts = amounts.map { ($0, $1) }
        }
    }

    private static func tiers(_ mode: String, per: Int, _ tiers: String) -> String {
        "per: \(per) item, mode: \(mode), tiers: [ \(tiers) ]"
    }

    private static let perUnit = [
        Tariff("price: \"30\", per: 2000 item", (0, "0"), (20_000, "300")),
        Tariff("price: \"300\", per: 2000 item", (20_000, "3000")),
        Tariff("price: \"15.37035\", per: 50000 item", (500_000, "153.7035")),
        Tariff("price: \"30\", per: 50000 item", (500_000, "300")),
        // A part of a unit counts as a whole one, or as the part it is.
        Tariff("price: \"30\", per: 2000 item, round_up: true", (2800, "60")),
        Tariff("price: \"30\", per: 2000 item", (2_800_000, "42000")),
        Tariff(
            tiers("graduated", per: 2000, "{ up_to: 5, price: \"3\" }, { price: \"1.5\" }")
                + ", round_up: true", (14_800, "19.5")),
    ]

    private static let packages = [
        Tariff(
            "mode: package, price: \"45\", per: 20000 item", (0, "0"), (20_000, "45"),
            (10_000, "45")),
        Tariff(
            "mode: package, price: \"3\", per: 20000 item", (0, "0"), (2000, "3"), (18_000, "3"),
            (20_000, "3"), (22_000, "6")),
        Tariff("mode: package, price: \"300\", per: 500000 item", (6_050_000, "3900")),
        Tariff(
            "mode: package, price: \"300\", per: 500000 item, free: 500000 item",
            (6_050_000, "3600")),
        Tariff(
            "mode: package, price: \"300\", per: 500000 item, free: 10000000 item",
            (6_050_000, "0")),
    ]

    private static let graduated = [
        Tariff(
            tiers(
                "graduated", per: 2000,
                "{ up_to: 5, price: \"0\", flat: \"300\" }, { up_to: 10, price: \"0\", flat: \"150\" }, "
                    + "{ up_to: 15, price: \"15\" }, { price: \"3\" }"), (0, "0"), (44_000, "546")),
        Tariff(
            tiers(
                "graduated", per: 2000,
                "{ up_to: 5, price: \"0\", flat: \"300\" }, { up_to: 10, price: \"0\", flat: \"150\" }, "
                    + "{ up_to: 15, price: \"30\" }, { price: \"15\" }"), (6000, "300"),
            (10_000, "300"), (10_002, "450"), (14_000, "450"), (24_000, "510"), (44_000, "705")),
        Tariff(
            tiers(
                "graduated", per: 50_000,
                "{ up_to: 0.01, price: \"0\", flat: \"0\" }, "
                    + "{ up_to: 10, price: \"30\", flat: \"6\" }, { price: \"15\", flat: \"9\" }"),
            (0, "0")),
        Tariff(
            tiers(
                "graduated", per: 50_000,
                "{ up_to: 10, price: \"30\", flat: \"6\" }, { up_to: 20, price: \"15\", flat: \"9\" }, "
                    + "{ price: \"15\", flat: \"9\" }"), (50_000, "36"), (500_000, "306"),
            (550_000, "330"), (600_000, "345"), (1_050_000, "489")),
        Tariff(
            tiers(
                "graduated", per: 50_000,
                "{ up_to: 0.1, price: \"30\" }, { up_to: 1, price: \"15\" }, { price: \"6\" }"),
            (2500, "1.5"), (25_000, "9")),
        Tariff(
            tiers(
                "graduated", per: 50_000,
                "{ up_to: 10, price: \"0.03\", flat: \"600\" }, "
                    + "{ up_to: 20, price: \"0.06\", flat: \"900\" }, "
                    + "{ price: \"0.09\", flat: \"1200\" }"), (50_000, "600.03"),
            (500_000, "600.3"), (550_000, "1500.36"), (600_000, "1500.42"),
            (1_050_000, "2700.99")),
    ]

    private static let volume = [
        Tariff(tiers("volume", per: 2000, "{ price: \"15\" }"), (0, "0")),
        Tariff(
            tiers(
                "volume", per: 2000,
                "{ up_to: 5, price: \"0\", flat: \"300\" }, { up_to: 10, price: \"0\", flat: \"450\" }, "
                    + "{ up_to: 15, price: \"30\" }, { price: \"15\" }"), (6000, "300"),
            (10_000, "300"), (28_000, "420"), (30_000, "450"), (32_000, "240"),
            (200_000, "1500")),
        Tariff(
            tiers(
                "volume", per: 50_000,
                "{ up_to: 1, price: \"0\", flat: \"0\" }, { up_to: 100, price: \"6\", flat: \"30\" }, "
                    + "{ price: \"1.5\", flat: \"150\" }"), (0, "0")),
        Tariff(
            tiers(
                "volume", per: 50_000,
                "{ up_to: 100, price: \"6\", flat: \"30\" }, { up_to: 200, price: \"3\", flat: \"0\" }, "
                    + "{ price: \"1.5\", flat: \"150\" }"), (50_000, "36"), (5_000_000, "630"),
            (5_025_000, "301.5"), (5_050_000, "303"), (10_000_000, "600"), (15_000_000, "600"),
            (10_500_000, "465")),
    ]

    private static let all = perUnit + packages + graduated + volume

    @Test func everyKindOfPriceComesToTheAmountThatOthersFoundToo() throws {
        var (meters, rows) = ([String](), [String]())
        var wanted: [String: (price: String, amount: String)] = [:]
        for tariff in Self.all {
            for (quantity, amount) in tariff.amounts {
                let meter = "m\(wanted.count)"
                meters.append("      \(meter): \(tariff.price)\n")
                rows.append(try row(quantity, at: "2025-10-01T00", meter: meter))
                wanted[meter] = ("\(quantity) of \(tariff.price)", amount)
            }
        }
        #expect(wanted.count == 55)
        let host = try FieldHost(prices: book([:]) + meters.joined())
        try host.take(rows)
        let draft = try host.draft("2025-10")
        for (meter, (price, amount)) in wanted {
            let found = sum(draft.filter { $0["meter"] == meter }, "exact_amount")
            #expect(found == Rational(decimal: amount), "\(price)")
        }
        // Each line is rounded so that all of them make up the whole, rounded once.
        let whole = wanted.values.compactMap { Rational(decimal: $0.amount) }.reduce(.zero, +)
        #expect(whole == Rational(decimal: "71263.3035"))
        #expect(sum(draft, "amount") == Rational(decimal: "71263.30"))
    }

    @Test(
        arguments: [
            // 31 used, 30 free; what is left is rounded up, or a package of its own.
            ("price: \"4\", per: 1000 item, round_up: true, free: 30 item", 31, 30, 1, "4"),
            ("price: \"4\", per: 1000 item, mode: package, free: 30 item", 31, 30, 1, "4"),
            ("price: \"4\", per: 10 item, round_up: true, free: 30 item", 30, 30, 0, "0"),
            ("price: \"4\", per: 10 item, free: 30 item", 47, 30, 17, "6.8"),
            // The free part counts in the tiers.
            (
                "per: 1 item, free: 6 item, mode: graduated, "
                    + "tiers: [ { up_to: 12, price: \"2\" }, { price: \"0.5\" } ]", 31, 6, 25,
                "21.5"
            ),
            (
                "per: 1 item, free: 6 item, mode: volume, "
                    + "tiers: [ { up_to: 12, price: \"2\" }, { price: \"0.5\" } ]", 31, 6, 25,
                "12.5"
            ),
        ])
    func theFreePartIsShownAsTheBookGrantsIt(
        price: String, used: Int, free: Int, beyond: Int, amount: String
    ) throws {
        let host = try FieldHost(prices: book(["crate": "{ unit: item, \(price) }"]))
        try host.take([try row(used, at: "2025-10-05T00")])
        let lines = try host.draft("2025-10")
        let ofFree = lines.filter { $0["tier"] == "free" }
        #expect(sum(ofFree, "quantity") == Rational(free))
        #expect(sum(lines, "quantity") == Rational(free + beyond))
        #expect(sum(ofFree, "exact_amount") == .zero)
        #expect(sum(lines, "exact_amount") == Rational(decimal: amount))
    }
}
