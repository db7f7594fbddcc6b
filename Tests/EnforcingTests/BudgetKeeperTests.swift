import Enforcing
import Limits
import Metering
import Pricing
import Store
import TestSupport
import Testing
import Units

/// Ladders climbed and left by what the ledger says.
@Suite struct BudgetKeeperTests {
    private let start = Instant(milliseconds: 1_800_000_000_000)

    private func rig(
        _ tenants: [String], _ ladder: Ladder, bus: ((String) -> FakeBus)? = nil
    ) throws -> (LimitRig, Enforcer) {
        let rig = try LimitRig(
            cgroups: tenants.flatMap { ["/\($0)", "/\($0)/web"] }, bus: bus)
        let cpu = Price(
            amount: try #require(DecimalPrice("1")), per: try #require(UnitQuantity("1 vCPU-hour")))
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: .block, taxes: [],
            meters: ["cpu": cpu])
        var contract = Contract(
            tenants: tenants.map {
                Tenant(
                    id: $0, name: $0, priceBook: "standard", invoiceTo: InvoiceAddress(),
                    match: [.root("/\($0)")])
            }, books: [book])
        contract.ladders = [ladder]
        contract.budgets = try tenants.map { try budget($0, "100") }
        _ = try rig.store.apply(contract, isPlan: false, at: start)
        let ledger = try Store(at: rig.store.path, for: .read)
        let keeper = BudgetKeeper(
            changer: rig.changer, store: rig.store, ledger: ledger, zone: .utc,
            everyMilliseconds: 60_000, clock: { [time = rig.time] in time.milliseconds },
            isFresh: { true })
        return (rig, rig.enforcer(keeper))
    }

    private func budget(_ tenant: String, _ amount: String) throws -> Budget {
        Budget(
            tenant: tenant, amount: try #require(Budget.Amount(amount)), per: .month, ladder: "hard"
        )
    }

    /// So many euros, or vCPU-hours, more.
    private func spend(_ rig: LimitRig, _ tenant: String, _ euros: Int64, line: Int = 2) throws {
        let hour = try #require(
            Period(start: start.advanced(bySeconds: -3600), end: start))
        _ = try rig.store.importUsage(
            [
                ImportedUsage(
                    period: hour, tenant: tenant, container: "batch\(line)", meter: .cpu,
                    quantity: Int128(euros) * 3_600_000_000, row: line)
            ], at: start)
    }

    private func ladder(_ steps: [Ladder.Step], most: Int = 3) -> Ladder {
        Ladder(
            id: "hard", dwellMilliseconds: 0, graceMilliseconds: 0, maxTenantsPerTick: most,
            steps: steps)
    }

    @Test func stepsAreTakenAndLeftByWhatTheLedgerSays() throws {
        let (rig, enforcer) = try rig(
            ["acme"], ladder([.init(at: 50, .weight(25)), .init(at: 80, .noForks)]))
        try spend(rig, "acme", 60)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "cpu.weight") == "25")
        try spend(rig, "acme", 30, line: 3)
        rig.time.pass(59_000)
        #expect(try enforcer.look()?.written == 0, "a look at budgets a minute")
        rig.time.pass(1_000)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "pids.max") == "3")
        _ = try rig.store.setBudget(try budget("acme", "1000"), at: start)
        rig.time.pass(60_000)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "cpu.weight") == "100")
        #expect(try rig.read("/acme", "pids.max") == "max")
        let history = try rig.store.limitHistory(of: "acme")
        #expect(history.allSatisfy { $0.action == .budget && $0.reason != nil })
        #expect(try rig.store.verifyLimitHistory().damage.isEmpty)
    }

    /// A tenant that is frozen and pays for more is not to wait for the next look at what is spent.
    @Test func aChangedBudgetIsLookedAtInTheNextTick() throws {
        let (rig, enforcer) = try rig(["acme"], ladder([.init(at: 50, .weight(25))]))
        try spend(rig, "acme", 60)
        _ = try enforcer.look()
        func weight(after change: () throws -> Void) throws -> String {
            rig.time.pass(1000)
            try change()
            _ = try enforcer.look()
            return try rig.read("/acme", "cpu.weight")
        }
        let calm = try weight {}
        let raised = try weight {
            _ = try rig.store.setBudget(try budget("acme", "1000"), at: start)
        }
        // By the same clock as before: what counts is what was set.
        let lowered = try weight {
            _ = try rig.store.setBudget(try budget("acme", "100"), at: start)
        }
        var exempt = try budget("acme", "100")
        exempt.exemptUntil = Instant(milliseconds: rig.time.milliseconds + 3_600_000)
        let spared = try weight { _ = try rig.store.setBudget(exempt, at: start) }
        exempt.exemptUntil = nil
        let due = try weight { _ = try rig.store.setBudget(exempt, at: start) }
        let removed = try weight { _ = try rig.store.removeBudget(of: "acme") }
        #expect(
            [calm, raised, lowered, spared, due, removed] == [
                "25", "100", "25", "100", "25", "100",
            ])
    }

    @Test func aStepThatFailsIsPutOffAndKeepsNobodyFromRelief() throws {
        let bus = FakeBusBox()
        let (rig, enforcer) = try rig(
            ["acme"], ladder([.init(at: 50, .weight(25)), .init(at: 60, .freeze)]),
            bus: { bus.make($0, units: ["/acme/web": "dbus.service"]) })
        try spend(rig, "acme", 70)
        _ = try enforcer.look()
        var said: [String] = []
        // It fails after 1, 2 and 4 min, and is put off for 4 more then.
        for _ in 0..<4 {
            rig.time.pass(60_000)
            said += try #require(try enforcer.look()).messages
        }
        #expect(said.count { $0.contains("the host lives on dbus.service") } == 2)
        #expect(try rig.store.limitHistory().filter { $0.action == .budget }.count == 1)
        #expect(try rig.read("/acme", "cpu.weight") == "25", "the step below stands")
        _ = try rig.store.setBudget(try budget("acme", "1000"), at: start)
        rig.time.pass(60_000)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "cpu.weight") == "100")
    }

    @Test func soManyTenantsAreTightenedInALook() throws {
        let tenants = ["a", "b", "c", "d"]
        let (rig, enforcer) = try rig(
            tenants, ladder([.init(at: 10, .warn), .init(at: 50, .weight(25))], most: 1))
        for (index, tenant) in tenants.enumerated() {
            try spend(rig, tenant, 60 + Int64(index))
        }
        func tightened() throws -> [String] {
            try tenants.filter { try rig.read("/\($0)", "cpu.weight") == "25" }
        }
        _ = try enforcer.look()
        #expect(try rig.store.limitHistory().count == 4, "everybody is warned")
        for wanted in [["d"], ["c", "d"], ["b", "c", "d"]] {
            rig.time.pass(60_000)
            _ = try enforcer.look()
            #expect(try tightened() == wanted)
        }
    }

    @Test func whatABudgetLaidGoesWithIt() throws {
        let (rig, enforcer) = try rig(["acme"], ladder([.init(at: 50, .weight(25))]))
        try spend(rig, "acme", 60)
        _ = try enforcer.look()
        #expect(try rig.read("/acme", "cpu.weight") == "25")
        _ = try rig.store.removeBudget(of: "acme")
        rig.time.pass(60_000)
        let look = try #require(try enforcer.look())
        #expect(look.messages == ["acme: the budget was removed, its limits are lifted"])
        #expect(try rig.read("/acme", "cpu.weight") == "100")
    }
}
