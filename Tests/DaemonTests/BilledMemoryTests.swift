import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestKernel
import Testing
import Units

/// Memory is metered by three formulas; one of them is shown and billed, once.
@Suite struct BilledMemoryTests {
    @Test(arguments: MemoryFormula.allCases)
    func theBooksFormulaIsBilledOnce(_ formula: MemoryFormula) throws {
        let rig = try HoursRig()
        let price = Price(
            amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 GiB-hour")))
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: formula, unpriced: .show, taxes: [],
            meters: ["memory": price])
        let tenants = Rehearsal.tenants.map { tenant in
            var tenant = tenant
            tenant.priceBook = "standard"
            return tenant
        }
        _ = try rig.store.apply(
            Contract(tenants: tenants, books: [book]), isPlan: false, at: rig.start)
        try rig.run(ticks: 14)
        let ledger = try rig.rows(
            """
            SELECT sum(quantity) FROM ledger_hour
            WHERE tenant = 'lab' AND memory_formula = '\(formula.rawValue)'
            """)
        let wanted = try #require(Int128(ledger[0]))
        let lines = try rig.store.drafts(over: rig.day, tenant: "lab").flatMap(\.lines)
            .filter { $0.meter == "memory" }
        #expect(lines.reduce(0) { $0 + ($1.counted?.metered ?? 0) } == wanted && wanted > 0)
        let shown = try rig.store.usage(over: rig.day, by: .tenant, tenant: "lab")
            .filter { $0.meter == .memory }
        #expect(shown.reduce(0) { $0 + $1.quantity } == wanted)
    }
}
