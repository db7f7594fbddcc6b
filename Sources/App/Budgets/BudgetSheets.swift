import Invoicing
import Limits
import Reporting
import Units

/// A budget, and what the tenant has spent of it.
public struct BudgetLine: Sendable {
    public var budget: Budget
    /// The tenant's place on its ladder; `nil` before the daemon first compared its spending.
    public var state: LadderState?
    /// What the tenant has spent in the period so far; `nil` if that is not known.
    public var money: TenantSpending?
    /// Why the spending is not known; `nil` if it is.
    public var fault: Fault?

    /// The spent part of the budget in percent, rounded down to one decimal.
    ///
    /// `nil` if the spending is not known, and for a budget of nothing.
    var percent: String? {
        guard let money, budget.amount.value > .zero else { return nil }
        return decimalText(
            (money.spent * Rational(1000) / budget.amount.value).floor, places: 1)
    }

    /// An amount of money as a cell.
    ///
    /// Programs get the exact amount. A table shows it rounded down to the currency's minor unit.
    func cell(_ amount: Rational?) -> Cell {
        guard let amount, let currency = money?.currency else { return .none }
        return .rational(amount, display: text(amount, currency))
    }

    /// An amount as a decimal, rounded down to the currency's minor unit.
    private func text(_ amount: Rational, _ currency: Currency) -> String {
        decimalText((amount * Rational(currency.scale)).floor, places: currency.digits)
    }

    /// The budget, its spending and its exemption as one sentence.
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

/// Budgets with their spending, one row each.
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

/// The steps of one budget's ladder, one row each.
///
/// A row says whether its step is in force. Only the last step in force says since when, because
/// the state keeps a single time.
///
/// - Parameter steps: the steps of the budget's ladder, in order.
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
