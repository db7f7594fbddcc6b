import BigInt
import Foundation
import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// What is wrong with an issued invoice, or the chain of them.
public struct InvoiceDifference: Hashable, Sendable {
    /// An invoice's number; `nil` for the chain as a whole.
    public var invoice: String?
    public var found: String

    public init(_ invoice: String?, _ found: String) {
        (self.invoice, self.found) = (invoice, found)
    }
}

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
        try read { db in
            var result = InvoiceVerification()
            try walkChain(db, &result)
            // What is billed next rests on it.
            result.differences += try changedTerms(db).map { InvoiceDifference(nil, $0) }
            let all = try db.values(
                String.self, "SELECT number FROM invoice ORDER BY series, sequence")
            let sweep = try UsageSweep(db, withOpen: nil)
            for number in numbers ?? all {
                guard all.contains(number) else { _ = try loadInvoice(db, number); continue }
                result.count += 1
                do {
                    try recompute(db, number, sweep, &result)
                } catch let error as DatabaseError {
                    throw error
                } catch {
                    // What cannot be read is not what was written.
                    let found = (error as? Fault)?.found ?? "it cannot be read: \(error)"
                    result.differences.append(InvoiceDifference(number, found))
                }
            }
            return result
        }
    }
}

extension Store {
    /// Whether an invoice has this hash, in hexadecimal.
    public func hasSeal(_ hash: String) throws(Fault) -> Bool {
        try read { db in
            try db.value(
                Bool.self, "SELECT EXISTS (SELECT 1 FROM invoice_seal WHERE hex(hash) = upper(?))",
                [hash]) ?? false
        }
    }
}

/// The chain without a gap, each hash as its rows make it, each series without a gap.
private func walkChain(_ db: Database, _ result: inout InvoiceVerification) throws {
    var definitions = PriceBookDigests()
    var previous = noHash
    for (index, row) in try db.rows("SELECT * FROM invoice_seal ORDER BY id")
        .enumerated()
    {
        let number: String = row["invoice"]
        func differ(_ found: String) {
            result.differences.append(InvoiceDifference(number, found))
        }
        if row["id"] != Int64(index + 1) {
            differ("its place in the chain is \(row["id"] as Int64), not \(index + 1)")
        }
        let (stored, before) = (Array(row["hash"] as Data), Array(row["previous"] as Data))
        if before != previous { differ("the hash before it is not the one it was chained to") }
        if try sealHash(db, number, after: before, &definitions) != stored {
            differ("its rows, or its price book, are not those that were sealed")
        }
        previous = stored
    }
    result.head = previous == noHash ? nil : previous
    let unsealed = try db.values(
        String.self,
        "SELECT number FROM invoice WHERE number NOT IN (SELECT invoice FROM invoice_seal)"
    )
    result.differences += unsealed.map { InvoiceDifference($0, "it is not in the chain") }
    let gaps = try db.rows(
        """
        SELECT series, count(*) AS held, max(sequence) AS last FROM invoice
        GROUP BY series HAVING count(*) <> max(sequence)
        """)
    result.differences += gaps.map {
        let (held, last): (Int64, Int64) = ($0["held"], $0["last"])
        return InvoiceDifference(
            nil, "series \($0["series"] as String) holds \(held) numbers of \(last)")
    }
}

/// Computes an invoice anew and holds it against what is stored.
private func recompute(
    _ db: Database, _ number: String, _ sweep: UsageSweep, _ result: inout InvoiceVerification
) throws {
    let invoice = try loadInvoice(db, number)
    func differ(_ found: String) { result.differences.append(InvoiceDifference(number, found)) }
    let row = try db.row(
        "SELECT * FROM invoice WHERE number = ?", [number])
    let totals = ["net_minor", "tax_minor", "total_minor"].map { row?[$0] as Int64? }
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
    let place = try sealPlace(db, number)
    let past = try IssuedInvoices(db, tenant: invoice.draft.tenant, before: place)
    let again =
        try place < firstSharedSeal(db)
        ? recomputeByFirstRules(db, invoice, past, sweep, differ)
        : Recomputing(db, invoice, past, sweep).draft(differ)
    guard let again else { return }
    for found in lineDifferences(invoice.draft.lines, again.lines) { differ(found) }
}

func sealPlace(_ db: Database, _ number: String) throws -> Int64 {
    try db.value(
        Int64.self, "SELECT id FROM invoice_seal WHERE invoice = ?", [number]) ?? .max
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
    let parts: [String?] = [
        line.kind.rawValue, line.meter, line.tier.map { "tier \($0)" },
        line.container.map(harmless), line.quantity.map { "\($0) \(line.unit ?? "")" },
        line.unitPrice.map { "at \($0) per \(line.per ?? "")" },
        "= \(line.exactAmount), \(line.amount) minor units",
    ]
    return parts.compactMap(\.self).joined(separator: " ")
}

/// A credit note's lines are an invoice's, negated.
private func creditDifferences(
    _ db: Database, _ note: Invoice, _ original: String
) throws -> [String] {
    let invoice = try loadInvoice(db, original)
    let lines = try db.rows(
        "SELECT line, credits_line FROM invoice_line WHERE invoice = ? ORDER BY line",
        [note.number])
    return zip(lines, note.draft.lines).compactMap { row, line in
        guard line.kind != .tax else { return nil }
        guard let place = row["credits_line"] as Int?,
            invoice.draft.lines.indices.contains(place - 1),
            invoice.draft.lines[place - 1].negated == line
        else {
            return "line \(row["line"] as Int) is not the opposite of a line of \(original)"
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
    let spans = Array(
        Set(
            pinned.map { use in
                var span = use.span
                span.life = nil
                return span
            })
    ).sorted {
        ($0.container, $0.since) < ($1.container, $1.since)
    }
    let now = try sweep.read(
        spans, segments, upTo: invoice.proof?.ledger?.entry ?? .max, assured: &assured)
    let held = Dictionary(now.map { (UsageKey($0), $0.quantity) }) { $0 + $1 }
    var found: [String] = []
    for use in pinned where held[UsageKey(use)] != use.quantity {
        let ledger = held[UsageKey(use)].map { "\($0)" } ?? "nothing"
        found.append(
            "it bills \(use.quantity) of \(use.meter) in \(harmless(use.span.path.text)), of "
                + "which the ledger held \(ledger)")
    }
    for (use, billable) in billable(pinned, segments, rules) where use.billable != billable {
        found.append(
            "it bills \(use.billable) for \(use.quantity) of \(use.meter) in "
                + harmless(use.span.path.text))
    }
    return found
}

/// What an invoice's usage comes to with its prices' minimum durations.
private func billable(
    _ pinned: [AccountUsage], _ segments: [Segment], _ rules: RatingRules
) -> [(AccountUsage, Int128)] {
    if rules == .first {
        return pinned.map { use in
            (use, segments[use.segment].book.billable(use.quantity, use.meter, use.span.life))
        }
    }
    // A life is pinned where it makes a difference: it is that of the container all the same.
    var lives: [Int64: Int64] = [:]
    for use in pinned { if let life = use.span.life { lives[use.span.container] = life } }
    var minimum = MinimumDuration(segments)
    return pinned.sorted {
        ($0.span.container, $0.segment, $0.span.since)
            < ($1.span.container, $1.segment, $1.span.since)
    }.map { use in
        var span = use.span
        span.life = lives[span.container]
        let billable = minimum.billable(
            use.quantity, of: use.meter, isUnreserved: use.isUnreserved, in: use.segment, span)
        return (use, billable)
    }
}
