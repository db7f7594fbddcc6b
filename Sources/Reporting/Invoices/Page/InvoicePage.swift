import BigInt
import Invoicing
import Metering
import Mustache
import Pricing
import Units

/// Writes an invoice as one self-contained HTML page.
///
/// A Mustache template makes the page: Octroi's own, or one in the configuration folder.
public struct PageFormat: InvoiceFormat {
    /// The text of the template.
    private let template: String
    /// How the page writes words and numbers.
    private let text: PageText

    /// Creates a format.
    ///
    /// - Parameters:
    ///   - template: a Mustache template; reports/invoice.html.mustache shows which names it may
    ///     use.
    ///   - labels: the words of the language, by key.
    ///   - language: decides how numbers are written.
    public init(template: String, labels: [String: String], _ language: PageLanguage) {
        (self.template, text) = (template, PageText(language: language, labels: labels))
    }

    public var holdsOneInvoice: Bool { true }
    public var showsHours: Bool { true }

    /// The page of a document.
    ///
    /// - Throws: `badData` if the template is not valid.
    public mutating func text(of document: InvoiceDocument) throws(Fault) -> String {
        let page = InvoicePage(document: document, text: text)
        do {
            return try MustacheTemplate(string: template).render(page.context)
        } catch {
            throw Fault(
                .badData, at: "the template invoice.html.mustache", problem: "\(error)",
                suggestion: "Correct it, or take it out of the config folder to use Octroi's own")
        }
    }
}

/// Builds the values that the template of the invoice page shows.
///
/// Every value is text that is ready to print, a flag, or a list of such values. A value that is
/// missing has no key, so that its section of the template is left out.
struct InvoicePage {
    /// The document that the page shows.
    let document: InvoiceDocument
    /// How the page writes words and numbers.
    let text: PageText

    var invoice: Invoice { document.invoice }
    var draft: Draft { invoice.draft }

    /// All values of the page, by the names that the template uses.
    var context: [String: Any] {
        var context: [String: Any] = [
            "lang": text.language.rawValue, "labels": text.labels,
            "is_invoice": !invoice.isCreditNote, "is_credit_note": invoice.isCreditNote,
            "is_draft": false, "number": invoice.number,
            "issue_date": text.day(invoice.issued, document.zone),
            "period_start": text.time(draft.period.start, document.zone),
            "period_end": text.time(draft.period.end, document.zone), "time_zone": invoice.zone,
            "currency": draft.currency.code, "net": money(draft.net), "total": money(draft.total),
            "footer_css": text.css("\(title) \(invoice.number)"), "seller": seller,
            "buyer": buyer, "has_references": !references.isEmpty, "references": references,
            "taxes": taxes, "groups": groups, "has_meters": !meters.isEmpty, "meters": meters,
            "unmetered": said([.assurance, .unmetered]), "gaps": said([.gap, .open]),
            "differences": said([.audit]),
            "has_differences": invoice.caveats.contains { $0.kind == .audit },
            "books": books, "rounding": rounding,
        ]
        if let chart = chart { context["chart"] = chart }
        if let terms = invoice.parties.terms { context["terms"] = text.name(terms) }
        if let proof = invoice.proof {
            var members: [String: Any] = ["invoice_hash": hex(proof.hash)]
            if let ledger = proof.ledger {
                members["ledger_entry"] = String(ledger.entry)
                members["ledger_hash"] = hex(ledger.hash)
            }
            if let credits = invoice.credits { members["credited_invoice"] = credits }
            if proof.previous.contains(where: { $0 != 0 }) {
                members["previous_hash"] = hex(proof.previous)
            }
            context["proof"] = members
        }
        return context
    }

    /// The title in the footer of printed pages.
    private var title: String {
        text.label(invoice.isCreditNote ? "title_credit_note" : "title_invoice")
    }

    /// An amount in the invoice's currency.
    ///
    /// - Parameter minor: the amount in minor units.
    func money(_ minor: BigInt) -> String { text.money(minor, draft.currency) }

    /// The seller; `Octroi` if the invoice names none.
    private var seller: [String: Any] {
        party(invoice.parties.seller ?? Parties.Party(name: "Octroi"))
    }

    /// The buyer; the tenant's id if the invoice names none.
    private var buyer: [String: Any] {
        var buyer = party(invoice.parties.buyer ?? Parties.Party(name: draft.tenant))
        buyer["tenant"] = draft.tenant
        return buyer
    }

    /// The fields of a seller or buyer, without those that are empty.
    ///
    /// Mustache treats an empty text as a value, so an empty field would be shown.
    private func party(_ party: Parties.Party) -> [String: Any] {
        let members = [
            "name": party.name, "address": party.address, "country": party.country,
            "vat_id": party.vatID, "email": party.email,
        ]
        return members.compactMapValues { value in
            value.flatMap { $0.isEmpty ? nil : text.name($0) }
        }
    }

    /// The invoices that this document credits or corrects, by number.
    private var references: [[String: Any]] {
        let numbers = Set(
            draft.lines.compactMap(\.reference) + [invoice.credits].compactMap(\.self))
        return numbers.sorted().map { number in
            let isCredit = number == invoice.credits
            var item: [String: Any] = [
                isCredit ? "is_credit_of" : "is_correction_of": true, "ref_number": number,
                "ref_date": document.references[number].map { text.day($0, document.zone) } ?? "",
            ]
            if isCredit, let reason = invoice.reason { item["ref_reason"] = text.name(reason) }
            return item
        }
    }

    /// Each tax with its rate, its amount, and the net amount of the lines that bear it.
    private var taxes: [[String: Any]] {
        draft.lines.compactMap { line in
            guard case .tax(let code, let part) = line.subject else { return nil }
            let base = draft.lines.filter {
                !$0.isTax && !Set($0.taxes).isDisjoint(with: line.taxes)
            }.reduce(BigInt(0)) { $0 + $1.amount }
            return [
                "tax_name": text.name(line.taxes.first?.name ?? code), "tax_code": code,
                "tax_rate": text.percent(part.rate.description), "tax_base": money(base),
                "tax_amount": money(line.amount),
            ]
        }
    }

    /// Remarks as sentences.
    ///
    /// Remarks with quantities are left out: the table of meters shows them.
    private func said(_ kinds: [MeteringCaveat.Kind]) -> [[String: Any]] {
        invoice.caveats.compactMap { caveat in
            if case .assured = caveat { return nil }
            guard kinds.contains(caveat.kind) else { return nil }
            return ["said": text.name(text.sentence(caveat))]
        }
    }

    /// The versions of price books that priced the invoice; if there are several, with their time.
    private var books: [[String: Any]] {
        zip(draft.segments, document.bookDigests).map { segment, digest in
            var item: [String: Any] = [
                "book": segment.book.id,
                "effective": text.time(segment.book.effective, document.zone),
                "memory": text.label("memory_\(segment.book.memory.rawValue)"),
                "book_digest": hex(digest),
            ]
            if draft.segments.count > 1 {
                item["book_covers"] =
                    text.time(segment.period.start, document.zone) + " " + text.label("to") + " "
                    + text.time(segment.period.end, document.zone)
            }
            return item
        }
    }

    /// The sentence about how the invoice was rounded.
    private var rounding: String {
        // A credit note has no segments of its own. It was rounded as the invoice that it credits.
        let mode = (draft.segments.last ?? document.segments.last)?.book.rounding ?? .halfEven
        let key = "rounding_" + mode.rawValue.replacing("-", with: "_")
        let unit = draft.currency.text(1) + " " + draft.currency.code
        return text.label("rounding_once", ["mode": text.label(key), "unit": text.words(unit)])
    }

    /// Each billed meter, with the percentage of its quantity that has each assurance.
    ///
    /// Percentages have two decimals and add up to 100 (largest remainder).
    private var meters: [[String: Any]] {
        invoice.caveats.compactMap { caveat in
            guard case .assured(let meter, let quantities) = caveat else { return nil }
            let sums = Dictionary(
                quantities.map { ($0.assurance, $0.quantity) }, uniquingKeysWith: +)
            let names = ["conserved", "estimated_split", "sampled", "imported"]
            let parts = apportion(10_000, over: names.map { sums[$0] ?? 0 })
            let total = sums.values.reduce(0, +)
            let line = draft.lines.first { $0.meter == meter && $0.counted != nil }
            var row: [String: Any] = ["meter_name": meterName(meter)]
            row["meter_total"] =
                line.map { line in
                    let shown = LineQuantity(line, document.segments, draft.currency)
                    return text.words(shown.text(total))
                } ?? "\(total)"
            for (name, part) in zip(names, parts) {
                row[name] = part == 0 ? "–" : text.percent(decimalText(BigInt(part), places: 2))
            }
            return row
        }
    }

    /// The name of a meter in the page's language; a custom meter keeps its own.
    func meterName(_ meter: String) -> String {
        let key = "meter_\(meter)"
        return text.labels[key] == nil ? meter : text.label(key)
    }
}
