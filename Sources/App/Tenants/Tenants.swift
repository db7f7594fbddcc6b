import Host
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

/// Changes of the store, a line each; none if it was so already.
public struct Changes: Sendable {
    public var lines: [String]

    public var sheet: Sheet { Sheet(columns: ["change"], rows: lines.map { [.text($0)] }) }
}

extension App {
    /// The tenants, in the order in which their rules are tried.
    public func tenants() throws(Fault) -> [Tenant] { try store(.read).tenants() }

    /// One tenant.
    ///
    /// - Throws: `badData` if there is none of that id.
    public func tenant(_ id: String) throws(Fault) -> Tenant { try store(.read).tenant(id) }

    /// Adds a tenant; with systemd, its slices get unit files that keep them and their counters alive.
    ///
    /// - Parameters:
    ///   - name: on invoices; `nil` for the id.
    ///   - priceBook: the id of the book to bill by.
    ///   - rules: which containers are its.
    ///   - keeping: slices to make unit files for.
    /// - Throws: `wrongUse` for an id that cannot be one, `badData` for one that exists already.
    public func addTenant(
        _ id: String, name: String? = nil, priceBook: String? = nil, rules: [Rule],
        keeping slices: [String]
    ) throws(Fault) -> Changes {
        guard isIdentifier(id, also: "-"), id != Tenant.unattributed else {
            throw Fault(
                .wrongUse, at: "tenant id", problem: quoted(id),
                suggestion: "Write a-z, 0-9 and -, beginning with a letter, 63 characters at most")
        }
        let store = try store(.write)
        guard try !store.tenants().contains(where: { $0.id == id }) else {
            throw Fault(
                .badData, at: "tenant \(id)", problem: "it exists already",
                suggestion: "octroi tenant assign \(id) adds rules to it")
        }
        let tenant = Tenant(
            id: id, name: name ?? id, priceBook: priceBook, invoiceTo: InvoiceAddress(),
            match: rules)
        return try write(tenant, store, keeping: slices)
    }

    /// Adds rules to a tenant.
    ///
    /// - Parameter keeping: slices to make unit files for.
    public func addRules(
        to id: String, _ rules: [Rule], keeping slices: [String]
    ) throws(Fault) -> Changes {
        let store = try store(.write)
        var tenant = try store.tenant(id)
        tenant.match += rules.filter { !tenant.match.contains($0) }
        return try write(tenant, store, keeping: slices)
    }

    /// Removes a tenant and its rules; its usage and invoices are kept.
    public func removeTenant(_ id: String) throws(Fault) -> Changes {
        let store = try store(.write)
        let tenant = try store.tenant(id)
        let changes = Changes(lines: try store.removeTenant(id, at: Host.wallTime()))
        guard try store.whyNotOwn() == nil else { return changes }
        for slice in tenant.slices {
            // The tenant is removed already: what cannot be tidied up is only said.
            do throws(Fault) {
                for line in try SliceKeeper.letGo(slice) { notify(line) }
            } catch {
                notify("\(error)")
            }
        }
        return changes
    }

    private func write(
        _ tenant: Tenant, _ store: Store, keeping slices: [String]
    ) throws(Fault) -> Changes {
        // First whether the store takes it: a slice is not made for a tenant that cannot be.
        let contract = Contract(tenants: [tenant], books: nil)
        _ = try store.apply(contract, isPlan: true, at: Host.wallTime())
        try keep(slices, store)
        let changes = try store.apply(contract, isPlan: false, at: Host.wallTime())
        for line in unreachableRules(of: try store.tenants(), changed: [tenant]) { notify(line) }
        return Changes(lines: changes)
    }

    /// Keeps slices alive, where systemd runs.
    ///
    /// A store that is not this host's own changes nothing of the host.
    private func keep(_ slices: [String], _ store: Store) throws(Fault) {
        let why = try store.whyNotOwn()
        for slice in slices {
            if let why {
                notify("\(slice): no unit file is made for it: \(why)")
                continue
            }
            guard ServiceManager.isSystemd else {
                notify("\(slice): no systemd here, so no unit file is made for it")
                continue
            }
            for line in try SliceKeeper.keep(slice) { notify(line) }
            for gap in SliceAccounting.gaps(of: [slice]) {
                try SliceAccounting.turnOn(for: slice)
                notify(
                    "\(slice): its \(gap.meters.joined(separator: " and ")) was not accounted, and is "
                        + "from now on")
            }
        }
    }
}

/// A rule as a person writes it, checked; `isForced` allows slices of the host itself and of its logins.
///
/// - Throws: `wrongUse` for a pattern that cannot be one, `failed` for a slice of the host.
public func tenantRule(
    kind: String, pattern: String, isForced: Bool
) throws(Fault) -> Rule {
    let rule = try checkedRule(kind: kind, pattern: pattern)
    if !isForced { try refuseHostRule(rule, at: "--\(rule.kind)") }
    return rule
}

/// Refuses what holds the host's own services or its logins, and not one tenant's workloads.
func refuseHostRule(_ rule: Rule, at location: String) throws(Fault) {
    guard rule.rootPaths.contains(where: { SliceKeeper.isHosts($0) }) else { return }
    throw Fault(
        .failed, at: location,
        problem:
            "\(rule.pattern) holds the host's own services or its logins: all of them would be "
            + "this tenant's",
        suggestion:
            "Name a slice of its own, such as tenant-acme.slice; --force takes it all the same")
}

/// The tenants, a row each.
public func tenantSheet(_ tenants: [Tenant]) -> Sheet {
    Sheet(
        columns: ["tenant", "name", "price_book", "rules"],
        rows: tenants.map {
            [
                .text($0.id), .text($0.name), .optional($0.priceBook),
                .integer(Int128($0.match.count)),
            ]
        })
}

/// A tenant's rules, in the order in which they are tried.
public func ruleSheet(_ tenant: Tenant) -> Sheet {
    Sheet(
        columns: ["rule", "pattern"],
        rows: tenant.match.map { [.text($0.kind), .text($0.pattern)] },
        title: "\(tenant.id): \(escapingControlCharacters(tenant.name)), price book "
            + (tenant.priceBook ?? "none"))
}

extension Store {
    /// - Throws: `badData` if there is no tenant of that id.
    func tenant(_ id: String) throws(Fault) -> Tenant {
        guard let found = try tenants().first(where: { $0.id == id }) else {
            throw unknownTenant(id)
        }
        return found
    }

    /// Refuses a tenant to choose by that there never was.
    ///
    /// - Parameter orNobody: whether `unattributed` may be chosen, too.
    func requireTenant(_ id: String?, orNobody: Bool = false) throws(Fault) {
        guard let id, !(orNobody && id == Tenant.unattributed), try !hasTenant(id) else { return }
        throw unknownTenant(id)
    }
}

private func unknownTenant(_ id: String) -> Fault {
    Fault(
        .badData, at: "tenant \(quoted(id))", problem: "no such tenant",
        suggestion: "octroi tenant list shows them; octroi apply adds them")
}
