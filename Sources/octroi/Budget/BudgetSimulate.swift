import App
import ArgumentParser
import Reporting
import Units

/// `octroi budget simulate`: runs a policy over past usage (`App.simulateBudgets`).
///
/// It answers whether a new ladder would have throttled tenants, before it is applied.
struct BudgetSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate budgets and ladders with past usage: which step, and when.",
        discussion: """
            Computes the spending of every hour of the period. Every 5 minutes of that time, it \
            compares spending with the budgets of the file, and prints the steps that would have \
            been taken. Spending is assumed to grow evenly within an hour. Nothing is written.

            A real step would have changed the usage. The simulation ignores this: spending goes \
            on as recorded. It also ignores max_tenants_per_tick. Budgets and ladders come from \
            the file, never from octroi budget set.

            EXAMPLES
              octroi budget simulate --policy budgets.yaml --month 2026-10
              octroi budget simulate --policy strict.yaml --month 2026-10 --tenant acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var period: PeriodOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("A file with budgets: and ladders:.", valueName: "file"))
    var policy: String

    @Option(help: "Only this tenant.")
    var tenant: String?

    func run() throws {
        let app = place.app
        let answer = try app.simulateBudgets(
            policy: policy, over: app.period(period.words), tenant: tenant)
        try show(answer.sheet, output.format)
    }
}
