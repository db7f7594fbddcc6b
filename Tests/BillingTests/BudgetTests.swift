import Limits
import Metering
import Pricing
import Store
import Testing
import Units

@Suite struct BudgetTests {
    private let billing: Billing
    private let gentle: Ladder

    init() throws {
        billing = try Billing()
        gentle = Ladder(
            id: "gentle",
            steps: [
                .init(at: 80, .warn), .init(at: 100, .weight(25)),
                .init(
                    at: 105,
                    .cpuCap(
                        cores: nil, isPaced: true,
                        floor: try #require(Rational(decimal: "0.05")))),
                .init(at: 110, .ioMax("wbps=10485760")),
                .init(at: 120, .freeze, afterMilliseconds: 86_400_000),
            ])
        _ = try billing.store.setLadder(gentle)
    }

    private func budget(
        _ tenant: String, _ amount: String = "500.00", ladder: String? = "gentle"
    ) throws -> Budget {
        Budget(
            tenant: tenant, amount: try #require(Budget.Amount(amount)), per: .month,
            ladder: ladder, exemptUntil: now, exemptReason: "a migration")
    }

    private func state() throws -> LadderState {
        var state = LadderState(
            before: Spending(
                amount: Rational(500), spent: .zero, forecast: .zero,
                periodStart: billing.november.start, at: now))
        (state.rung, state.since, state.pastSince) = (2, now, [now, nil, nil])
        state.cap = Rational(1) / Rational(3)
        return state
    }

    @Test func whatIsSetIsThere() throws {
        #expect(try billing.store.ladders() == [gentle])
        #expect(try billing.store.setLadder(gentle).isEmpty)
        let acme = try budget("acme")
        let lab = try budget("lab", "0.10", ladder: nil)
        #expect(try billing.store.setBudget(lab, at: now) == ["new budget of tenant lab"])
        #expect(try billing.store.setBudget(acme, at: now) == ["new budget of tenant acme"])
        #expect(try billing.store.setBudget(acme, at: now).isEmpty)
        let all = try billing.store.budgets()
        #expect(all.map(\.budget) == [acme, lab] && all.allSatisfy { $0.state == nil })
        #expect(try billing.store.removeBudget(of: "lab") == ["removed the budget of tenant lab"])
        #expect(throws: Fault.self) { try billing.store.removeBudget(of: "lab") }
        #expect(try billing.store.budgets().map(\.budget) == [acme])
    }

    /// A raised budget keeps where its tenant stands; another ladder begins anew.
    @Test func aStateBelongsToItsLadder() throws {
        let (first, state) = (try budget("acme"), try state())
        _ = try billing.store.setBudget(first, at: now)
        try billing.store.saveStates([(first, state), (try budget("lab"), state)])
        #expect(try billing.store.budgets().map(\.state) == [state])
        let raised = try budget("acme", "600")
        #expect(try billing.store.setBudget(raised, at: now) == ["changed budget of tenant acme"])
        #expect(try billing.store.budgets().map(\.state) == [state])
        _ = try billing.store.setBudget(try budget("acme", ladder: nil), at: now)
        #expect(try billing.store.budgets().map(\.state) == [nil])
        // A look that began before the ladder was changed.
        try billing.store.saveStates([(raised, state)])
        #expect(try billing.store.budgets().map(\.state) == [nil])
    }

    @Test func whatCannotBeKeptIsRefused() throws {
        let bare = Tenant(
            id: "bare", name: "bare", priceBook: nil, invoiceTo: InvoiceAddress(), match: [])
        _ = try billing.store.apply(Contract(tenants: [bare], books: nil), isPlan: false, at: now)
        let wrong = try [
            budget("nobody"), budget("bare"), budget("acme", ladder: "harsh"),
        ]
        for budget in wrong {
            #expect(throws: Fault.self, "\(budget.tenant)") {
                try billing.store.setBudget(budget, at: now)
            }
        }
        #expect(try billing.store.budgets().isEmpty)
    }

    @Test func whoLeavesHasNoBudget() throws {
        _ = try billing.store.setBudget(try budget("acme"), at: now)
        _ = try billing.store.removeTenant("acme", at: now)
        #expect(try billing.store.budgets().isEmpty)
        #expect(throws: Fault.self) {
            try billing.store.setBudget(try budget("acme", "7"), at: now)
        }
    }
}
