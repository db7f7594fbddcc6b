import BigInt
import Invoicing
import Metering
import Pricing
import Reporting
import TestSupport
import Testing
import Units

/// Credit notes, corrections and carried rounding in FOCUS.
@Suite struct FocusCreditTests {
    private func document(
        _ usage: [MeterUsage] = [
            Made.use("/a", "cpu", 3_600_000_000), Made.use("/b", "cpu", 7_200_000_000),
        ]
    ) throws -> InvoiceDocument {
        let book = try Made.book(
            ["cpu": try Made.price("0.36", "1 vCPU-hour")], taxes: [try Made.tax("20")])
        return Made.document(try Made.draft(book, usage))
    }

    /// A note has the rows of the lines that it takes back, with the opposite sign.
    @Test func aNoteHasNegatedRows() throws {
        let note = try Made.note(try document(), [2])
        let rows = try ReadTable(focus: [note], .v1_4).rows
        #expect(rows.map { $0["BilledCost"] } == ["-0.72", "-0.14"])
        #expect(rows.map { $0["ChargeCategory"] } == ["Usage", "Tax"])
        #expect(rows.allSatisfy { $0["ChargeClass"] == "Correction" })
        let row = try #require(rows.first)
        #expect(row["ConsumedQuantity"] == "-7200.0" && row["PricingQuantity"] == "-2.0")
        #expect(row["ListUnitPrice"] == "0.36" && row["ListCost"] == "-0.72")
        #expect(
            row["ChargeDescription"]
                == "Credit of OCT-000001: cpu of container /b, 0.36 EUR per 1 vCPU-hour")
        #expect(rows[1]["ListCost"] == "-0.144")
        #expect(rows[1]["ChargeDescription"] == "Credit of OCT-000001: Tax vat 20 %")
    }

    /// A closed bill must not change: the note is billed later, for the time that was billed.
    @Test func aNoteIsBilledAfterWhatItCredits() throws {
        var note = try Made.note(try document(), [1])
        var row = try #require(try ReadTable(focus: [note]).rows.first)
        #expect(row["ChargePeriodStart"] == "2026-11-01T00:00:00Z")
        #expect(row["ChargePeriodEnd"] == "2026-12-01T00:00:00Z")
        #expect(row["BillingPeriodStart"] == "2026-12-01T00:00:00Z")
        #expect(row["BillingPeriodEnd"] == "2027-01-01T00:00:00Z")
        note.invoice.issued = try #require(Instant(rfc3339: "2027-02-10T00:00:00Z"))
        row = try #require(try ReadTable(focus: [note]).rows.first)
        #expect(row["BillingPeriodStart"] == "2027-02-01T00:00:00Z")
        #expect(row["BillingPeriodEnd"] == "2027-03-01T00:00:00Z")
        // A note for a part of a month is billed in the rest of that month.
        note.invoice.issued = try #require(Instant(rfc3339: "2026-11-12T00:00:00Z"))
        note.creditedEnd = Instant(rfc3339: "2026-11-10T00:00:00Z")
        row = try #require(try ReadTable(focus: [note]).rows.first)
        #expect(row["BillingPeriodStart"] == "2026-11-10T00:00:00Z")
        #expect(row["BillingPeriodEnd"] == "2026-12-01T00:00:00Z")
    }

    @Test func aNoteRefersToItsInvoice() throws {
        let note = try Made.note(try document(), [1])
        let detail = try ReadTable(focus: [note], .v1_4, .invoiceDetail).rows
        #expect(detail.map { $0["ReferenceInvoiceId"] } == ["OCT-000001", "OCT-000001"])
        #expect(detail.map { $0["InvoiceId"] } == ["OCT-CN-000001", "OCT-CN-000001"])
        #expect(detail.allSatisfy { $0["InvoiceIssueStatus"] == "Issued" })
    }

    /// The name of a container is known to the note as well.
    @Test func aNoteNamesTheContainers() throws {
        var invoice = try document()
        invoice.containers[ExactText("/b")] = ContainerDescription(name: "shop")
        let rows = try ReadTable(focus: [try Made.note(invoice, [1, 2])]).rows
        #expect(rows.map { $0["ResourceName"] } == ["", "shop", ""])
    }

    /// An invoice that corrects an older one: its own rows, and rows of class Correction.
    @Test func aCorrectionIsOfItsOwnTimeAndPrice() throws {
        let old = try document()
        let now = try document([
            Made.use("/a", "cpu", 3_600_000_000), Made.use("/b", "cpu", 9_000_000_000),
        ])
        let lines = corrections(
            to: "OCT-000001", from: old.draft.lines,
            to: now.draft.lines.filter { !$0.isTax })
        let december = try Made.month("2026-12")
        let book = try #require(old.segments.first).book
        let draft = try Draft(
            tenant: "acme", period: december, lines: lines,
            segments: [Segment(period: december, month: december, book: book)], book: book)
        var document = Made.document(draft, "OCT-000002")
        document.segments += old.segments
        let table = try ReadTable(focus: [document])
        #expect(focusFaults(table.rows, columns: table.columns, version: "1.2") == [])
        let row = try #require(table.rows.first)
        // Half an hour more of /b, and nothing of /a.
        #expect(table.rows.count == 2 && row["ResourceId"] == "/b")
        #expect(row["ConsumedQuantity"] == "1800.0" && row["BilledCost"] == "0.18")
        #expect(row["ChargeClass"] == "Correction" && row["ChargeCategory"] == "Usage")
        #expect(row["ChargePeriodStart"] == "2026-11-01T00:00:00Z")
        #expect(row["BillingPeriodStart"] == "2026-12-01T00:00:00Z")
        #expect(row["ChargeDescription"]?.hasSuffix(", corrects OCT-000001") == true)
        let detail = try ReadTable(focus: [document], .v1_4, .invoiceDetail).rows
        // The tax is the new invoice's own.
        #expect(detail.map { $0["ReferenceInvoiceId"] } == ["OCT-000001", "OCT-000002"])
        #expect(table.rows[1]["ChargeClass"] == "" && table.rows[1]["ChargeCategory"] == "Tax")
    }

    /// What other lines say when they are corrected.
    @Test func correctedDiscountsAndMinimumsSayWhatTheyAre() throws {
        let period = try Made.month("2026-10")
        let euro = try #require(Currency("EUR"))
        func line(_ subject: LineSubject, _ reference: String?) -> LineItem {
            LineItem(
                subject, period: period, exactAmount: Rational(-1), amount: -100,
                isCorrection: true, reference: reference)
        }
        let draft = Draft(
            tenant: "acme", period: try Made.month(), currency: euro,
            lines: [
                line(
                    .discount(meter: "cpu", Percentage(try Made.decimal("10"), of: euro)),
                    "OCT-000001"),
                line(.minimum(try Made.decimal("5")), "OCT-000001"),
                line(.rounding, nil),
            ], segments: [])
        let rows = try ReadTable(focus: [Made.document(draft, "OCT-000002")]).rows
        #expect(
            rows.map { $0["ChargeDescription"] } == [
                "cpu, corrects OCT-000001", "minimum, corrects OCT-000001",
                "Rounding carried from earlier invoices",
            ])
        #expect(rows.map { $0["ChargeCategory"] } == ["Credit", "Adjustment", "Adjustment"])
        #expect(
            rows.map { $0["ServiceName"] } == ["Container Compute", "Minimum Charge", "Rounding"])
        // Rounding of the invoice's own months corrects no other invoice.
        #expect(rows.map { $0["ChargeClass"] } == ["Correction", "Correction", ""])
        #expect(rows.allSatisfy { $0["BilledCost"] == "-1.00" && $0["SkuId"] == "" })
    }
}
