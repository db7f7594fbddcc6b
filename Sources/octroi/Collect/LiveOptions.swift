import ArgumentParser
import Daemon
import Metering
import Reporting
import Billing
import Store
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

    /// - Parameter path: `nil` of a tenant's sum, which is not of the paths that a filter picks.
    func includes(tenant: String, path: String?) -> Bool {
        (self.tenant ?? tenant) == tenant
            && (filter.map { filter in path.map(Glob(filter).matches) ?? false } ?? true)
    }

    /// - Throws: for a tenant that does not exist.
    func check(_ store: Store) throws(Fault) {
        try store.requireTenant(tenant, orNobody: true)
    }
}

/// What containers do now, each with what it cost in this hour so far, and each tenant's sum.
///
/// - Returns: also what is to be said if the collector stands still.
func pricedContainers(
    _ store: Store, _ pricing: inout HourPricing
) throws(Fault) -> (containers: [PricedContainer], silence: String?) {
    let now = Host.now()
    let reading = try store.live(at: now, ofBoot: Host.bootID())
    return (
        pricedWithSums(reading.containers, try pricing.costs(at: now.wall)),
        reading.silentSince.map {
            "Nothing has been read since \($0): rates are not known; memory and limits are of then"
        }
    )
}

/// Says on standard error, beside a format that has no heading, that the collector stands still.
func tellSilence(_ silence: String?, beside format: Format) {
    if let silence, format != .table { printError("octroi: \(silence)") }
}
