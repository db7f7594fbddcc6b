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
            A ladder is a list of steps in budgets.yaml. Each step has a threshold in percent of \
            the budget and an action: warn, weight, cpu_cap, memory_high, io_max, no_forks or \
            freeze. Once a minute, the daemon computes each tenant's spending by the current \
            price book, and takes the steps whose threshold is passed, one by one. octroi limit \
            history lists every step. When the budget is raised or a new period begins, steps end \
            whose threshold is no longer passed. docs/budgets.md explains the rules.

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
            whose threshold is no longer passed end at the daemon's next tick. octroi limit \
            history shows who changed the budget and why.

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

    @Argument(help: "The amount in the currency of the price book, before tax, such as 500.00.")
    var amount: String?

    @Option(help: "The period of the budget: month or day. Default: month.")
    var per: String?

    @Option(help: "The id of a ladder in budgets.yaml, or none: spending is only shown.")
    var ladder: String?

    @Option(
        help: ArgumentHelp(
            "Take no steps before this time, or this day of the billing zone. none ends the "
                + "exemption.",
            valueName: "time"))
    var exemptUntil: String?

    @Option(help: "The reason, for the record; with --exempt-until, also that of the exemption.")
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
