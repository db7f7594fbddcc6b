import Store
import BigInt
import Invoicing
import Metering
import Pricing
import Units

/// What a verification found.
public struct InvoiceVerification: Sendable {
    /// Invoices and credit notes that were looked at.
    public var count = 0
    /// Those that were issued before what they rest on was pinned.
    public var unpinned = 0
    public var differences: [InvoiceDifference] = []
    /// The newest hash of the chain.
    public var head: [UInt8]?
}

extension Store {
    /// Recomputes issued invoices from what they rest on, and walks the chain.
    ///
    /// - Parameter numbers: `nil` is all. The chain is always walked whole.
    public func verifyInvoices(_ numbers: [String]?) throws(Fault) -> InvoiceVerification {
        try reading { db in
            var result = InvoiceVerification()
            (result.differences, result.head) = try db.checkInvoiceChain()
            // What is billed next rests on it.
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

/// Computes an invoice anew and holds it against what is stored.
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

/// A credit note's lines are an invoice's, negated.
private func creditDifferences(
    _ db: ReadTransaction, _ note: Invoice, _ original: String
) throws -> [String] {
    let invoice = try db.invoice(original)
    return try zip(db.linesCredited(by: note.number), note.draft.lines).compactMap { place, line in
        guard !line.isTax else { return nil }
        guard let credited = place.credited, invoice.draft.lines.indices.contains(credited - 1),
            invoice.draft.lines[credited - 1].negated == line
        else {
            return "line \(place.line) is not the opposite of a line of \(original)"
        }
        return nil
    }
}

/// The ledger as it was when the invoice was issued, against what the invoice was computed from.
func usageDifferences(
    _ sweep: UsageSweep, _ pinned: [AccountUsage], _ segments: [Segment], _ invoice: Invoice,
    rules: RatingRules = .current
) throws -> [String] {
    var assured = AssuredUsage()
    let ledger = try sweep.read(
        pinned.spans, segments, upTo: invoice.proof?.ledger?.entry ?? .max, assured: &assured)
    return pinned.differences(from: ledger, segments, rules)
}
