import Billing
import GRDB
import Invoicing
import Metering
import Pricing
import Store
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

/// What the store puts together of an invoice for every format to show.
@Suite struct InvoiceDocumentsTests {
    /// Says what a runtime called a container.
    private func describe(
        _ billing: Billing, _ path: String, _ name: String?, _ labels: String
    ) throws {
        try DatabaseQueue(path: billing.store.path).write { db in
            try db.execute(
                sql: """
                    INSERT INTO container_detail
                    SELECT id, ?, NULL, ?, NULL, 0 FROM container WHERE path = ?
                    """, arguments: [name, labels, path])
        }
    }

    @Test func anInvoiceHasItsOwnPricesAndNothingElse() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 7 * hour)], at: now)
        let invoice = try #require(try billing.issue(billing.october).first)
        let document = try billing.store.document(of: invoice, in: .utc)
        #expect(document.invoice == invoice && document.segments == invoice.draft.segments)
        #expect(document.references.isEmpty && document.containers.isEmpty)
        #expect(document.creditedEnd == nil && document.billingPeriod == billing.october)
        #expect(document.hourly.isEmpty)
        #expect(document.bookDigests.map(\.count) == invoice.draft.segments.map { _ in 32 })
    }

    /// A month with two versions of a book has a hash for each, in the order of time.
    @Test func eachVersionHasItsHash() throws {
        let billing = try Billing()
        let first = try #require(try billing.store.bookVersions().first)
        var book = first
        book.effective = billing.october.start.advanced(bySeconds: 10 * 86_400)
        book.meters["cpu"]?.amount = try #require(DecimalPrice("0.40"))
        _ = try billing.store.apply(
            Contract(tenants: nil, books: [first, book]), isPlan: false, at: now)
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let october = try #require(try billing.issue(billing.october).first)
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, hour, billing.november)], at: now)
        let november = try #require(try billing.issue(billing.november).last)
        let old = try billing.store.document(of: october, in: .utc).bookDigests
        let new = try billing.store.document(of: november, in: .utc).bookDigests
        #expect(old.count == 2 && Set(old).count == 2 && new == [old[1]])
    }

    /// Hours add up to what is billed, meter by meter; what came later or is another's is no part.
    @Test func hoursAddUpToTheLines() throws {
        let billing = try Billing(unpriced: .show)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 744 * hour + 5), billing.row("acme", "b", .cpu, 3),
                billing.row("acme", "b", .memory, 1 << 60), billing.row("lab", "c", .cpu, hour),
            ], at: now)
        let invoices = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, hour)], at: now)
        for invoice in invoices {
            #expect(
                try billing.store.document(of: invoice, in: .utc, hasHours: false).hourly.isEmpty)
            let hourly = try billing.store.document(of: invoice, in: .utc, hasHours: true).hourly
            var billed: [String: Int128] = [:]
            for line in invoice.draft.lines {
                guard let meter = line.meter, let counted = line.counted else { continue }
                billed[meter, default: 0] += counted.metered
            }
            var used: [String: Int128] = [:]
            for use in hourly { used[use.meter, default: 0] += use.quantity }
            #expect(used == billed && !used.isEmpty)
            // One row for each hour and meter, in order, inside the period.
            let keys = hourly.map { "\($0.hour) \($0.meter)" }
            #expect(keys == keys.sorted() && Set(keys).count == keys.count)
            #expect(hourly.allSatisfy { billing.october.start <= $0.hour })
            #expect(hourly.allSatisfy { $0.hour < billing.october.end })
        }
    }

    /// A credit note shows what its invoice used and paid by, and is billed after it.
    @Test func aCreditNoteHasWhatItCredits() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 7 * hour)], at: now)
        _ = try billing.issue(billing.october)
        let invoice = try #require(try billing.store.invoices().first)
        try describe(billing, "a", "web", "{\"team\":\"x\"}")
        let note = try billing.credit(invoice.number)
        let own = try billing.store.document(of: invoice, in: .utc, hasHours: true)
        let document = try billing.store.document(of: note, in: .utc, hasHours: true)
        #expect(document.segments == invoice.draft.segments && document.bookDigests.isEmpty)
        #expect(document.creditedEnd == billing.october.end)
        #expect(document.references == [invoice.number: invoice.issued])
        #expect(document.hourly == own.hourly && !own.hourly.isEmpty)
        #expect(document.billingPeriod == billing.november)
        let known = ContainerDescription(name: "web", labels: ["team": "x"])
        #expect(document.containers == [ExactText("a"): known])
        #expect(own.containers == document.containers)
    }

    /// A correction needs the prices and the date of the invoice that it corrects.
    @Test func aCorrectionHasThePricesOfBoth() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        let first = try #require(try billing.store.invoices().first)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "late", .cpu, hour),
                billing.row("acme", "a", .cpu, hour, billing.november),
            ], at: now)
        _ = try billing.issue(billing.november)
        let second = try #require(try billing.store.invoices().last)
        let document = try billing.store.document(of: second, in: .utc)
        #expect(document.references == [first.number: first.issued])
        #expect(document.segments == second.draft.segments + first.draft.segments)
        #expect(document.creditedEnd == nil && document.billingPeriod == billing.november)
        for line in second.draft.lines where !line.isTax {
            #expect(document.segments.contains { $0.period == line.period })
        }
    }

    /// Names and labels belong to the container of exactly that path.
    @Test func namesThatLookAlikeAreTwo() throws {
        let billing = try Billing()
        let (one, two) = ("caf\u{E9}", "cafe\u{301}")
        _ = try billing.store.importUsage(
            [one, two, "other"].map { billing.row("acme", $0, .cpu, hour) }, at: now)
        try describe(billing, one, "one", "{}")
        try describe(billing, two, nil, "{\"a\":\"\u{1F600}\\n\"}")
        let invoice = try #require(try billing.issue(billing.october).first)
        let known = try billing.store.document(of: invoice, in: .utc).containers
        #expect(known.count == 2)
        #expect(known[ExactText(one)] == ContainerDescription(name: "one"))
        #expect(
            known[ExactText(two)] == ContainerDescription(name: nil, labels: ["a": "\u{1F600}\n"]))
    }

    /// A document that refers to an invoice which is not there is damaged, and the error names it.
    @Test func aMissingReferenceIsNamed() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        var invoice = try #require(try billing.issue(billing.october).first)
        invoice.draft.lines[0].reference = "OCT-000099"
        let damaged = invoice
        let fault = try #require(throws: Fault.self) {
            try billing.store.document(of: damaged, in: .utc)
        }
        #expect(fault.kind == .badData && fault.location.contains("OCT-000099"))
        #expect(!fault.suggestion.isEmpty)
    }
}

/// Finding issued documents.
@Suite struct InvoiceQueriesTests {
    @Test func documentsAreFoundByNumberTenantAndMonth() throws {
        let billing = try Billing()
        #expect(try billing.store.invoices().isEmpty && billing.store.zoneOfLastInvoice() == nil)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, hour), billing.row("lab", "b", .cpu, hour),
                billing.row("acme", "a", .cpu, hour, billing.november),
            ], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.issue(billing.november)
        let note = try billing.credit("OCT-000002")
        func numbers(
            _ number: String? = nil, _ tenant: String? = nil, _ period: Period? = nil
        ) throws -> [String] {
            try billing.store.invoices(number: number, tenant: tenant, over: period).map(\.number)
        }
        #expect(Set(try numbers()) == ["OCT-000001", "OCT-000002", "OCT-000003", note.number])
        #expect(try numbers(nil, "acme") == ["OCT-000001", "OCT-000003"])
        #expect(try numbers("OCT-000002") == ["OCT-000002"])
        #expect(try numbers("OCT-000002", "acme").isEmpty && numbers("oct-000002").isEmpty)
        #expect(try numbers(nil, nil, billing.november) == ["OCT-000003"])
        // A credit note is of the month that it credits.
        #expect(Set(try numbers(nil, "lab", billing.october)) == ["OCT-000002", note.number])
        #expect(try billing.store.zoneOfLastInvoice() == note.zone)
    }

    /// Whatever is done with a document stops the walk through all of them.
    @Test func aMistakeStopsTheWalk() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, hour), billing.row("lab", "b", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        var seen: [String] = []
        let fault = Fault(.failed, at: "here", problem: "no", suggestion: "stop")
        #expect(throws: fault) {
            try billing.store.forEachInvoice { invoice in
                seen.append(invoice.number)
                throw fault
            }
        }
        #expect(seen == ["OCT-000001"])
    }

    /// A hash is found in capital and in small letters, as a whole and not in part.
    @Test func sealsAreFoundByTheirHash() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        let invoice = try #require(try billing.issue(billing.october).first)
        let hash = try #require(invoice.proof).hash.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        #expect(try billing.store.hasSeal(hash) && billing.store.hasSeal(hash.uppercased()))
        for other in ["", String(hash.dropLast()), hash + "0", "%", "x'00'"] {
            #expect(try !billing.store.hasSeal(other))
        }
    }
}
