import Limits
import Reporting
import TestSupport
import Testing
import Units

@testable import App
@testable import Invoicing

/// Budgets and their ladders as people and programs see them.
@Suite struct BudgetSheetsTests {
    private func line(
        _ amount: String, spent: Rational? = nil, currency: String = "EUR", rung: Int? = nil
    ) throws -> BudgetLine {
        let money = try #require(Budget.Amount(amount))
        var line = BudgetLine(budget: Budget(tenant: "acme", amount: money, per: .month))
        line.budget.ladder = "mild"
        let period = try month(1)
        let middle = period.start.advanced(bySeconds: 36_000)
        if let spent {
            line.money = TenantSpending(
                tenant: "acme", currency: try #require(Currency(currency)), period: period,
                until: middle, spent: spent, burn: .zero, otherBurn: .zero,
                forecast: spent * Rational(3), cpuPrice: nil, memoryPrice: nil)
        }
        if let rung {
            var state = LadderState(
                before: Spending(
                    amount: money.value, spent: .zero, forecast: .zero, periodStart: period.start,
                    at: period.start))
            (state.rung, state.since) = (rung, middle)
            line.state = state
        }
        return line
    }

    /// Shares and money are rounded down: who has spent 99.99 % has not spent all.
    @Test(arguments: [
        ("3.00", 1, 1, "33.3", "1.00"), ("1", 9999, 10_000, "99.9", "0.99"),
        ("1", 1, 1, "100.0", "1.00"), ("0.50", 3, 2, "300.0", "1.50"), ("7", 0, 1, "0.0", "0.00"),
        ("3", 2, 3, "22.2", "0.66"),
    ])
    func moneyIsRoundedDown(
        amount: String, over: Int, under: Int, percent: String, shown: String
    ) throws {
        let spent = Rational(over) / Rational(under)
        let row = budgetSheet([try line(amount, spent: spent)]).rows[0]
        #expect(row[5] == .text(percent))
        // Programs get the exact amount.
        #expect(row[4] == .rational(spent, display: shown))
        #expect(row[1] == .exact(amount))
    }

    @Test func aCurrencyWithoutMinorUnitsHasNone() throws {
        let row = budgetSheet([
            try line("1000", spent: Rational(3999) / Rational(4), currency: "JPY")
        ]).rows[0]
        #expect(row[2] == .text("JPY") && row[5] == .text("99.9"))
        #expect(row[4] == .rational(Rational(3999) / Rational(4), display: "999"))
    }

    /// A budget of nothing has no percentage.
    @Test func aBudgetOfNothingHasNoShare() throws {
        let line = try line("0.00", spent: Rational(1))
        #expect(budgetSheet([line]).rows[0][5] == .none)
        #expect(line.sentence.contains("(all of nothing %)"))
    }

    @Test func everyBudgetHasARow() throws {
        var exempt = try line("5.00", spent: Rational(1), rung: 2)
        exempt.budget.exemptUntil = Instant(rfc3339: "2999-01-01T00:00:00Z")
        let sheet = budgetSheet([try line("3.00"), exempt])
        #expect(
            sheet.columns == [
                "tenant", "amount", "currency", "per", "spent", "percent", "forecast", "ladder",
                "steps", "exempt_until", "note",
            ])
        #expect(
            sheet.rows[0] == [
                .text("acme"), .exact("3.00"), .none, .text("month"), .none, .none, .none,
                .text("mild"), .integer(0), .none, .none,
            ])
        #expect(
            sheet.rows[1] == [
                .text("acme"), .exact("5.00"), .text("EUR"), .text("month"),
                .rational(Rational(1), display: "1.00"), .text("20.0"),
                .rational(Rational(3), display: "3.00"), .text("mild"), .integer(2),
                .text("2999-01-01T00:00:00Z"), .none,
            ])
    }

    @Test func theSentenceSaysAllOfIt() throws {
        var line = try line("5.00", spent: Rational(1))
        #expect(
            line.sentence
                == "acme: 1.00 of 5.00 EUR spent (20.0 %) since 2025-01-01T00:00:00Z, "
                + "3.00 forecast by 2025-02-01T00:00:00Z")
        line.budget.exemptUntil = Instant(rfc3339: "2999-01-01T00:00:00Z")
        line.budget.exemptReason = "migration"
        #expect(line.sentence.hasSuffix(", exempt until 2999-01-01T00:00:00Z (migration)"))
        line.money = nil
        line.fault = Fault(.badData, at: "here", problem: "it is not known", suggestion: "Look")
        #expect(line.sentence == "acme: 5.00 a month. here: it is not known. Look.")
    }

    /// Only the last step in force has a time: the state keeps a single one.
    @Test(arguments: [nil, 0, 1, 2, 3])
    func theStepsInForceAreMarked(rung: Int?) throws {
        let steps = [
            Ladder.Step(at: 80, .warn), Ladder.Step(at: 90, .weight(25)),
            Ladder.Step(at: 120, .freeze),
        ]
        let line = try line("5.00", spent: Rational(1), rung: rung)
        let sheet = ladderSheet(line, steps)
        #expect(sheet.columns == ["step", "at_percent", "does", "in_force", "since"])
        #expect(sheet.title == line.sentence)
        #expect(sheet.rows.map { $0[0] } == [.integer(1), .integer(2), .integer(3)])
        #expect(sheet.rows.map { $0[1] } == [.integer(80), .integer(90), .integer(120)])
        #expect(sheet.rows.map { $0[2] } == [.text("warn"), .text("weight 25"), .text("freeze")])
        for (index, row) in sheet.rows.enumerated() {
            #expect(row[3] == .flag(index < rung ?? 0))
            #expect(row[4] == (index + 1 == rung ? .text("2025-01-01T10:00:00Z") : .none))
        }
        #expect(ladderSheet(line, []).rows.isEmpty)
    }
}
