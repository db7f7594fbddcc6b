import App
import ArgumentParser
import Reporting
import Units

extension LiveOrder: ExpressibleByArgument {}

/// Which containers to list, and in what order.
struct LiveOptions: ParsableArguments {
    @Option(help: "Only this tenant.")
    var tenant: String?

    @Option(
        help: ArgumentHelp(
            "Only paths that fit: * within one name, ** over any depth.", valueName: "glob"))
    var filter: String?

    func query(by order: LiveOrder) -> LiveQuery {
        LiveQuery(tenant: tenant, filter: filter, by: order)
    }
}

/// Says on standard error, beside a format that has no heading, that the collector stands still.
func tellSilence(_ silence: String?, beside format: Format) {
    if let silence, format != .table { printError("octroi: \(silence)") }
}
