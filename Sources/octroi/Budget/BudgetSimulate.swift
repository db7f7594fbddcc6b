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
        abstract: "Simulate a policy: what it would have done to recorded usage, and when.",
        discussion: """
            Computes the spending of every hour of the period, and climbs the ladders of the \
            file with it, every 5 minutes, as if spending grew evenly within an hour. Nothing is \
            written.

            A step would have changed the usage; how is not known, so spending goes on as it \
            was. max_tenants_per_tick is ignored. Budgets and ladders come from the file, never \
            from octroi budget set.

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
