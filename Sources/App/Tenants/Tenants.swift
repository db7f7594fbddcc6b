import Host
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

/// What changed in the store, as sentences; empty if everything was as asked already.
public struct Changes: Sendable {
    /// The sentences.
    public var lines: [String]

    /// The sentences, one row each.
    public var sheet: Sheet { Sheet(columns: ["change"], rows: lines.map { [.text($0)] }) }
}

extension App {
    /// The tenants, in the order in which their rules are tried.
    public func tenants() throws(Fault) -> [Tenant] { try store(.read).tenants() }

    /// One tenant with its rules.
    ///
    /// - Throws: `badData` for an unknown id.
    public func tenant(_ id: String) throws(Fault) -> Tenant { try store(.read).tenant(id) }

    /// Adds a tenant.
    ///
    /// With systemd, the tenant's slices get unit files. They keep the slices, and thus their
    /// counters, while nothing runs in them.
    ///
    /// - Parameters:
    ///   - id: `[a-z0-9-]`, 1 to 63 characters, beginning with a letter.
    ///   - name: the name on invoices; `nil` for the id.
    ///   - priceBook: the id of the price book to bill by; `nil` for none yet.
    ///   - rules: which containers belong to the tenant.
    ///   - slices: the slices to write unit files for.
    /// - Throws: `wrongUse` for an invalid id; `badData` for an id that exists already, an unknown
    ///   price book, or rules that overlap another tenant root.
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

    /// Adds rules to a tenant; rules that it has already are skipped.
    ///
    /// - Parameters:
    ///   - id: the id of the tenant.
    ///   - slices: the slices to write unit files for.
    /// - Throws: `badData` for an unknown tenant, or rules that overlap another tenant root.
    public func addRules(
        to id: String, _ rules: [Rule], keeping slices: [String]
    ) throws(Fault) -> Changes {
        let store = try store(.write)
        var tenant = try store.tenant(id)
        tenant.match += rules.filter { !tenant.match.contains($0) }
        return try write(tenant, store, keeping: slices)
    }

    /// Removes a tenant and its rules; its usage and invoices are kept.
    ///
    /// The unit files that Octroi wrote for its slices are removed, too.
    ///
    /// - Throws: `badData` for an unknown tenant.
    public func removeTenant(_ id: String) throws(Fault) -> Changes {
        let store = try store(.write)
        let tenant = try store.tenant(id)
        let changes = Changes(lines: try store.removeTenant(id, at: Host.wallTime()))
        guard try store.whyNotOwn() == nil else { return changes }
        for slice in tenant.slices {
            // The tenant is removed already. So a unit file that cannot be removed is only a
            // notice.
            do throws(Fault) {
                for line in try SliceKeeper.letGo(slice) { notify(line) }
            } catch {
                notify("\(error)")
            }
        }
        return changes
    }

    /// Writes a tenant into the store, after its slices exist.
    private func write(
        _ tenant: Tenant, _ store: Store, keeping slices: [String]
    ) throws(Fault) -> Changes {
        // Try it first, so that no slice is made for a tenant that the store refuses.
        let contract = Contract(tenants: [tenant], books: nil)
        _ = try store.apply(contract, isPlan: true, at: Host.wallTime())
        try keep(slices, store)
        let changes = try store.apply(contract, isPlan: false, at: Host.wallTime())
        for line in unreachableRules(of: try store.tenants(), changed: [tenant]) { notify(line) }
        return Changes(lines: changes)
    }

    /// Keeps slices alive while nothing runs in them, and turns their accounting on.
    ///
    /// Nothing is done without systemd, or if the store does not belong to this host.
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
                notify("\(slice): systemd now accounts \(gap.meters.joined(separator: " and "))")
            }
        }
    }
}

/// A rule as a person writes it, checked.
///
/// - Parameters:
///   - kind: the key in tenants.yaml, such as `slice`.
///   - pattern: the name, path, label or glob.
///   - isForced: whether to accept slices of the host itself and of its logins.
/// - Throws: `wrongUse` for an invalid pattern, `failed` for a slice of the host.
public func tenantRule(
    kind: String, pattern: String, isForced: Bool
) throws(Fault) -> Rule {
    let rule = try checkedRule(kind: kind, pattern: pattern)
    if !isForced { try refuseHostRule(rule, at: "--\(rule.kind)") }
    return rule
}

/// Refuses a tenant root that contains the host's own services or its logins.
///
/// - Parameter location: where the rule was given, for the fault.
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

/// Tenants, one row each.
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

/// A tenant's rules, one row each, in the order in which they are tried.
public func ruleSheet(_ tenant: Tenant) -> Sheet {
    Sheet(
        columns: ["rule", "pattern"],
        rows: tenant.match.map { [.text($0.kind), .text($0.pattern)] },
        title: "\(tenant.id): \(escapingControlCharacters(tenant.name)), price book "
            + (tenant.priceBook ?? "none"))
}

extension Store {
    /// One tenant with its rules.
    ///
    /// - Throws: `badData` for an unknown id.
    func tenant(_ id: String) throws(Fault) -> Tenant {
        guard let found = try tenants().first(where: { $0.id == id }) else {
            throw unknownTenant(id)
        }
        return found
    }

    /// Requires that a tenant exists or existed.
    ///
    /// - Parameters:
    ///   - id: `nil` selects all tenants and is always accepted.
    ///   - orNobody: whether `unattributed` is accepted, too.
    /// - Throws: `badData` for any other id.
    func requireTenant(_ id: String?, orNobody: Bool = false) throws(Fault) {
        guard let id, !(orNobody && id == Tenant.unattributed), try !hasTenant(id) else { return }
        throw unknownTenant(id)
    }
}

/// The fault for an id that no tenant has.
private func unknownTenant(_ id: String) -> Fault {
    Fault(
        .badData, at: "tenant \(quoted(id))", problem: "no such tenant",
        suggestion: "octroi tenant list shows them; octroi apply adds them")
}
