import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import ReportFiles
import Reporting
import TestSupport
import Testing
import Units

/// Makes price books, usage and documents in a few words.
///
/// Drafts are made from usage as billing makes them, so lines, taxes and rounding are real.
enum Made {
    static func month(_ text: String = "2026-11") throws -> Period {
        try #require(Period(month: text))
    }

    static func decimal(_ text: String) throws -> DecimalPrice {
        try #require(DecimalPrice(text))
    }

    static func unit(_ text: String) throws -> UnitQuantity { try #require(UnitQuantity(text)) }

    static func price(_ amount: String, _ per: String) throws -> Price {
        Price(amount: try decimal(amount), per: try unit(per))
    }

    /// A price in tiers, each with its upper bound, its price and its flat amount.
    static func tiers(
        _ per: String, _ steps: [(String?, String, String?)], free: String? = nil,
        step: String? = nil
    ) throws -> Price {
        Price(
            per: try unit(per),
            tiers: try steps.map {
                Tier(
                    upTo: try $0.0.map(decimal), price: try decimal($0.1),
                    flat: try $0.2.map(decimal))
            }, free: try free.map(unit), step: try step.map(unit))
    }

    static func tax(_ rate: String, _ code: String = "vat") throws -> Tax {
        Tax(code: code, name: code.uppercased(), rate: try decimal(rate))
    }

    static func book(
        _ meters: [String: Price], currency: String = "EUR", rounding: Rounding = .halfEven,
        taxes: [Tax] = [], id: String = "standard"
    ) throws -> PriceBook {
        PriceBook(
            id: id, currency: try #require(Currency(currency)), effective: Instant(seconds: 0),
            rounding: rounding, memory: .unreclaimable, unpriced: .show, taxes: taxes,
            meters: meters)
    }

    static func use(
        _ container: String, _ meter: String, _ quantity: Int128, billable: Int128? = nil
    ) -> MeterUsage {
        MeterUsage(
            container: ExactText(container), meter: meter, quantity: quantity, billable: billable)
    }

    /// What some usage costs over a period inside November.
    static func draft(
        _ book: PriceBook, _ usage: [MeterUsage], over period: Period? = nil,
        contract: ContractTime = ContractTime(), tenant: String = "acme"
    ) throws -> Draft {
        let month = try month()
        let segment = Segment(period: period ?? month, month: month, book: book)
        let lines = try statement(
            of: tenant, [SegmentUsage(segment: segment, usage: usage)], contract)
        return try Draft(
            tenant: tenant, period: segment.period, lines: lines, segments: [segment], book: book)
    }

    /// An issued document with everything that is known of its draft.
    static func document(
        _ draft: Draft, _ number: String = "OCT-000001", parties: Parties = Parties(),
        containers: [String: ContainerDescription] = [:], in zone: BillingZone = .utc
    ) -> InvoiceDocument {
        InvoiceDocument(
            Invoice(number: number, draft: draft, issued: draft.period.end, parties: parties),
            in: zone, segments: draft.before + draft.segments,
            containers: Dictionary(
                uniqueKeysWithValues: containers.map { (ExactText($0.key), $0.value) }))
    }

    /// A credit note, issued a day after the period, for some lines of a document.
    static func note(
        _ document: InvoiceDocument, _ lines: Set<Int>, after credited: Set<Int> = [],
        _ number: String = "OCT-CN-000001"
    ) throws -> InvoiceDocument {
        let draft = document.draft
        let rounding = try #require(draft.segments.last).book.rounding
        return InvoiceDocument(
            Invoice(
                number: number, draft: draft.credit(lines, after: credited, rounding: rounding),
                issued: draft.period.end.advanced(bySeconds: 86_400), status: .creditNote,
                credits: document.invoice.number),
            in: document.zone, segments: document.segments, creditedEnd: draft.period.end,
            references: [document.invoice.number: document.invoice.issued],
            containers: document.containers)
    }

    /// The numbers of all lines but taxes, from 1.
    static func creditable(_ draft: Draft) -> Set<Int> {
        Set(draft.lines.indices.filter { !draft.lines[$0].isTax }.map { $0 + 1 })
    }

    /// A total in major units, as an exact number.
    static func major(_ minor: BigInt, _ currency: Currency) -> Rational {
        Rational(minor, over: currency.scale)
    }

    /// The words of Octroi's own page.
    static func labels(_ language: PageLanguage = .en) throws -> [String: String] {
        let all = try JSONDecoder().decode(
            [String: [String: String]].self, from: Data(ReportFiles.invoiceLabels.utf8))
        return try #require(all[language.rawValue])
    }
}

/// A csv text as columns, and rows by column.
struct ReadTable {
    let columns: [String]
    let rows: [[String: String]]

    init(_ csv: String) throws {
        var bytes = Array(csv.utf8)
        var reader = CSVReader { () throws(Fault) in
            defer { bytes = [] }
            return bytes
        }
        columns = try #require(try reader.next()).fields
        var rows: [[String: String]] = []
        while let row = try reader.next() {
            try #require(row.fields.count == columns.count, "line \(row.line)")
            rows.append(Dictionary(uniqueKeysWithValues: zip(columns, row.fields)))
        }
        self.rows = rows
    }

    /// What a format prints for some documents.
    init(_ format: any InvoiceFormat, _ documents: [InvoiceDocument]) throws {
        var format = format
        var csv = format.heading
        for document in documents { csv += try format.text(of: document) }
        try self.init(csv + format.ending())
    }

    /// The rows of FOCUS for some documents.
    init(
        focus documents: [InvoiceDocument], _ version: FocusVersion = .v1_2,
        _ dataset: FocusDataset = .costAndUsage
    ) throws {
        try self.init(try FocusFormat(version, dataset), documents)
    }
}

/// A number of a FOCUS row.
func number(_ row: [String: String], _ column: String) throws -> Rational {
    try #require(Rational(decimal: row[column] ?? ""), "\(column): \(row[column] ?? "missing")")
}
