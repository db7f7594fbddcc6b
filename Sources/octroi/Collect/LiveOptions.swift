import ArgumentParser
import Metering
import Pricing
import Reporting
import Store
import Units

extension LiveOrder: ExpressibleByArgument {}

/// Which containers to list, and in what order.
struct LiveOptions: ParsableArguments {
    @Option(help: "Only this tenant's.")
    var tenant: String?

    @Option(
        help: ArgumentHelp(
            "Only paths that fit: * within one name, ** over any depth.", valueName: "glob"))
    var filter: String?

    func includes(tenant: String, path: String) -> Bool {
        (self.tenant ?? tenant) == tenant
            && (filter.map { Glob($0).matches(path) } ?? true)
    }

    /// - Throws: for a tenant that does not exist.
    func check(_ store: Store) throws(Fault) {
        guard let tenant, tenant != Tenant.unattributed,
            try !store.tenants().contains(where: { $0.id == tenant })
        else { return }
        throw unknownTenant(tenant)
    }
}

/// What containers do now, each with what it cost in this hour so far.
func pricedContainers(_ store: Store, at now: Instant) throws(Fault) -> [PricedContainer] {
    let live = try store.live(at: now)
    let bookOf = try Dictionary(uniqueKeysWithValues: store.tenants().map { ($0.id, $0.priceBook) })
    let books = try PriceBooks(store.bookVersions())
    let hour = Period(start: now.startOfHour, end: now.startOfHour.advanced(bySeconds: 3600))
    var inForce: [String: PriceBook] = [:]
    for case let id? in Set(bookOf.values) {
        if let hour { inForce[id] = try? books.segments(of: id, over: hour).first?.book }
    }
    return live.map { live in
        let book = (bookOf[live.tenant] ?? nil).flatMap { inForce[$0] }
        let charges = live.hour.compactMap { usage in
            book?.meters[usage.meter.name]?.amount(of: usage.quantity, in: Period(monthOf: now))
        }
        return PricedContainer(
            live: live, cost: book.map { _ in charges.reduce(.zero, +) }, currency: book?.currency)
    }
}
