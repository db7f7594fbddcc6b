import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import ReportFiles
@testable import Reporting
import TestSupport
import Testing
import Units

private func context(
    _ document: InvoiceDocument, _ language: PageLanguage = .en
) throws -> [String: Any] {
    InvoicePage(
        document: document,
        text: PageText(language: language, labels: try Made.labels(language))
    ).context
}

private func rows(_ context: [String: Any], _ key: String) throws -> [[String: Any]] {
    try #require(context[key] as? [[String: Any]], "\(key)")
}

private func texts(_ context: [String: Any], _ list: String, _ key: String) throws -> [String] {
    try rows(context, list).map { $0[key] as? String ?? "" }
}

/// The values around the lines of the invoice page.
@Suite struct PageValuesTests {
    private func document() throws -> InvoiceDocument {
        let book = try Made.book(
            ["cpu": try Made.price("1", "1 vCPU-hour")], rounding: .halfUp,
            taxes: [try Made.tax("5.5", "vat"), try Made.tax("2", "eco")])
        return Made.document(
            try Made.draft(book, [Made.use("/a", "cpu", 3_600_000_000 * 1234)]))
    }

    @Test func totalsAndTaxesAreInTheLanguage() throws {
        let english = try context(try document())
        #expect(english["net"] as? String == "1,234.00")
        #expect(english["total"] as? String == "1,326.55")
        #expect(try texts(english, "taxes", "tax_name") == ["ECO", "VAT"])
        #expect(try texts(english, "taxes", "tax_code") == ["eco", "vat"])
        #expect(try texts(english, "taxes", "tax_rate") == ["2%", "5.5%"])
        #expect(try texts(english, "taxes", "tax_base") == ["1,234.00", "1,234.00"])
        #expect(try texts(english, "taxes", "tax_amount") == ["24.68", "67.87"])
        let french = try context(try document(), .fr)
        #expect(french["total"] as? String == "1\u{202F}326,55")
        #expect(french["lang"] as? String == "fr")
        #expect(try texts(french, "taxes", "tax_rate") == ["2\u{A0}%", "5,5\u{A0}%"])
    }

    /// A party without a field has no key for it, so that no heading stands over nothing.
    @Test func partiesHaveOnlyWhatIsKnown() throws {
        var document = try document()
        var seller = try #require(try context(document)["seller"] as? [String: Any])
        #expect(seller.keys.sorted() == ["name"] && seller["name"] as? String == "Octroi")
        var buyer = try #require(try context(document)["buyer"] as? [String: Any])
        #expect(buyer.keys.sorted() == ["name", "tenant"] && buyer["name"] as? String == "acme")
        document.invoice.parties = Parties(
            seller: Parties.Party(
                name: "H\u{F4}te\u{202E}", address: "1 rue\n75000 Paris", country: "", vatID: "FR1",
                email: nil),
            buyer: Parties.Party(name: "Acme", email: "a@example.org"), terms: "30 days\u{7}")
        let values = try context(document)
        seller = try #require(values["seller"] as? [String: Any])
        #expect(seller.keys.sorted() == ["address", "name", "vat_id"])
        #expect(seller["name"] as? String == "H\u{F4}te\u{27E8}U+202E\u{27E9}")
        #expect(seller["address"] as? String == "1 rue\n75000 Paris")
        buyer = try #require(values["buyer"] as? [String: Any])
        #expect(buyer.keys.sorted() == ["email", "name", "tenant"])
        #expect(buyer["name"] as? String == "Acme" && buyer["tenant"] as? String == "acme")
        #expect(values["terms"] as? String == "30 days\u{FFFD}")
    }

    /// The invoices that a document refers to, each once, with the day of their issue.
    @Test func referencesAreListedOnce() throws {
        var document = try document()
        #expect(try context(document)["has_references"] as? Bool == false)
        for number in ["OCT-000003", "OCT-000001", "OCT-000003"] {
            var line = document.invoice.draft.lines[0]
            (line.reference, line.isCorrection) = (number, true)
            document.invoice.draft.lines.append(line)
        }
        document.references = ["OCT-000001": try Made.month("2026-10").end]
        let values = try context(document)
        #expect(try texts(values, "references", "ref_number") == ["OCT-000001", "OCT-000003"])
        #expect(try texts(values, "references", "ref_date") == ["2026-11-01", ""])
        #expect(
            try rows(values, "references").allSatisfy {
                $0["is_correction_of"] as? Bool == true && $0["is_credit_of"] == nil
            })
    }

    @Test func aCreditNoteSaysWhatAndWhy() throws {
        var note = try Made.note(try document(), [1])
        note.invoice.reason = "wrong \u{202E}price"
        let values = try context(note)
        #expect(values["is_credit_note"] as? Bool == true)
        #expect(values["is_invoice"] as? Bool == false)
        #expect(values["footer_css"] as? String == "Credit note OCT-CN-000001")
        #expect(try texts(values, "references", "ref_number") == ["OCT-000001"])
        #expect(
            try texts(values, "references", "ref_reason") == ["wrong \u{27E8}U+202E\u{27E9}price"])
        #expect(try rows(values, "references").first?["is_credit_of"] as? Bool == true)
        #expect(values["total"] as? String == "\u{2212}1,326.55")
        // It has no segment of its own: it was rounded as the invoice that it credits.
        #expect((values["rounding"] as? String)?.hasPrefix("half up, once") == true)
    }

    @Test(arguments: [
        (Rounding.halfEven, "half to even, once for the whole invoice, to 0.01\u{A0}EUR;"),
        (.halfUp, "half up, once for the whole invoice, to 0.01\u{A0}EUR;"),
        (.up, "up, once for the whole invoice, to 0.01\u{A0}EUR;"),
        (.down, "down, once for the whole invoice, to 0.01\u{A0}EUR;"),
    ])
    func roundingIsSaid(mode: Rounding, sentence: String) throws {
        let book = try Made.book([:], rounding: mode)
        let values = try context(Made.document(try Made.draft(book, [])))
        #expect((values["rounding"] as? String)?.hasPrefix(sentence) == true)
    }

    /// How far each meter can be trusted, in parts that add up to 100 %.
    @Test(
        arguments: [
            (["conserved": 1, "sampled": 1, "imported": 1], ["33.34%", "–", "33.33%", "33.33%"]),
            (["conserved": 5], ["100.00%", "–", "–", "–"]), ([:], ["–", "–", "–", "–"]),
            (["estimated_split": 1, "sampled": 3], ["–", "25.00%", "75.00%", "–"]),
            (["conserved": 9_999, "imported": 1], ["99.99%", "–", "–", "0.01%"]),
        ] as [([String: Int128], [String])])
    func assurancesAreParts(sums: [String: Int128], parts: [String]) throws {
        var document = try document()
        document.invoice.caveats = [
            .assured(
                meter: "cpu",
                sums.sorted { $0.key < $1.key }.map { .init($0.key, $0.value * 3_600_000_000) })
        ]
        let values = try context(document)
        let row = try #require(try rows(values, "meters").first)
        let names = ["conserved", "estimated_split", "sampled", "imported"]
        #expect(names.map { row[$0] as? String ?? "" } == parts)
        #expect(row["meter_name"] as? String == "CPU time")
        let hours = sums.values.reduce(0, +)
        let shown = hours == 10_000 ? "10,000" : "\(hours)"
        #expect(row["meter_total"] as? String == shown + ".000\u{A0}vCPU-hour")
        // The table shows it, so it is no sentence among the others.
        #expect(try rows(values, "unmetered").isEmpty && values["has_meters"] as? Bool == true)
    }

    /// Which version priced which time is said only where there are several.
    @Test func versionsOfTheBookAreListed() throws {
        var document = try document()
        document.bookDigests = [Array(repeating: 0xAB, count: 32)]
        var books = try rows(try context(document), "books")
        #expect(books.count == 1 && books[0]["book_covers"] == nil)
        #expect(books[0]["book"] as? String == "standard")
        #expect(books[0]["effective"] as? String == "1970-01-01\u{A0}00:00")
        #expect(books[0]["book_digest"] as? String == String(repeating: "ab", count: 32))
        let month = try Made.month()
        let middle = month.start.advanced(bySeconds: 86_400)
        let book = try #require(document.draft.segments.first).book
        document.invoice.draft.segments = month.cut(at: [middle]).map {
            Segment(period: $0, month: month, book: book)
        }
        document.bookDigests.append(Array(repeating: 1, count: 32))
        books = try rows(try context(document), "books")
        #expect(
            books.map { $0["book_covers"] as? String } == [
                "2026-11-01\u{A0}00:00 to 2026-11-02\u{A0}00:00",
                "2026-11-02\u{A0}00:00 to 2026-12-01\u{A0}00:00",
            ])
    }

    @Test func aProofHasOnlyWhatThereIs() throws {
        var document = try document()
        #expect(try context(document)["proof"] == nil)
        let (zero, hash) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 7, count: 32))
        document.invoice.proof = Proof(ledger: nil, hash: hash, previous: zero)
        var proof = try #require(try context(document)["proof"] as? [String: Any])
        #expect(proof.keys.sorted() == ["invoice_hash"])
        document.invoice.proof = Proof(
            ledger: Proof.Ledger(entry: 12_345, hash: hash), hash: hash, previous: hash)
        proof = try #require(try context(document)["proof"] as? [String: Any])
        #expect(
            proof.keys.sorted() == ["invoice_hash", "ledger_entry", "ledger_hash", "previous_hash"])
        #expect(proof["ledger_entry"] as? String == "12345")
        #expect(proof["ledger_hash"] as? String == String(repeating: "07", count: 32))
    }
}

@Suite struct PageTemplateTests {
    private func page(_ template: String, _ name: String = "web") throws -> String {
        let book = try Made.book(["cpu": try Made.price("1", "1 vCPU-hour")])
        let document = Made.document(try Made.draft(book, [Made.use(name, "cpu", 3_600_000_000)]))
        var format = PageFormat(template: template, labels: try Made.labels(), .en)
        #expect(format.holdsOneInvoice && format.showsHours && format.heading == "")
        let text = try format.text(of: document)
        #expect(format.ending() == "")
        return text
    }

    @Test func aTemplateOfOnesOwnHasTheValues() throws {
        let lines = "{{#groups}}{{heading}}{{#lines}}|{{line}}|{{amount}}{{/lines}}{{/groups}}"
        #expect(try page("{{number}} {{net}}{{nothing}} " + lines) == "OCT-000001 1.00 web|1|1.00")
    }

    @Test(arguments: ["{{#groups}}", "{{/groups}}", "{{number", "{{#a}}{{/b}}"])
    func aBrokenTemplateIsNamed(template: String) throws {
        let fault = try #require(throws: Fault.self) { try page(template) }
        #expect(fault.kind == .badData && fault.location.contains("invoice.html.mustache"))
        #expect(fault.suggestion.contains("config folder"))
    }

    /// The page's own template lets no name become markup, a template or a style.
    @Test(arguments: ["<script>alert(1)</script>", "{{number}}", "\"><img src=x>", "</style>"])
    func noNameIsMarkup(name: String) throws {
        let html = try page(ReportFiles.invoicePage, name)
        let plain = try page(ReportFiles.invoicePage)
        for mark in ["<script", "<img", "</style"] {
            #expect(html.ranges(of: mark).count == plain.ranges(of: mark).count, "\(mark)")
        }
        #expect(html.ranges(of: "OCT-000001").count == plain.ranges(of: "OCT-000001").count)
    }
}
