import Invoicing
import Limits
import Reporting
import Units

/// A budget, with what is spent of it.
public struct BudgetLine: Sendable {
    public var budget: Budget
    /// Where its ladder stands; `nil` before the daemon first looked at it.
    public var state: LadderState?
    public var money: TenantSpending?
    /// Why what is spent is not known.
    public var fault: Fault?

    /// Percent of the budget with one decimal, rounded down.
    var percent: String? {
        guard let money, budget.amount.value > .zero else { return nil }
        return decimalText(
            (money.spent * Rational(1000) / budget.amount.value).floor, places: 1)
    }

    /// Money rounded down to the currency's minor unit for a table, exact for machines.
    func cell(_ amount: Rational?) -> Cell {
        guard let amount, let currency = money?.currency else { return .none }
        return .rational(amount, display: text(amount, currency))
    }

    private func text(_ amount: Rational, _ currency: Currency) -> String {
        decimalText((amount * Rational(currency.scale)).floor, places: currency.digits)
    }

    /// The budget as a sentence.
    var sentence: String {
        guard let money else {
            return "\(budget.tenant): \(budget.amount) a \(budget.per.rawValue). "
                + (fault.map { "\($0)" } ?? "")
        }
        let spent = text(money.spent, money.currency)
        var words = "\(budget.tenant): \(spent) of \(budget.amount) \(money.currency) "
        words += "spent (\(percent ?? "all of nothing") %) since \(money.period.start), "
        words += "\(text(money.forecast, money.currency)) forecast by \(money.period.end)"
        if let until = budget.exemptUntil { words += ", exempt until \(until)" }
        if let reason = budget.exemptReason { words += " (\(reason))" }
        return words
    }
}

/// Budgets, a row each.
public func budgetSheet(_ lines: [BudgetLine]) -> Sheet {
    var sheet = Sheet(
        columns: [
            "tenant", "amount", "currency", "per", "spent", "percent", "forecast",
            "ladder", "steps", "exempt_until", "note",
        ],
        rows: lines.map { line in
            [
                .text(line.budget.tenant), .exact(line.budget.amount.description),
                .optional(line.money?.currency.code), .text(line.budget.per.rawValue),
                line.cell(line.money?.spent), .optional(line.percent),
                line.cell(line.money?.forecast), .optional(line.budget.ladder),
                .integer(Int128(line.state?.rung ?? 0)),
                line.budget.exemptUntil.map { .time($0) } ?? .none,
                .optional(line.fault?.problem),
            ]
        }, headings: ["percent": "%", "exempt_until": "exempt until"])
    (sheet.above, sheet.below) = (["currency", "per"], (["note"], "tenant"))
    return sheet
}

/// One budget: the steps of its ladder, which of them are in force, and since when.
public func ladderSheet(_ line: BudgetLine, _ steps: [Ladder.Step]) -> Sheet {
    Sheet(
        columns: ["step", "at_percent", "does", "in_force", "since"],
        rows: steps.enumerated().map { index, step in
            let isInForce = index < line.state?.rung ?? 0
            let isLast = index + 1 == line.state?.rung
            return [
                .integer(Int128(index + 1)), .integer(Int128(step.at)), .text("\(step.action)"),
                .flag(isInForce),
                isLast ? line.state?.since.map { .time($0) } ?? .none : .none,
            ]
        }, title: line.sentence, headings: ["at_percent": "at %", "in_force": "in force"])
}
