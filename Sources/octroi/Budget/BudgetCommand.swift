import Invoicing
import ArgumentParser
import Daemon
import Enforcing
import Limits
import Reporting
import Settings
import Billing
import Store
import Units

struct BudgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget",
        abstract: "Manage budgets: the money a tenant may spend, and what happens then.",
        discussion: """
            Once a minute, the daemon compares each tenant's spending with its budget, by the \
            current price book. It takes the steps of the ladder one by one: warn, weight, \
            cpu_cap, memory_high, io_max, no_forks, freeze. Every step is a change of octroi \
            limit history. Steps end when the budget is raised or a new period begins.

            EXAMPLES
              octroi budget set acme 500.00 --per month --ladder gentle
              octroi budget list
              octroi budget simulate --policy budgets.yaml --month 2026-10
            """,
        subcommands: [
            BudgetSet.self, BudgetList.self, BudgetShow.self, BudgetRemove.self,
            BudgetSimulate.self,
        ])
}

struct BudgetSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set a tenant's budget, or change it.",
        discussion: """
            Options that are not given leave the budget as it is. If the budget is raised, steps \
            end at the daemon's next tick. octroi limit history shows who changed it and why.

            EXAMPLES
              octroi budget set acme 500.00 --per month --ladder gentle
              octroi budget set acme 650.00 --reason "order 4711"
              octroi budget set acme --exempt-until 2026-12-01T00:00:00Z --reason fair
              octroi budget set acme --ladder none        only show it
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A tenant's id.")
    var tenant: String

    @Argument(help: "The money, in the currency of its price book, before taxes: 500.00.")
    var amount: String?

    @Option(help: "month or day. Default: month.")
    var per: String?

    @Option(help: "The id of a ladder of budgets.yaml, or none.")
    var ladder: String?

    @Option(
        help: ArgumentHelp(
            "Enforce nothing before this time, or this day of the billing zone; none ends it.",
            valueName: "time"))
    var exemptUntil: String?

    @Option(help: "Why, for the record; with --exempt-until, why it is exempt.")
    var reason: String?

    func run() throws {
        let store = try place.store(.write)
        let known = try store.budgets().first { $0.budget.tenant == tenant }?.budget
        guard let text = amount ?? known?.amount.description else {
            throw wrong(
                "budget of \(escapingControlCharacters(tenant))", "no amount",
                "Give one, such as 500.00")
        }
        guard let money = Budget.Amount(text) else {
            throw wrong(
                "budget of \(escapingControlCharacters(tenant)), amount",
                "\(quoted(text)), which is no amount of money",
                "Write a decimal without an exponent, such as 500.00")
        }
        var budget = known ?? Budget(tenant: tenant, amount: money, per: .month)
        budget.amount = money
        if let per {
            guard let span = Budget.Span(rawValue: per) else {
                throw wrong("--per", "\"\(escapingControlCharacters(per))\"", "Write month or day")
            }
            budget.per = span
        }
        if let ladder { budget.ladder = ladder == "none" ? nil : ladder }
        if let exemptUntil {
            let end =
                try exemptUntil == "none"
                ? nil : readTime("--exempt-until", exemptUntil, in: place.settings().zone)
            if let end, end <= Host.wallTime() {
                throw wrong("--exempt-until", "\(end) is over", "Name a time to come, or none")
            }
            (budget.exemptUntil, budget.exemptReason) = (end, end == nil ? nil : reason)
        }
        let was = known.map { ", was \($0.words)" } ?? ""
        let record = budgetRecord(of: tenant, "budget \(budget.words)\(was)", reason)
        try show(
            changes: store.setBudget(budget, at: Host.wallTime(), record: record), output.format)
    }

    private func wrong(_ place: String, _ found: String, _ suggestion: String) -> Fault {
        Fault(.wrongUse, at: place, problem: found, suggestion: suggestion)
    }
}

struct BudgetRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract:
            "Remove a tenant's budget; its steps end at the daemon's next tick.",
        discussion: """
            EXAMPLE
              octroi budget remove acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "Why, for the record.")
    var reason: String?

    @Argument(help: "A tenant's id.")
    var tenant: String

    func run() throws {
        let store = try place.store(.write)
        let record = budgetRecord(of: tenant, "its budget was removed", reason)
        try show(changes: store.removeBudget(of: tenant, record: record), output.format)
    }
}

/// What the record of limits says of a change of a budget: who, when, what and why.
private func budgetRecord(of tenant: String, _ what: String, _ why: String?) -> LimitChangeSet {
    let requester = Requester()
    return LimitChangeSet(
        at: Host.wallTime(), uid: requester.uid, user: requester.user, target: tenant,
        tenant: tenant,
        action: .budget, outcome: .done,
        reason: [what, why].compactMap(\.self).joined(separator: ": "))
}

struct BudgetList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List budgets with spending and forecast.",
        discussion: """
            EXAMPLES
              octroi budget list
              octroi budget list --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let store = try place.store(.read)
        let lines = try budgetLines(store, place.settings().zone, nil)
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
        try show(sheet, output.format)
    }
}

/// A budget, with what is spent of it.
struct BudgetLine {
    var budget: Budget
    var state: LadderState?
    var money: TenantSpending?
    /// Why what is spent is not known.
    var fault: Fault?

    /// Whole percent of the budget, rounded down.
    var percent: String? {
        guard let money, budget.amount.value > .zero else { return nil }
        return decimalText(
            (money.spent * Rational(1000) / budget.amount.value).floor, places: 1)
    }

    /// Money rounded down to the currency's minor unit for a table, exact for machines.
    func cell(_ amount: Rational?) -> Cell {
        guard let amount, let currency = money?.currency else { return .none }
        let scale = Rational(decimalScale(currency.digits))
        return .rational(
            amount,
            display: decimalText((amount * scale).floor, places: currency.digits))
    }

    private func decimalScale(_ digits: Int) -> Int64 {
        (0..<digits).reduce(1) { scale, _ in scale * 10 }
    }
}

/// Every budget, or one tenant's, with its spending now.
func budgetLines(
    _ store: Store, _ zone: BillingZone, _ tenant: String?
) throws(Fault) -> [BudgetLine] {
    let budgets = try store.budgets().filter { tenant == nil || $0.budget.tenant == tenant }
    var lines: [BudgetLine] = []
    for span in Budget.Span.allCases {
        let own = budgets.filter { $0.budget.per == span }
        guard !own.isEmpty else { continue }
        let spending = try store.spending(
            of: own.map(\.budget.tenant), per: span, in: zone, at: Host.wallTime())
        for (budget, state) in own {
            var line = BudgetLine(budget: budget, state: state)
            switch spending[budget.tenant] {
            case .success(let money)?: line.money = money
            case .failure(let fault)?: line.fault = fault
            case nil: break
            }
            lines.append(line)
        }
    }
    return lines.sorted { $0.budget.tenant < $1.budget.tenant }
}
