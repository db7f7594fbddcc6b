import App
import ArgumentParser
import Reporting
import Units

/// `octroi budget`: the commands for budgets; a verb is required.
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

/// `octroi budget set`: sets or changes a tenant's budget (`App.setBudget`).
///
/// Options stay texts here. `App` interprets them, because dates depend on the billing zone, and
/// `none` removes a value.
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
              octroi budget set acme --ladder none        track spending, enforce nothing
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
            "Enforce nothing before this time, or this day of the billing zone; `none` ends the "
                + "exemption.",
            valueName: "time"))
    var exemptUntil: String?

    @Option(help: "Why, for the record; with --exempt-until, why it is exempt.")
    var reason: String?

    func run() throws {
        let words = BudgetWords(
            amount: amount, per: per, ladder: ladder, exemptUntil: exemptUntil, reason: reason)
        try show(place.app.setBudget(of: tenant, words), output.format)
    }
}

/// `octroi budget remove`: removes a tenant's budget (`App.removeBudget`).
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
        try show(place.app.removeBudget(of: tenant, reason: reason), output.format)
    }
}

/// `octroi budget list`: every budget with its spending and its forecast (`App.budgets`).
///
/// If the spending of a tenant cannot be computed, its row says why, and the others are listed all
/// the same.
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
        try show(budgetSheet(place.app.budgets()), output.format)
    }
}
