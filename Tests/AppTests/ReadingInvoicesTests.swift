import App
import Foundation
import Invoicing
import Reporting
import TestSupport
import Testing
import Units

/// Issued documents that are listed, shown and exported.
@Suite struct ReadingInvoicesTests {
    private let firm: Firm

    /// OCT-000001 and OCT-000002 are of January, OCT-000003 of February, and one is credited.
    init() throws {
        firm = try Firm()
        for number in 1...2 {
            try firm.use("acme", "web", 10 * coreHour, over: month(number))
        }
        try firm.use("lab", "job", 5 * coreHour, over: month(1))
        for number in 1...2 { _ = try firm.app.issueInvoices(over: month(number)) }
        _ = try firm.app.creditInvoice("OCT-000002")
        _ = firm.notices.take()
    }

    private func export(
        _ query: InvoiceQuery, as format: InvoiceExportFormat = .csv, from app: App? = nil
    ) throws -> String {
        var text = ""
        try (app ?? firm.app).exportInvoices(query, as: format) { text += $0 }
        return text
    }

    /// The numbers in the first column, each once.
    private func numbers(_ query: InvoiceQuery) throws -> [String] {
        let lines = try export(query).split(separator: "\n").dropFirst()
        return lines.map { String($0.prefix { $0 != "," }) }.reduce(into: []) { all, number in
            if all.last != number { all.append(number) }
        }
    }

    @Test func documentsAreListedByTenantAndPeriod() throws {
        func numbers(_ tenant: String? = nil, _ period: Period? = nil) throws -> [String] {
            try firm.app.invoices(tenant: tenant, over: period).map(\.number)
        }
        let all = ["OCT-000001", "OCT-000002", "OCT-000003", "OCT-CN-000001"]
        #expect(try numbers() == all)
        #expect(try numbers("acme") == ["OCT-000001", "OCT-000003"])
        #expect(try numbers("lab") == ["OCT-000002", "OCT-CN-000001"])
        #expect(try numbers(nil, month(2)) == ["OCT-000003"])
        #expect(try numbers("lab", month(2)) == [])
        // A document is in the period that its own period begins in.
        #expect(try numbers("acme", hours(1, 2000)) == ["OCT-000003"])
        try refusal(.badData, at: "tenant \"nobody\"") { try firm.app.invoices(tenant: "nobody") }
    }

    @Test func oneIsShownByItsNumber() throws {
        let invoice = try firm.app.invoice("OCT-000003")
        #expect(try invoice.draft.tenant == "acme" && invoice.draft.period == month(2))
        for number in ["OCT-000004", "", "OCT-000001 ", "oct-000001"] {
            try refusal(.badData, at: "invoice \"\(number)\"") { try firm.app.invoice(number) }
        }
    }

    @Test func anExportHoldsWhatTheQuerySelects() throws {
        #expect(
            try numbers(InvoiceQuery()) == [
                "OCT-000001", "OCT-000002", "OCT-000003", "OCT-CN-000001",
            ])
        #expect(try numbers(InvoiceQuery(tenant: "lab")) == ["OCT-000002", "OCT-CN-000001"])
        #expect(try numbers(InvoiceQuery(period: month(2))) == ["OCT-000003"])
        #expect(
            try numbers(InvoiceQuery(numbers: ["OCT-000001", "OCT-000003"], tenant: "acme"))
                == ["OCT-000001", "OCT-000003"])
        // Nothing but the heading, where nothing fits.
        #expect(try export(InvoiceQuery(period: month(7))).split(separator: "\n").count == 1)
        #expect(try export(InvoiceQuery(period: month(7)), as: .json) == "[]\n")
    }

    @Test func everyLineIsARowOrAnObject() throws {
        let csv = try export(InvoiceQuery(numbers: ["OCT-000001"]))
        #expect(
            csv.split(separator: "\n").dropFirst().map(String.init) == [
                "OCT-000001,1,acme,usage,cpu,,web,2025-01-01T00:00:00Z,2025-02-01T00:00:00Z,"
                    + "36000000000,us,0.36,1 vCPU-hour,3.6,3.60,EUR,36000000000,",
                "OCT-000001,2,acme,tax,vat,,,2025-01-01T00:00:00Z,2025-02-01T00:00:00Z,"
                    + ",,20,100 EUR,0.72,0.72,EUR,,",
            ])
        let text = try export(InvoiceQuery(), as: .json)
        let json = try JSONSerialization.jsonObject(with: Data(text.utf8))
        let objects = try #require(json as? [[String: Any]])
        #expect(objects.count == 8)
        #expect(Set(objects.compactMap { $0["invoice"] as? String }).count == 4)
    }

    /// A query that contradicts itself is a slip, and nothing is written before it is found.
    @Test(
        arguments: [
            (["OCT-000001", "OCT-000009"], nil, nil, Fault.Kind.badData, "invoice \"OCT-000009\""),
            ([], "nobody", nil, .badData, "tenant \"nobody\""),
            (["OCT-000001", "OCT-000002"], "acme", nil, .wrongUse, "invoice OCT-000002"),
            (["OCT-000001"], nil, 2, .wrongUse, "invoice OCT-000001"),
            (["OCT-000003"], "acme", 1, .wrongUse, "invoice OCT-000003"),
        ] as [([String], String?, Int?, Fault.Kind, String)])
    func aQueryThatExcludesItsNumbersIsRefused(
        numbers: [String], tenant: String?, month number: Int?, kind: Fault.Kind, place: String
    ) throws {
        let query = InvoiceQuery(
            numbers: numbers, tenant: tenant, period: try number.map { try month($0) })
        var text = ""
        for format in [InvoiceExportFormat.csv, .json, .page(.en), .focus(.v1_4, .costAndUsage)] {
            try refusal(kind, at: place) {
                try firm.app.exportInvoices(query, as: format) { text += $0 }
            }
        }
        #expect(text == "")
    }

    @Test func aPageHoldsOneInvoice() throws {
        for language in PageLanguage.allCases {
            let page = try export(InvoiceQuery(numbers: ["OCT-000003"]), as: .page(language))
            #expect(page.contains("<html lang=\"\(language.rawValue)\""))
            #expect(page.contains("OCT-000003") && page.contains("ACME SARL"))
            #expect(page.contains("Forge SAS") && !page.contains("{{"))
        }
        try refusal(.wrongUse) { try export(InvoiceQuery(tenant: "acme"), as: .page(.en)) }
        // A single document fits without being named.
        let only = try export(InvoiceQuery(tenant: "acme", period: month(2)), as: .page(.en))
        #expect(only.contains("OCT-000003"))
        try refusal(.badData) { try export(InvoiceQuery(period: month(7)), as: .page(.en)) }
    }

    @Test func theOperatorsOwnPageIsUsed() throws {
        try firm.folder.write("<p>Our own page</p>\n", to: "config/reports/invoice.html.mustache")
        let query = InvoiceQuery(numbers: ["OCT-000001"])
        #expect(try export(query, as: .page(.en)) == "<p>Our own page</p>\n")
        let without = firm.other(config: "\(firm.folder.path)/nowhere")
        #expect(try export(query, as: .page(.en), from: without).contains("OCT-000001"))
    }

    @Test func focusHasItsDatasets() throws {
        let rows = try export(InvoiceQuery(tenant: "acme"), as: .focus(.v1_4, .costAndUsage))
            .split(separator: "\n")
        #expect(rows.count > 2 && rows[0].contains("BilledCost"))
        let periods = try export(
            InvoiceQuery(tenant: "acme"), as: .focus(.v1_4, .billingPeriod)
        )
        .split(separator: "\n")
        #expect(periods.count == 3, "the heading, January and February")
        // Older versions do not have it.
        let fault = try refusal(.wrongUse) {
            try export(InvoiceQuery(), as: .focus(.v1_2, .billingPeriod))
        }
        #expect(fault.suggestion.contains("1.4"))
    }

    /// Whatever the receiver throws ends the export, and is passed on.
    @Test func aReceiverMayGiveUp() throws {
        var count = 0
        #expect(throws: CancellationError.self) {
            try firm.app.exportInvoices(InvoiceQuery(), as: .csv) { _ in
                count += 1
                if count == 2 { throw CancellationError() }
            }
        }
        #expect(count == 2)
    }
}
