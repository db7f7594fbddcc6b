import App
import Invoicing
import Limits
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Budgets that are set, changed, shown and removed.
@Suite struct BudgetVerbsTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        var request = ApplyRequest()
        request.files = [
            try firm.file(
                "ladders.yaml",
                """
                ladders:
                  - { id: mild, steps: [ { at: 80, do: warn }, { at: 100, do: no_forks } ] }
                """)
        ]
        _ = try firm.app.apply(request)
        _ = firm.notices.take()
    }

    private func set(_ words: BudgetWords, of tenant: String = "acme") throws -> [String] {
        try firm.app.setBudget(of: tenant, words).lines
    }

    private func budget() throws -> Budget { try firm.app.budget(of: "acme").line.budget }

    /// The reasons in the history of limits.
    private func reasons() throws -> [String?] { try firm.app.limitHistory().map(\.reason) }

    @Test func aBudgetIsSetAndChangedFieldByField() throws {
        #expect(try set(BudgetWords(amount: "500.00")) == ["new budget of tenant acme"])
        #expect(try budget().words == "500.00 a month, no ladder")
        #expect(try set(BudgetWords(per: "day")) == ["changed budget of tenant acme"])
        #expect(try budget().words == "500.00 a day, no ladder")
        #expect(try set(BudgetWords(amount: "7", ladder: "mild")).count == 1)
        #expect(try budget().words == "7 a day, ladder mild")
        #expect(try set(BudgetWords(ladder: "none", reason: "too hard")).count == 1)
        #expect(try budget().words == "7 a day, no ladder")
        #expect(
            try reasons() == [
                "budget 500.00 a month, no ladder",
                "budget 500.00 a day, no ladder, was 500.00 a month, no ladder",
                "budget 7 a day, ladder mild, was 500.00 a day, no ladder",
                "budget 7 a day, no ladder, was 7 a day, ladder mild: too hard",
            ])
        let sets = try firm.app.limitHistory(of: "acme")
        #expect(sets.count == 4)
        #expect(sets.allSatisfy { $0.action == .budget && $0.outcome == .done })
    }

    /// Setting the same again is no change, and none is recorded.
    @Test func nothingChangesTwice() throws {
        let words = BudgetWords(amount: "5", per: "day", ladder: "mild", reason: "why")
        #expect(try set(words).count == 1)
        #expect(try set(words) == [])
        #expect(try set(BudgetWords()) == [])
        #expect(try reasons().count == 1)
    }

    @Test func anExemptionHasAnEndAndAReason() throws {
        _ = try set(BudgetWords(amount: "5"))
        _ = try set(BudgetWords(exemptUntil: "2999-01-01", reason: "migration"))
        let end = Instant(rfc3339: "2999-01-01T00:00:00Z")
        #expect(try budget().exemptUntil == end && budget().exemptReason == "migration")
        // Another change leaves it as it is.
        _ = try set(BudgetWords(amount: "6", reason: "more"))
        #expect(try budget().exemptUntil == end && budget().exemptReason == "migration")
        _ = try set(BudgetWords(exemptUntil: "none", reason: "done"))
        #expect(try budget().exemptUntil == nil && budget().exemptReason == nil)
    }

    @Test func anExemptionEndsAtADayOfTheZone() throws {
        try firm.folder.write("time_zone: Asia/Kolkata\n", to: "config/octroi.yaml")
        _ = try set(BudgetWords(amount: "5", exemptUntil: "2999-01-01"))
        #expect(try budget().exemptUntil == Instant(rfc3339: "2998-12-31T18:30:00Z"))
    }

    @Test(arguments: [
        (BudgetWords(), "budget of acme"), (BudgetWords(per: "day"), "budget of acme"),
        (BudgetWords(amount: ""), "budget of acme, amount"),
        (BudgetWords(amount: "5e2"), "budget of acme, amount"),
        (BudgetWords(amount: "1,5"), "budget of acme, amount"),
        (BudgetWords(amount: "-1"), "budget of acme, amount"),
        (BudgetWords(amount: "5", per: "week"), "--per"),
        (BudgetWords(amount: "5", exemptUntil: "2025-01-01"), "--exempt-until"),
        (BudgetWords(amount: "5", exemptUntil: "soon"), "--exempt-until"),
    ])
    func wordsThatAreNoBudgetAreRefused(words: BudgetWords, place: String) throws {
        try refusal(.wrongUse, at: place) { try set(words) }
        #expect(try firm.app.budgets().isEmpty && reasons().isEmpty)
    }

    @Test func whoHasNoPricesHasNoBudget() throws {
        _ = try firm.app.addTenant("free", rules: [], keeping: [])
        let words = BudgetWords(amount: "5")
        for tenant in ["free", "nobody"] {
            try refusal(.badData, at: "budget of tenant \(tenant)") { try set(words, of: tenant) }
        }
        try refusal(.badData, at: "budget of tenant acme") {
            try set(BudgetWords(amount: "5", ladder: "wild"))
        }
        #expect(try reasons().isEmpty)
    }

    @Test func aBudgetIsRemovedOnce() throws {
        _ = try set(BudgetWords(amount: "5"))
        #expect(
            try firm.app.removeBudget(of: "acme", reason: "closed").lines
                == ["removed the budget of tenant acme"])
        #expect(try firm.app.budgets().isEmpty)
        #expect(try reasons().last == "its budget was removed: closed")
        try refusal(.badData, at: "tenant acme") { try firm.app.removeBudget(of: "acme") }
        try refusal(.badData, at: "tenant acme") { try firm.app.budget(of: "acme") }
        #expect(try reasons().count == 2)
    }

    /// What was used in the running month counts, at its price and before taxes.
    @Test(arguments: ["month", "day"])
    func spendingCountsFromTheStartOfThePeriod(per: String) throws {
        _ = try set(BudgetWords(amount: "3.60", per: per, ladder: "mild"))
        _ = try set(BudgetWords(amount: "1"), of: "lab")
        let span = try #require(Budget.Span(rawValue: per))
        let money = try #require(try firm.app.budget(of: "acme").line.money)
        #expect(money.spent == .zero && money.currency.code == "EUR")
        // The first hour of the period has begun, whatever the time is.
        let start = money.period.start
        let first = try #require(Period(start: start, end: start.advanced(bySeconds: 3600)))
        try firm.use("acme", "web", 5 * coreHour, over: first)
        let (line, steps) = try firm.app.budget(of: "acme")
        #expect(line.budget.per == span && line.fault == nil && line.state == nil)
        #expect(line.money?.spent == Rational(18) / Rational(10))
        #expect(steps.map(\.at) == [80, 100])
        // By tenant, whatever the periods are.
        #expect(try firm.app.budgets().map(\.budget.tenant) == ["acme", "lab"])
        #expect(try firm.app.budgets().map(\.money?.spent) == [line.money?.spent, .zero])
        #expect(try firm.app.budget(of: "lab").steps.isEmpty)
    }

    /// Where the prices begin later, the spending is not known, and it is said why.
    @Test func spendingThatIsNotKnownIsSaid() throws {
        var request = ApplyRequest()
        request.files = [
            try firm.file(
                "late.yaml",
                Firm.prices.replacing("id: standard", with: "id: late")
                    .replacing("2020-01-01", with: "2950-01-01"))
        ]
        _ = try firm.app.apply(request)
        _ = try firm.app.addTenant("new", priceBook: "late", rules: [], keeping: [])
        _ = try set(BudgetWords(amount: "5"), of: "new")
        _ = try set(BudgetWords(amount: "5"))
        let lines = try firm.app.budgets()
        #expect(lines.map { $0.fault == nil } == [true, false])
        #expect(lines.map { $0.money == nil } == [false, true])
        let row = budgetSheet(lines).rows[1]
        #expect(row[0] == .text("new") && row[2] == .none && row[4] == .none && row[10] != .none)
    }
}
