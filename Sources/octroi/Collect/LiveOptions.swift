import App
import ArgumentParser
import Reporting
import Units

extension LiveOrder: ExpressibleByArgument {}

/// The options for which running containers are listed.
struct LiveOptions: ParsableArguments {
    @Option(help: "Only this tenant.")
    var tenant: String?

    @Option(
        help: ArgumentHelp(
            "Only paths that match: * within one name, ** over any depth.", valueName: "glob"))
    var filter: String?

    /// The query that the options describe.
    ///
    /// - Parameter order: the column to sort by; the commands have different defaults.
    func query(by order: LiveOrder) -> LiveQuery {
        LiveQuery(tenant: tenant, filter: filter, by: order)
    }
}

/// Says on standard error that the collector does not run.
///
/// Only csv and json need this: a table says it in its heading.
///
/// - Parameter silence: since when nothing was read, in words; `nil` if the collector runs.
func tellSilence(_ silence: String?, beside format: Format) {
    if let silence, format != .table { printError("octroi: \(silence)") }
}
