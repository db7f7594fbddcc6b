import Store
import Invoicing
import Pricing
import Units

extension Store {
    /// Issues a credit note that takes back lines of an invoice, with their taxes.
    ///
    /// What was credited line by line stays credited. Only an invoice that was credited in full can
    /// be issued again.
    ///
    /// - Parameters:
    ///   - number: the number of the invoice.
    ///   - lines: the numbers of the lines, from 1; `nil` is all that are not credited yet.
    ///   - reason: the reason that the credit note states.
    ///   - series: the prefix of invoice numbers. Credit notes have a series of their own:
    ///     `OCT-CN`.
    ///   - now: the time of issue.
    /// - Throws: `wrongUse` for a credit note, for an unknown line, for a tax line, and for a line
    ///   that was credited before.
    public func credit(
        _ number: String, lines: [Int]?, reason: String?, series: String, at now: Instant
    ) throws(Fault) -> Invoice {
        try writing { db in
            let invoice = try db.reading.invoice(number)
            guard !invoice.isCreditNote else {
                throw Fault(
                    .wrongUse, at: "credit note \(number)", problem: "this is not an invoice",
                    suggestion: "Credit an invoice; to undo a credit note, issue the period again")
            }
            let credited = try db.reading.creditedLines(of: number)
            let chosen = try chosenLines(lines, of: invoice, credited)
            let rounding = try invoiceRounding(db.reading, invoice)
            let note = Invoice(
                number: "",
                draft: invoice.draft.credit(chosen, after: credited, rounding: rounding),
                issued: now, status: .creditNote, credits: number, reason: reason,
                zone: invoice.zone, parties: invoice.parties)
            let taxes = note.draft.lines.count - chosen.count
            var digests = PriceBookDigests()
            let issued = try db.issue(
                note, series: "\(series)-CN",
                creditedLines: chosen.sorted().map(Optional.init)
                    + Array(repeating: nil, count: taxes), &digests)
            try reopenCorrections(db, of: invoice, isFull: chosen.union(credited).count)
            return try db.reading.invoice(issued.number)
        }
    }
}

/// The lines to credit, checked.
private func chosenLines(
    _ lines: [Int]?, of invoice: Invoice, _ credited: Set<Int>
) throws -> Set<Int> {
    let all = invoice.draft.lines.indices.filter { !invoice.draft.lines[$0].isTax }
        .map { $0 + 1 }
    let chosen = Set(lines ?? all.filter { !credited.contains($0) })
    /// An error about the invoice, or about one of its lines.
    func refuse(_ line: Int?, _ found: String, _ suggestion: String) -> Fault {
        let place = line.map { ", line \($0)" } ?? ""
        return Fault(
            .wrongUse, at: "invoice \(invoice.number)\(place)", problem: found,
            suggestion: suggestion)
    }
    for line in chosen.sorted() {
        guard invoice.draft.lines.indices.contains(line - 1) else {
            throw refuse(line, "no such line", "octroi invoice show \(invoice.number)")
        }
        guard all.contains(line) else {
            throw refuse(line, "a tax", "Credit the lines it is on: taxes follow by themselves")
        }
        if credited.contains(line) {
            throw refuse(line, "it was credited before", "Leave it out")
        }
    }
    guard !chosen.isEmpty else {
        throw refuse(nil, "all of it was credited before", "octroi invoice list shows the notes")
    }
    return chosen
}

/// How an invoice was rounded: by the version in force at the end of its period.
///
/// An invoice that only corrects others in another currency has no such version. It was rounded by
/// the version of one of the invoices that it corrects: of several, the one that makes its taxes.
func invoiceRounding(_ db: ReadTransaction, _ invoice: Invoice) throws -> Rounding {
    if let book = invoice.draft.segments.last?.book, book.currency == invoice.draft.currency {
        return book.rounding
    }
    let corrected = Set(invoice.draft.lines.compactMap(\.reference)).sorted()
    let modes = try corrected.compactMap { try db.invoice($0).draft.segments.last?.book.rounding }
    return modes.first(where: invoice.draft.isTaxed) ?? modes.first ?? .halfEven
}

/// Marks for another comparison the invoices that this one corrected, once it is credited in full.
///
/// Its corrections are taken back with it, so they are due again.
///
/// - Parameter count: the number of its lines that are credited.
private func reopenCorrections(
    _ db: WriteTransaction, of invoice: Invoice, isFull count: Int
) throws {
    guard count == invoice.draft.lines.count(where: { !$0.isTax }) else { return }
    let starts = invoice.draft.lines.filter { $0.reference != nil }.map(\.period.start)
    guard let first = starts.min() else { return }
    try db.markForRecheck(invoice.draft.tenant, since: first)
}
