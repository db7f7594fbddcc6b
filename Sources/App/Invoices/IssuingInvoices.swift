import Billing
import Host
import Invoicing
import Settings
import Store
import Units

extension App {
    /// Issues all invoices that are due for a period, or none.
    ///
    /// Issuing a period again changes nothing. Notices repeat the caveats of the new invoices, and
    /// name tenants with earlier usage that no invoice covers.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` for all.
    ///   - untilNow: whether to issue a period that is not over, up to the end of the hour that is
    ///     running.
    ///   - isAgain: whether to issue time again whose invoice was credited in full.
    /// - Returns: the invoices of the period, with those that were issued before.
    /// - Throws: `wrongUse` for a period that is not over or cuts an issued invoice; `badData` for
    ///   an unknown tenant, usage without a price, a caveat that blocks, or a seller copied from
    ///   the example. Nothing is issued then.
    public func issueInvoices(
        over period: Period, tenant: String? = nil, untilNow: Bool = false, isAgain: Bool = false
    ) throws(Fault) -> [Invoice] {
        let settings = try settings()
        try settings.seller.refuseExample(in: configFolder)
        let now = Host.wallTime()
        let period = try due(period, now, untilNow: untilNow)
        let store = try store(.write)
        try warnOfOtherZone(than: settings.zone, in: store)
        let issued = try store.issue(
            over: period, tenant: tenant, at: now, settings.issueOptions(isAgain: isAgain))
        notify(of: issued, at: now)
        for open in try store.uninvoiced(before: period, tenant: tenant) {
            notify(
                "tenant \(open.tenant) has usage from \(open.since) on that no invoice covers: "
                    + "issue the time before \(period.start), too")
        }
        return issued.invoices
    }

    /// Issues a credit note for an invoice, or for some of its lines.
    ///
    /// - Parameters:
    ///   - number: the number of the invoice.
    ///   - lines: the numbers of the lines, from 1; `nil` for all that are not credited yet.
    ///   - reason: why, for the credit caveat.
    /// - Throws: `badData` for an unknown number; `wrongUse` for a credit note, and for a line that
    ///   does not exist, is a tax or was credited before.
    public func creditInvoice(
        _ number: String, lines: [Int]? = nil, reason: String? = nil
    ) throws(Fault) -> Invoice {
        let series = try settings().seller.series
        return try store(.write).credit(
            number, lines: lines, reason: reason, series: series, at: Host.wallTime())
    }

    /// Gives notice of what the new invoices lack, and of what was not measured without an invoice.
    ///
    /// - Parameter now: the time of issue, by which new invoices are told from earlier ones.
    private func notify(of issued: IssuedNow, at now: Instant) {
        let new = issued.invoices.filter { $0.issued == now }
        for invoice in new {
            for caveat in invoice.caveats where caveat.kind != .assurance {
                notify("\(invoice.number), \(caveat.kind.rawValue): \(caveat.text)")
            }
        }
        // No document holds what was not measured of tenants without an invoice.
        let unbilled = issued.unbilled.flatMap { tenant, caveats in
            caveats.map { "tenant \(tenant), not invoiced, \($0.kind.rawValue): \($0.text)" }
        }
        notify(first: 20, of: unbilled, elsewhere: "octroi report unmetered, octroi audit")
        // A numbered document never changes. So its sender should know now that an address is
        // missing.
        let missing = new.compactMap { invoice in
            invoice.parties.missing.map { "\(invoice.number): \($0)" }
        }
        notify(first: 5, of: missing, elsewhere: nil)
    }

    /// The part of a period that can be issued now.
    ///
    /// - Throws: `wrongUse` if the period has not begun, or is not over and `untilNow` is false.
    private func due(_ period: Period, _ now: Instant, untilNow: Bool) throws(Fault) -> Period {
        guard period.start < now else {
            throw Fault(
                .wrongUse, at: "period \(period)", problem: "it has not begun",
                suggestion: "Issue a period that has ended")
        }
        guard period.end > now else { return period }
        let hour = now.startOfHour.advanced(bySeconds: 3600)
        guard untilNow, let part = Period(start: period.start, end: min(period.end, hour)) else {
            throw Fault(
                .wrongUse, at: "period \(period)", problem: "it is not over yet",
                suggestion: "octroi invoice draft shows it; add --until now to issue what there is")
        }
        return part
    }
}
