import App
import ArgumentParser
import Reporting
import Units

/// `octroi budget show`: a budget with the steps of its ladder (`App.budget`).
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
        let (line, steps) = try place.app.budget(of: tenant)
        try show(ladderSheet(line, steps), output.format)
    }
}
