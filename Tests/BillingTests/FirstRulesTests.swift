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

/// Invoices of Octroi 0.1.0 are verified by the rules of their day.
@Suite struct FirstRulesTests {
    /// A store of 0.1.0 with 18 documents, brought to the newest schema.
    private struct Old {
        let folder: TemporaryFolder
        let store: Store

        init() throws {
            folder = try TemporaryFolder(inMemory: true)
            let path = "\(folder.path)/octroi.db"
            try unpack("store-0.1.0/store.gz", to: path)
            store = try Store(at: path, for: .write)
        }

        /// Runs SQL as somebody who can write the file and knows no trigger.
        func tamper(_ sql: String) throws {
            try DatabaseQueue(path: store.path).write { db in
                let triggers = try String.fetchAll(
                    db, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
                for trigger in triggers { try db.execute(sql: "DROP TRIGGER \(trigger)") }
                try db.execute(sql: sql)
            }
        }

        /// What is found on one document.
        func found(on number: String) throws -> [String] {
            try store.verifyInvoices([number]).differences.filter { $0.invoice == number }
                .map(\.found)
        }
    }

    /// Tiers, packages, volume prices, usage without a price, corrections, credits: all agree.
    @Test func whatWasIssuedThenStillAgrees() throws {
        let old = try Old()
        let all = try old.store.verifyInvoices(nil)
        #expect(all.count == 18 && all.differences.isEmpty && all.head?.count == 32)
        for number in ["OCT-000003", "OCT-000010", "OCT-000014", "OCT-CN-000001"] {
            let one = try old.store.verifyInvoices([number])
            #expect(one.count == 1 && one.differences.isEmpty, "\(number)")
        }
    }

    /// Figures are computed again, not only hashed: the sentence says what should be there.
    @Test(arguments: [
        (
            """
            UPDATE invoice_line SET amount_minor = amount_minor + 1
            WHERE kind = 'usage' AND line = 1
            """, "OCT-000001", "and should be"
        ),
        (
            """
            UPDATE invoice_line SET amount_minor = amount_minor + 1
            WHERE kind = 'correction' AND reference = 'OCT-000004'
            """, "OCT-000010", "and should be"
        ),
        (
            "UPDATE invoice_line SET quantity_low = quantity_low + 1 WHERE kind = 'unpriced'",
            "OCT-000003", "and should be"
        ),
        // One of three lines that correct the same invoice.
        (
            "DELETE FROM invoice_line WHERE invoice = 'OCT-000014' AND line = 16", "OCT-000014",
            "20 lines, where its usage and prices make 21"
        ),
        (
            "UPDATE invoice_usage SET quantity_low = quantity_low + 1 WHERE corrects = ''",
            "OCT-000002", "of which the ledger held"
        ),
        (
            """
            UPDATE invoice_usage SET quantity_low = quantity_low + 1
            WHERE corrects = 'OCT-000008'
            """, "OCT-000011", "of which the ledger held"
        ),
        (
            """
            UPDATE invoice_usage SET billable_low = billable_low + 1
            WHERE corrects = 'OCT-000001'
            """, "OCT-000014", "it bills"
        ),
        (
            "UPDATE invoice_line SET amount_minor = amount_minor - 1 WHERE kind = 'tax'",
            "OCT-CN-000001", ""
        ),
    ])
    func everyDeedIsFoundByReckoning(sql: String, number: String, said: String) throws {
        let old = try Old()
        #expect(try old.found(on: number).isEmpty)
        try old.tamper(sql)
        // The chain of hashes finds it as well; that is not what is tested here.
        let found = try old.found(on: number).filter { !$0.contains("sealed") }
        #expect(found.contains { said.isEmpty || $0.contains(said) }, "\(found)")
    }

    /// Says that every invoice was made by the first rules, whatever it was made by.
    private func backdate(_ billing: Billing) throws -> [InvoiceDifference] {
        try billing.tamper("UPDATE rating_rules SET first_seal = 1000 WHERE rules = 2")
        return try billing.store.verifyInvoices(nil).differences.filter { $0.invoice != nil }
    }

    /// At a plain price the rules agree, for new usage and for late usage.
    @Test func plainPricesAreTheSameByBothRules() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 7 * hour), billing.row("acme", "b", .cpu, hour)],
            at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "late", .cpu, 2 * hour),
                billing.row("acme", "a", .cpu, hour, billing.november),
            ], at: now)
        let next = try #require(try billing.issue(billing.november).first)
        #expect(next.draft.lines.map(\.reference) == [nil, "OCT-000001", nil])
        #expect(try backdate(billing).isEmpty)
    }

    /// Where a package is shared between tiers they do not, so an invoice is held to its own.
    @Test func eachInvoiceIsHeldToItsOwnRules() throws {
        let price = Price(
            per: try #require(UnitQuantity("1 thing")),
            tiers: [
                Tier(upTo: DecimalPrice("1000"), price: try #require(DecimalPrice("1"))),
                Tier(upTo: nil, price: try #require(DecimalPrice("2"))),
            ], step: UnitQuantity("1000 thing"))
        let billing = try Billing(meters: ["thing": price])
        let thing = try #require(Meter("thing"))
        _ = try billing.store.importUsage([billing.row("acme", "a", thing, 1500)], at: now)
        let invoice = try #require(try billing.issue(billing.october).first)
        #expect(invoice.draft.lines.compactMap { $0.counted?.metered } == [1000, 500])
        #expect(try billing.store.verifyInvoices(nil).differences.isEmpty)
        // By the first rules, a half of the 1,500 would lie in each tier.
        let found = try backdate(billing)
        #expect(found.contains { $0.found.hasPrefix("line 1 is") && $0.found.contains("750") })
        #expect(found.contains { $0.found.hasPrefix("line 2 is") && $0.found.contains("750") })
    }
}
