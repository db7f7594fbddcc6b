import App
import Reporting
import TestSupport
import Testing
import Units

/// What limits would cost in an hour, beside the plan of a change.
@Suite struct HourlyCostTests {
    /// One core costs 0.36 an hour, and one GiB 0.02.
    private static let prices = """
        books:
          - id: standard
            currency: EUR
            effective: 2020-01-01
            discounts: [ { percent: "50", tenants: [lab] } ]
            meters:
              cpu: { price: "0.36", per: 1 vCPU-hour }
              memory: { price: "0.02", per: 1 GiB-hour }

        """

    private func firm(_ prices: String = prices) throws -> Firm {
        let firm = try Firm(
            prices: prices,
            tenants: """
                tenants:
                  - { id: acme, price_book: standard, match: [ { root: /acme } ] }
                  - { id: lab, price_book: standard, match: [ { root: /lab } ] }
                  - { id: free, match: [ { root: /free } ] }

                """)
        for path in ["/acme", "/lab", "/free", "/other"] { try firm.addCgroup(path) }
        return firm
    }

    /// The cells of the only row of a plan, by the names of their columns.
    private func plan(
        _ firm: Firm, _ word: String, of target: String = "acme"
    ) throws -> [String: Cell] {
        let sheet = try firm.app.planLimits(of: target, [word], firm.limits()).sheet
        let row = try #require(sheet.rows.first)
        return Dictionary(uniqueKeysWithValues: zip(sheet.columns, row))
    }

    @Test(
        arguments: [
            ("cpu=0.5", nil, "at most 0.1800 EUR; was without bound"),
            ("cpu=0.25", "cpu=0.5", "at most 0.0900 EUR; was 0.1800"),
            ("cpu=0.5", "cpu=0.5", "at most 0.1800 EUR"),
            ("cpu=max", "cpu=0.5", "without bound; was 0.1800"), ("cpu=max", nil, "without bound"),
            ("memory.max=1G", nil, "at most 0.0200 EUR; was without bound"),
            ("memory.max=512M", "memory.max=1G", "at most 0.0100 EUR; was 0.0200"),
            // Less than the fourth decimal is rounded.
            ("memory.max=1M", nil, "at most 0.0000 EUR; was without bound"),
        ] as [(String, String?, String)])
    func theMostAndWhatItWasAreSaid(word: String, before: String?, words: String) throws {
        let firm = try firm()
        if let before { _ = try firm.app.setLimits(of: "acme", [before], firm.limits()) }
        #expect(try plan(firm, word)["cost_per_hour"] == .text(words))
    }

    /// Other limits have no price: a weight, or memory that is only slowed down.
    @Test(arguments: ["cpu.weight=50", "memory.high=1G", "pids.max=9", "memory.low=1M"])
    func whatHasNoPriceHasNoCost(word: String) throws {
        let row = try plan(firm(), word)
        for column in ["cost_per_hour", "cost_most", "cost_before", "cost_now", "currency"] {
            #expect(row[column] == Cell.none, "\(column)")
        }
    }

    @Test func onlyATenantWithPricesHasCosts() throws {
        let firm = try firm()
        for target in ["free", "/other"] {
            var options = firm.limits()
            options.isForced = true
            let sheet = try firm.app.planLimits(of: target, ["cpu=0.5"], options).sheet
            #expect(sheet.rows[0][8] == .none, "\(target)")
        }
        #expect(try plan(firm, "cpu=0.5", of: "lab")["currency"] == .text("EUR"))
    }

    /// The price is that of the next second: discounts are off, and tiers are where the month is.
    @Test func thePriceIsThatOfTheTenantsPlace() throws {
        let firm = try firm()
        #expect(
            try plan(firm, "cpu=0.5", of: "lab")["cost_most"]
                == .rational(Rational(9) / Rational(100)))
        let tiers = Self.prices.replacing(
            "{ price: \"0.36\", per: 1 vCPU-hour }",
            with: "{ per: 1 vCPU-hour, tiers: [ { up_to: 5, price: \"1\" }, { price: \"0.1\" } ] }")
        let tiered = try self.firm(tiers)
        #expect(try plan(tiered, "cpu=0.5")["cost_most"] == .rational(Rational(1) / Rational(2)))
        // The first hour of the running month has begun, whatever the time is.
        let start = try tiered.app.period(PeriodWords()).start
        let first = try #require(Period(start: start, end: start.advanced(bySeconds: 3600)))
        try tiered.use("acme", "web", 6 * coreHour, over: first)
        #expect(
            try plan(tiered, "cpu=0.5")["cost_most"] == .rational(Rational(1) / Rational(20)))
    }

    /// A plan that a person reads also watches what is used now, which is nothing here.
    @Test func whatIsUsedNowIsSaid() throws {
        let firm = try firm()
        try firm.write("usage_usec 5000", "/acme", "cpu.stat")
        let row = try plan(firm, "cpu=0.5")
        #expect(
            row["cost_per_hour"]
                == .text("at most 0.1800 EUR; was without bound; now 0.0000"))
        #expect(row["cost_now"] == .rational(.zero) && row["used_quantity"] == .rational(.zero))
        #expect(row["effect"] == .text("no effect now: 0.00 cores are used"))
    }

    @Test func memoryHasItsFields() throws {
        let row = try plan(firm(), "memory.max=1G")
        #expect(row["unit"] == .text("byte"))
        #expect(row["before_quantity"] == Cell.none)
        #expect(row["wanted_quantity"] == .rational(Rational(Int64(1) << 30)))
        #expect(row["used_quantity"] == .rational(Rational(8192)))
        // 8192 are in use, and 4096 of them cannot be reclaimed.
        #expect(row["reclaimable_bytes"] == .integer(4096))
        #expect(row["cost_most"] == .rational(Rational(2) / Rational(100)))
    }
}
