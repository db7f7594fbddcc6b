import Metering
import Runtimes
import Units

/// Reads the `tenants:` list of tenants.yaml.
///
/// - Parameters:
///   - value: the list.
///   - zone: the billing zone. Dates in `since:` and `until:` are days of this zone.
///   - names: the names in all files read so far.
/// - Throws: `badData` for the first mistake, also for a rule that can never match, and for an id
///   that occurs twice.
func readTenants(
    _ value: YAMLValue, in zone: BillingZone, _ names: WrittenNames = WrittenNames()
) throws(Fault) -> [Tenant] {
    var tenants: [Tenant] = []
    for item in try value.list() {
        let members = try item.members([
            "id", "name", "price_book", "invoice_to", "match", "since", "until",
        ])
        let id = try members.required("id").value(
            "a-z, 0-9 and -, beginning with a letter, 63 characters at most"
        ) { isIdentifier($0, also: "-") ? $0 : nil }
        if id == Tenant.unattributed {
            throw item.fault("the id \"\(id)\"", "Choose another: it means usage of no tenant")
        }
        try names.add("tenant \"\(id)\"", item, suggestion: "Give every tenant an id of its own")
        var rules: [Rule] = []
        for rule in try members["match"]?.list() ?? [] { rules.append(try readRule(rule)) }
        let since = try members["since"].map { value throws(Fault) in try wholeHour(value, in: zone)
        }
        let until = try members["until"].map { value throws(Fault) in try wholeHour(value, in: zone)
        }
        if let since, let until, until <= since {
            throw item.fault(
                "until \(until), which is not after since \(since)",
                "Make the end later than the start")
        }
        tenants.append(
            Tenant(
                id: id, name: try members["name"]?.text() ?? id,
                priceBook: try members["price_book"]?.text(),
                invoiceTo: try readAddress(members["invoice_to"]), match: rules, since: since,
                until: until))
    }
    return tenants
}

/// Reads `invoice_to:`, the recipient of a tenant's invoices.
///
/// Every field may be missing, and so may the whole key.
private func readAddress(_ value: YAMLValue?) throws(Fault) -> InvoiceAddress {
    guard let members = try value?.members(["address", "country", "vat_id", "email"]) else {
        return InvoiceAddress()
    }
    return InvoiceAddress(
        address: try members["address"]?.text(), country: try members["country"]?.text(),
        vatID: try members["vat_id"]?.text(), email: try members["email"]?.text())
}

/// Reads one rule of `match:`: a mapping with a single key, such as `slice: tenant-acme.slice`.
///
/// Some runtimes add keys, such as `pool` for Proxmox VE; `tenantRuleKinds` lists all of them.
///
/// - Throws: `badData` for an unknown key, and for a pattern that can never match.
private func readRule(_ item: YAMLValue) throws(Fault) -> Rule {
    let pairs = try item.anyMembers()
    let kinds = tenantRuleKinds.joined(separator: ", ")
    guard let pair = pairs.first, pairs.count == 1 else {
        throw item.fault("\(pairs.count) keys in one rule", "Write one of \(kinds) in each rule")
    }
    let pattern = try pair.value.text()
    guard let rule = tenantRule(kind: pair.name, pattern: pattern) else {
        throw pair.value.fault("the unknown rule \(quoted(pair.name))", "Use one of \(kinds)")
    }
    if let suggestion = rule.suggestion { throw pair.value.fault(quoted(pattern), suggestion) }
    return rule
}

/// Makes a rule from an option of the command line, such as `--slice tenant-acme.slice`.
///
/// - Parameters:
///   - kind: the name of the option, without dashes: `slice`.
///   - pattern: the value of the option.
/// - Throws: `wrongUse` for a pattern that can never match.
public func checkedRule(kind: String, pattern: String) throws(Fault) -> Rule {
    let rule = tenantRule(kind: kind, pattern: pattern)
    guard let rule, rule.suggestion == nil else {
        throw Fault(
            .wrongUse, at: "--\(kind)", problem: quoted(pattern),
            suggestion: rule?.suggestion ?? "Use another option")
    }
    return rule
}
