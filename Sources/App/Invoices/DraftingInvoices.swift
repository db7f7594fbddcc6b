import Billing
import Host
import Invoicing
import Metering
import Settings
import Store
import Units

extension App {
    /// Drafts the invoices that issuing a period would make now.
    ///
    /// Nothing is written. Notices name invoices that already bill a part of the period, the
    /// caveats that new invoices would carry, and missing addresses.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` for all.
    ///   - isAgain: whether to draft time again whose invoice was credited in full.
    /// - Throws: `wrongUse` if the period cuts an issued invoice, `badData` for an unknown tenant.
    public func draftInvoices(
        over period: Period, tenant: String? = nil, isAgain: Bool = false
    ) throws(Fault) -> [Draft] {
        let settings = try settings()
        let store = try store(.read)
        try warnOfOtherZone(than: settings.zone, in: store)
        let drafts = try store.drafts(
            over: period, tenant: tenant, in: settings.zone, isAgain: isAgain)
        let invoiced = try store.invoiced(over: period, tenant: tenant)
            .filter { !($0.isCredited && isAgain) }
        notify(first: 20, of: notes(on: invoiced), elsewhere: "octroi invoice list")
        try notifyCaveats(over: period, tenant: tenant, store)
        try notifyMissingParties(of: drafts, settings.issueOptions(), store)
        return drafts
    }

    /// Gives notice of the caveats that invoices of the period would carry.
    private func notifyCaveats(
        over period: Period, tenant: String?, _ store: Store
    ) throws(Fault) {
        let caveats = try store.closingCaveats(
            over: period, tenant: tenant, at: Host.wallTime())
        let common = caveats.common.map { "\($0.kind.rawValue): \($0.text)" }
        let own = caveats.tenants.flatMap { tenant, caveats in
            caveats.map { "tenant \(tenant), \($0.kind.rawValue): \($0.text)" }
        }
        notify(first: 20, of: common + own, elsewhere: "octroi report unmetered, octroi audit")
    }

    /// Gives notice of missing sellers and addresses.
    ///
    /// Issuing stops at them if octroi.yaml has `closing: { parties: block }`.
    private func notifyMissingParties(
        of drafts: [Draft], _ options: IssueOptions, _ store: Store
    ) throws(Fault) {
        let drafted = Set(drafts.map(\.tenant))
        let tenants = try store.tenants(withRemoved: true).filter { drafted.contains($0.id) }
        let missing = tenants.compactMap { tenant in
            Parties(seller: options.seller, buyer: tenant.party).missing
                .map { "tenant \(tenant.id), parties: \($0)" }
        }
        notify(first: 20, of: missing, elsewhere: "octroi.yaml, tenants.yaml")
    }
}

/// What the drafts leave out because an invoice bills it already, one line for each tenant.
private func notes(on invoiced: [InvoicedPeriod]) -> [String] {
    // Invoices that were credited in full have a line of their own, because `--again` drafts them.
    let groups = Dictionary(grouping: invoiced) { "\($0.tenant) \($0.isCredited)" }
    return groups.sorted { $0.key < $1.key }.compactMap { _, invoices -> String? in
        guard let first = invoices.first, let last = invoices.last else { return nil }
        let isOne = invoices.count == 1
        let numbers =
            isOne
            ? first.number : "\(invoices.count) invoices from \(first.number) to \(last.number)"
        let time = isOne ? "\(first.period)" : "parts of this period"
        return "tenant \(first.tenant) was invoiced for \(time) already, \(numbers)"
            + (first.isCredited
                ? ", credited in full: --again drafts \(isOne ? "it" : "them") anew"
                : "; what came to light since is on its next invoice")
    }
}

extension Settings {
    /// The options for issuing invoices by these settings.
    ///
    /// - Parameter isAgain: whether to issue time again whose invoice was credited in full.
    func issueOptions(isAgain: Bool = false) -> IssueOptions {
        var closing = ClosingPolicy()
        for (name, rule) in self.closing {
            guard let kind = MeteringCaveat.Kind(rawValue: name) else { continue }
            closing.rules[kind] = ClosingRule(rawValue: rule)
        }
        return IssueOptions(
            series: seller.series, zone: zone,
            seller: seller.name.map {
                Parties.Party(
                    name: $0, address: seller.address, country: seller.country,
                    vatID: seller.vatID, email: seller.email)
            }, terms: seller.terms, closing: closing, isAgain: isAgain,
            requiresParties: self.closing["parties"] == "block")
    }
}
