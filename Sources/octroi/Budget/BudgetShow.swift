import Invoicing
import Billing
import ArgumentParser
import Limits
import Reporting
import Settings
import Store
import Units

struct BudgetShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a tenant's budget, its ladder, which steps are in force, and since when.",
        discussion: """
            EXAMPLE
              octroi budget show acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A tenant's id.")
    var tenant: String

    func run() throws {
        let store = try place.store(.read)
        guard let line = try budgetLines(store, place.settings().zone, tenant).first else {
            throw Fault(
                .badData, at: "tenant \(escapingControlCharacters(tenant))",
                problem: "it has no budget",
                suggestion:
                    "octroi budget set gives it one; octroi budget list shows those there are")
        }
        let ladder = try store.ladders().first { $0.id == line.budget.ladder }
        let steps = ladder?.steps ?? []
        let sheet = Sheet(
            columns: ["step", "at_percent", "does", "in_force", "since"],
            rows: steps.enumerated().map { index, step in
                let isInForce = index < line.state?.rung ?? 0
                let isLast = index + 1 == line.state?.rung
                return [
                    .integer(Int128(index + 1)), .integer(Int128(step.at)), .text("\(step.action)"),
                    .flag(isInForce),
                    isLast ? line.state?.since.map { .time($0) } ?? .none : .none,
                ]
            }, title: title(line), headings: ["at_percent": "at %", "in_force": "in force"])
        try show(sheet, output.format)
    }

    private func title(_ line: BudgetLine) -> String {
        guard let money = line.money else {
            return "\(tenant): \(line.budget.amount) a \(line.budget.per.rawValue). "
                + (line.fault.map { "\($0)" } ?? "")
        }
        func text(_ amount: Rational) -> String {
            if case .rational(_, let display?) = line.cell(amount) { display } else { "" }
        }
        var words = "\(tenant): \(text(money.spent)) of \(line.budget.amount) \(money.currency) "
        words += "spent (\(line.percent ?? "all of nothing") %) since \(money.period.start), "
        words += "\(text(money.forecast)) forecast by \(money.period.end)"
        if let until = line.budget.exemptUntil { words += ", exempt until \(until)" }
        if let reason = line.budget.exemptReason { words += " (\(reason))" }
        return words
    }
}
