import Store
import BigInt
import Invoicing
import Metering
import Pricing
import Units

/// The result of verifying invoices.
public struct InvoiceVerification: Sendable {
    /// The number of invoices and credit notes that were checked.
    public var count = 0
    /// The number of invoices that cannot be recomputed.
    ///
    /// They were issued before invoices kept the usage that they rest on.
    public var unpinned = 0
    /// Everything that is not as it should be; empty if all is well.
    public var differences: [InvoiceDifference] = []
    /// The newest hash of the chain of invoices; `nil` without invoices.
    public var head: [UInt8]?
}

extension Store {
    /// Recomputes issued invoices from what they rest on, and checks the chain of hashes.
    ///
    /// For each invoice, the ledger is summed as it was at the time of issue and rated again by the
    /// rules and prices of that day. Lines, totals and pinned usage must match. The chain, the
    /// series of numbers and the terms (prices, tenants, owners of hours) are always checked as a
    /// whole.
    ///
    /// The chain alone cannot show that its newest documents were deleted. For that, compare it
    /// with a `head` that an earlier verification printed.
    ///
    /// - Parameter numbers: the invoices to recompute; `nil` is all.
    /// - Throws: for a number that no invoice has. Damaged invoices are reported as differences.
    public func verifyInvoices(_ numbers: [String]?) throws(Fault) -> InvoiceVerification {
        try reading { db in
            var result = InvoiceVerification()
            (result.differences, result.head) = try db.checkInvoiceChain()
            // Future invoices rest on the terms, so a change of them without Octroi is reported as
            // well.
            result.differences += try db.changedTerms().map { InvoiceDifference(nil, $0) }
            let all = try db.invoiceNumbers()
            let sweep = try UsageSweep(db, withOpen: nil)
            for number in numbers ?? all {
                guard all.contains(number) else { _ = try db.invoice(number); continue }
                result.count += 1
                let damage = try db.damage { try recompute(db, number, sweep, &result) }
                if let damage { result.differences.append(InvoiceDifference(number, damage)) }
            }
            return result
        }
    }
}

/// Recomputes one invoice or credit note, and compares it with what is stored.
private func recompute(
    _ db: ReadTransaction, _ number: String, _ sweep: UsageSweep,
    _ result: inout InvoiceVerification
) throws {
    let invoice = try db.invoice(number)
    func differ(_ found: String) { result.differences.append(InvoiceDifference(number, found)) }
    let totals = try db.storedTotals(of: number)
    let sums = [invoice.draft.net, invoice.draft.tax, invoice.draft.total]
    if totals != sums.map({ Int64(exactly: $0) }) {
        let currency = invoice.draft.currency
        func money(_ amounts: [BigInt]) -> String {
            zip(["net", "tax", "total"], amounts).map { "\($0) \(currency.text($1))" }
                .joined(separator: ", ")
        }
        differ(
            "its lines add up to \(money(sums)) \(currency), it says "
                + money(totals.map { BigInt($0 ?? 0) }))
    }
    if let original = invoice.credits {
        for found in try creditDifferences(db, invoice, original) { differ(found) }
        return
    }
    // Without an entry of the ledger there is nothing to recompute from.
    guard invoice.proof?.ledger != nil else {
        result.unpinned += 1
        return
    }
    let place = try db.sealPlace(of: number)
    let past = try IssuedInvoices(db, tenant: invoice.draft.tenant, before: place)
    let again =
        try place < db.firstSharedSeal()
        ? recomputeByFirstRules(db, invoice, past, sweep, differ)
        : Recomputing(db, invoice, past, sweep).draft(differ)
    guard let again else { return }
    for found in lineDifferences(invoice.draft.lines, again.lines) { differ(found) }
}

/// A sentence for each line that differs, and for a different number of lines.
///
/// Both lists are in the order of an invoice, so lines are compared place by place.
private func lineDifferences(_ stored: [LineItem], _ computed: [LineItem]) -> [String] {
    var found: [String] = []
    if stored.count != computed.count {
        found.append("\(stored.count) lines, where its usage and prices make \(computed.count)")
    }
    for (index, (a, b)) in zip(stored, computed).enumerated() where a != b {
        found.append("line \(index + 1) is \(words(a)), and should be \(words(b))")
    }
    return found
}

/// A line in words, for a sentence about a difference.
private func words(_ line: LineItem) -> String {
    let columns = line.columns
    let parts: [String?] = [
        columns.kind.rawValue, columns.meter, columns.tier.map { "tier \($0)" },
        columns.container.map(escapingControlCharacters),
        columns.quantity.map { "\($0) \(columns.unit ?? "")" },
        columns.unitPrice.map { "at \($0) per \(columns.per ?? "")" },
        "= \(line.exactAmount), \(line.amount) minor units",
    ]
    return parts.compactMap(\.self).joined(separator: " ")
}

/// The lines of a credit note that are not exactly what crediting its invoice makes.
///
/// Lines are the negated lines of the invoice. Taxes follow from them, and from the lines that
/// earlier notes credited.
private func creditDifferences(
    _ db: ReadTransaction, _ note: Invoice, _ original: String
) throws -> [String] {
    let invoice = try db.invoice(original)
    let places = try db.linesCredited(by: note.number)
    let wrong = zip(places, note.draft.lines).compactMap { place, line -> String? in
        guard !line.isTax else { return nil }
        guard let credited = place.credited, invoice.draft.lines.indices.contains(credited - 1),
            invoice.draft.lines[credited - 1].negated == line
        else {
            return "line \(place.line) is not the opposite of a line of \(original)"
        }
        return nil
    }
    guard wrong.isEmpty else { return wrong }
    let again = invoice.draft.credit(
        Set(places.compactMap(\.credited)),
        after: try db.creditedLines(of: original, before: note.number),
        rounding: try invoiceRounding(db, invoice))
    return lineDifferences(note.draft.lines, again.lines)
}

/// Compares the usage that an invoice was computed from with the ledger at the time of issue.
///
/// Entries of the ledger that came later are left out, so late usage is no difference.
///
/// - Parameter pinned: the usage as it is kept with the invoice.
/// - Returns: a sentence for each difference.
func usageDifferences(
    _ sweep: UsageSweep, _ pinned: [AccountUsage], _ segments: [Segment], _ invoice: Invoice,
    rules: RatingRules = .current
) throws -> [String] {
    var assured = AssuredUsage()
    let ledger = try sweep.read(
        pinned.spans, segments, upTo: invoice.proof?.ledger?.entry ?? .max, assured: &assured)
    return pinned.differences(from: ledger, segments, rules)
}
